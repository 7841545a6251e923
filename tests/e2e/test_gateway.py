"""The device gateway: who gets in, what policies allow, what malformed bytes do."""
import json
import os
import socket
import ssl
import struct
import subprocess
import time

import pytest

import mqtt
import vouch
from test_workshop import provision


def make_device(server, thing, policy=None):
    iot = server.boto()
    device = provision(server, server.claim(iot), thing)
    if policy:
        arn = f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:cert/{device.id}"
        name = f"extra-{thing}"
        iot.create_policy(policyName=name, policyDocument=json.dumps({"Version": "2012-10-17", "Statement": policy}))
        iot.attach_policy(policyName=name, target=arn)
    return device


def arn(kind):
    return f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:{kind}"


ALL = [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]


@pytest.fixture(scope="module")
def device(server):
    return make_device(server, "gate-1")


@pytest.fixture(scope="module")
def free(server):
    """A device that may do anything."""
    return make_device(server, "free-1", ALL)


# ---- who gets in


def self_signed(server, name, days="1", extra=()):
    cert, key = server.home / f"{name}.crt", server.home / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
                    "-subj", f"/CN={name}", "-days", days, *extra], check=True, capture_output=True)
    return vouch.Identity(server.home, name, cert.read_text(), key.read_text())


def refused_at_the_door(server, identity, port=None, alpn=None, tls=None):
    """Neither TLS nor CONNECT succeeds. With TLS 1.3 the client learns of it a moment after its handshake."""
    try:
        with mqtt.Client(server, identity, port, alpn, tls) as client:
            client.send(mqtt.connect("who"))
            return client.expect_closed(timeout=5)
    except mqtt.Closed:
        return True


@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_strangers_open_nothing(server, device, tls):
    assert refused_at_the_door(server, None, tls=tls)
    assert refused_at_the_door(server, self_signed(server, "stranger"), tls=tls)
    # A certificate with the right names from another authority.
    with vouch.Server() as other:
        other.prepare_workshop()
        assert refused_at_the_door(server, other.claim(), tls=tls)
        assert refused_at_the_door(server, provision(other, other.claim(), "gate-1"), tls=tls)
    # The device's own certificate with another key.
    with pytest.raises(ssl.SSLError):
        mqtt.Client(server, vouch.Identity(server.home, "mixed", device.certificate, self_signed(server, "k").key), tls=tls)


def test_edge_splits_by_alpn(server, device):
    with mqtt.Client(server, device, server.edge_port, "x-amzn-mqtt-ca") as client:
        client.connect("gate-1")
    assert refused_at_the_door(server, None, server.edge_port, "x-amzn-mqtt-ca")
    done = subprocess.run(["curl", "-sS", "--cacert", server.ca, f"https://localhost:{server.edge_port}/healthz", "-o", "/dev/null", "-w", "%{http_code}"],
                          capture_output=True, text=True)
    assert done.stdout == "200", done.stderr


def test_old_tls_is_refused(server, device):
    done = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{server.mqtt_port}", "-tls1_1", "-CAfile", server.ca,
                           "-cipher", "ALL:@SECLEVEL=0"], input="", capture_output=True, text=True)
    assert done.returncode != 0
    done = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{server.mqtt_port}", "-tls1_2", "-cipher", "AES128-SHA",
                           "-CAfile", server.ca], input="", capture_output=True, text=True)
    assert "Cipher is (NONE)" in done.stdout + done.stderr


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
def test_status_away_from_active_closes_within_a_second(server, status):
    iot = server.boto()
    device = make_device(server, f"revoked-{status}")
    with mqtt.Client(server, device) as client:
        client.connect(f"revoked-{status}")
        client.ping()
        iot.update_certificate(certificateId=device.id, newStatus=status)
        start = time.monotonic()
        assert client.expect_closed(timeout=1)
        assert time.monotonic() - start < 1
    assert refused_at_the_door(server, device)
    if status == "INACTIVE":
        iot.update_certificate(certificateId=device.id, newStatus="ACTIVE")
        with mqtt.Client(server, device) as client:
            client.connect("revoked-INACTIVE")
    else:
        with pytest.raises(iot.exceptions.ClientError):
            iot.update_certificate(certificateId=device.id, newStatus="ACTIVE")


def test_pending_certificate_opens_nothing(server):
    claim = server.claim()
    with mqtt.Client(server, claim) as client:
        client.connect("pending")
        accepted, made = client.request(mqtt.CREATE, {})
        assert accepted
    pending = vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["privateKey"])
    assert refused_at_the_door(server, pending)


# ---- policies


def test_pubsub_policy_as_the_workshop_has_it(server, device):
    with mqtt.Client(server, device) as client:
        client.connect("gate-1")
        client.publish("gate-1/x", "fine")
        assert client.subscribe("$aws/things/gate-1/#") == [1]
        client.publish("gate-1/deep/er", "fine", qos=0)
        client.ping()
    for topic in ("other/x", "gate-1", "gate-2/x", "$aws/things/gate-1/shadow/update"):
        with mqtt.Client(server, device) as client:
            client.connect("gate-1")
            client.send(mqtt.publish(topic, b"x", 1, 7))
            assert client.expect_closed(), topic
    for filter_ in ("gate-1/#", "#", "$aws/things/+/x", "$aws/things/gate-2/x"):
        with mqtt.Client(server, device) as client:
            client.connect("gate-1")
            assert client.subscribe(filter_) == [0x80]
            assert client.expect_closed()
    with mqtt.Client(server, device) as client:
        client.connect("somebody-else", expect=5)
        assert client.expect_closed()


def test_messages_go_from_device_to_device(server, free):
    listener_device = make_device(server, "listener-1", ALL)
    with mqtt.Client(server, listener_device) as listener, mqtt.Client(server, free) as talker:
        listener.connect("listener-1")
        talker.connect("free-1")
        assert listener.subscribe("news/+/today", "deep/#") == [1, 1]
        for qos in (0, 1):
            talker.publish("news/here/today", f"q{qos}", qos=qos)
            assert listener.message() == ("news/here/today", f"q{qos}".encode())
        talker.publish("deep/a/b/c", b"\x00\x01")
        assert listener.message() == ("deep/a/b/c", b"\x00\x01")
        talker.publish("deep", "AWS does not match this one")
        talker.publish("news/here/tomorrow", "nor this")
        talker.publish("news/last/today", "end")
        assert listener.message() == ("news/last/today", b"end")
        listener.send(mqtt.unsubscribe(5, "deep/#"))
        listener.expect(mqtt.UNSUBACK)
        talker.publish("deep/x", "gone")
        with pytest.raises(TimeoutError):
            listener.message(timeout=0.3)


def test_explicit_deny_wins_and_variables_resolve(server):
    device = make_device(server, "deny-1", [
        {"Effect": "Allow", "Action": "iot:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "iot:Publish", "Resource": arn("topic/locked/${iot:ClientId}/*")},
        {"Effect": "Deny", "Action": "iot:Receive", "Resource": arn("topic/secret/*")},
        {"Effect": "Deny", "Action": "iot:Connect", "Resource": arn("client/bad-*")},
        {"Effect": "Deny", "Action": "iot:Publish", "Resource": arn("topic/from/here"),
         "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}])
    with mqtt.Client(server, device) as client:
        client.connect("deny-1")
        client.publish("locked/other/x", "allowed")
        assert client.subscribe("secret/#") == [1]
        client.publish("secret/x", "never received")
        with pytest.raises(TimeoutError):
            client.message(timeout=0.3)
        client.send(mqtt.publish("locked/deny-1/x", b"", 1))
        assert client.expect_closed()
    with mqtt.Client(server, device) as client:
        client.connect("bad-1", expect=5)
    with mqtt.Client(server, device) as client:
        client.connect("deny-1")
        client.send(mqtt.publish("from/here", b"", 1))
        assert client.expect_closed()


def test_changes_act_on_a_live_connection(server):
    iot = server.boto()
    device = make_device(server, "live-1", [{"Effect": "Allow", "Action": ["iot:Connect", "iot:Publish"], "Resource": "*"}])
    with mqtt.Client(server, device) as client:
        client.connect("live-1")
        client.publish("before/x", "allowed")
        iot.create_policy_version(policyName="extra-live-1", setAsDefault=True, policyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["iot:Connect", "iot:Publish"], "Resource": [arn("client/*"), arn("topic/after/*")]}]}))
        client.publish("after/x", "allowed")
        client.send(mqtt.publish("before/x", b"", 1))
        assert client.expect_closed()
    with mqtt.Client(server, device) as client:
        client.connect("live-1")
        client.publish("after/x", "allowed")
        iot.detach_policy(policyName="extra-live-1", target=arn(f"cert/{device.id}"))
        client.send(mqtt.publish("after/x", b"", 1))
        assert client.expect_closed()


def test_client_id_with_a_wildcard_opens_no_filter(server):
    device = make_device(server, "wild-1", [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},
        {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": arn("topicfilter/my/${iot:ClientId}/topic")}])
    with mqtt.Client(server, device) as client:
        client.connect("+")
        assert client.subscribe("my/+/topic") == [0x80]
    with mqtt.Client(server, device) as client:
        client.connect("plain")
        assert client.subscribe("my/plain/topic") == [1]


# ---- sessions


def test_take_over_of_a_client_id(server, free):
    with mqtt.Client(server, free) as old:
        old.connect("twin")
        for _ in range(5):
            new = mqtt.Client(server, free)
            new.connect("twin")
            assert old.expect_closed(timeout=3)
            old.close()
            old = new
        old.ping()


def test_a_claim_does_not_push_out_a_device(server, free):
    with mqtt.Client(server, free) as client:
        client.connect("precious")
        with mqtt.Client(server, server.claim()) as thief:
            thief.connect("precious", expect=5)
        client.ping()


def test_a_claim_does_not_end_a_session_that_waits(server, free):
    with mqtt.Client(server, free) as client:
        client.connect("absent", clean=False)
        client.subscribe("absent/in")
        client.disconnect()
    with mqtt.Client(server, server.claim()) as thief, mqtt.Client(server, free) as other:
        thief.connect("absent")
        other.connect("other")
        other.publish("absent/in", "waits")
        with mqtt.Client(server, free) as client:
            assert client.connect("absent", clean=False) == 1
            assert client.message() == ("absent/in", b"waits")
        thief.ping()


def test_will_is_sent_and_needs_permission(server, free, device):
    with mqtt.Client(server, free) as watcher:
        watcher.connect("watcher")
        watcher.subscribe("wills/#")
        with mqtt.Client(server, free) as client:
            client.connect("mortal", will=("wills/mortal", "gone", 1, False))
            client.sock.close()
        assert watcher.message() == ("wills/mortal", b"gone")
        with mqtt.Client(server, free) as client:
            client.connect("orderly", will=("wills/orderly", "gone", 1, False))
            client.disconnect()
        with pytest.raises(TimeoutError):
            watcher.message(timeout=0.3)
    with mqtt.Client(server, device) as client:
        client.connect("gate-1", will=("wills/x", "no", 0, False), expect=5)


def test_keep_alive_is_watched(server, free):
    """A requested second is raised to AWS's minimum of 30, so a silent client stays for a while; one that pings stays too."""
    with mqtt.Client(server, free) as client:
        client.connect("sleepy", keep_alive=1)
        time.sleep(2.5)
        client.ping()


def test_silent_connections_are_closed(server, device):
    started = time.monotonic()
    raw = socket.create_connection(("127.0.0.1", server.mqtt_port))  # no TLS at all
    with mqtt.Client(server, device, timeout=15) as client:          # TLS, but no CONNECT
        assert client.expect_closed(timeout=15)
    raw.settimeout(15)
    try:
        assert raw.recv(1) == b""
    except ConnectionResetError:
        pass
    raw.close()
    assert time.monotonic() - started < 15
    server.wait_log("connect-timeout")


# ---- malformed packets: each closes its own connection and nothing else


def body(*parts):
    return b"".join(parts)


T = mqtt.text
BEFORE = {  # instead of CONNECT
    "not MQTT": b"GET / HTTP/1.1\r\n\r\n",
    "publish first": mqtt.publish("a", b"x"),
    "length of five bytes": b"\x10\xff\xff\xff\xff\x01",
    "wrong protocol name": mqtt.connect("x", name="MQTX"),
    "reserved connect flag": mqtt.connect("x", flags=3),
    "will QoS 3": mqtt.connect("x", flags=0x1E) ,
    "will flags without will": mqtt.connect("x", flags=0x0A),
    "password without name": mqtt.connect("x", flags=0x42),
    "cut inside the client id": mqtt.packet(1, 0, T("MQTT") + b"\x04\x02\x00\x3c\x00\x10abc"),
    "bytes after the end": mqtt.packet(1, 0, T("MQTT") + b"\x04\x02\x00\x3c" + T("x") + b"junk"),
    "client id is not UTF-8": mqtt.packet(1, 0, T("MQTT") + b"\x04\x02\x00\x3c" + T(b"\xff\xfe")),
    "client id with NUL": mqtt.packet(1, 0, T("MQTT") + b"\x04\x02\x00\x3c" + T(b"a\0b")),
    "connect with flags": b"\x11" + mqtt.connect("x")[1:],
    "packet type 0": b"\x00\x00",
    "packet type 15": b"\xf0\x00",
}
AFTER = {
    "second connect": mqtt.connect("again"),
    "connack from a client": b"\x20\x02\x00\x00",
    "suback from a client": b"\x90\x03\x00\x01\x00",
    "unsuback from a client": b"\xb0\x02\x00\x01",
    "pingresp from a client": b"\xd0\x00",
    "publish with wildcard": mqtt.publish("a/+/b", b"x"),
    "publish with empty topic": mqtt.publish("", b"x"),
    "publish with QoS 3": b"\x36" + mqtt.publish("a", b"x", 1)[1:],
    "publish with QoS 2": b"\x34" + mqtt.publish("a", b"x", 1)[1:],
    "publish with packet id 0": mqtt.publish("a", b"x", 1, 0),
    "publish without packet id": mqtt.packet(3, 2, T("a")),
    "publish with a cut topic": mqtt.packet(3, 0, b"\x00\x10ab"),
    "publish with bad UTF-8": mqtt.publish(b"\xc3\x28", b"x"),
    "publish with DUP and QoS 0": b"\x38" + mqtt.publish("a", b"x")[1:],
    "puback too short": b"\x40\x01\x00",
    "puback with flags": b"\x42\x02\x00\x01",
    "subscribe without filters": mqtt.packet(8, 2, b"\x00\x01"),
    "subscribe with packet id 0": mqtt.subscribe(0, ("a", 0)),
    "subscribe with wrong flags": b"\x80" + mqtt.subscribe(1, ("a", 0))[1:],
    "subscribe with QoS 3": mqtt.subscribe(1, ("a", 3)),
    "subscribe with an empty filter": mqtt.subscribe(1, ("", 0)),
    "subscribe with a # in the middle": mqtt.subscribe(1, ("a/#/b", 0)),
    "subscribe with nine filters": mqtt.subscribe(1, *((f"f/{i}", 0) for i in range(9))),
    "unsubscribe without filters": mqtt.packet(10, 2, b"\x00\x01"),
    "unsubscribe with wrong flags": b"\xa0" + mqtt.unsubscribe(1, "a")[1:],
    "pingreq with a body": b"\xc0\x01x",
    "disconnect with a body": b"\xe0\x01x",
    "length of five bytes": b"\x30\xff\xff\xff\xff\x01",
    "payload of 129 KB": mqtt.publish("big/x", b"x" * 129 * 1024, 1),
    "topic of 257 bytes": mqtt.publish("t" * 257, b"x"),
    "topic with eight slashes": mqtt.publish("a/b/c/d/e/f/g/h/i", b"x"),
    "packet type 15": b"\xf0\x00",
}


def closes(client):
    """The server ends it; a SUBACK with 0x80 may come before."""
    try:
        while True:
            kind, _, content = client.receive(5)
            assert kind == mqtt.SUBACK and 0x80 in content[2:], (kind, content)
    except mqtt.Closed:
        return True


@pytest.mark.parametrize("name", sorted(BEFORE))
def test_malformed_before_connect(server, free, name):
    with mqtt.Client(server, free) as witness, mqtt.Client(server, free) as client:
        witness.connect("witness")
        try:
            client.send(BEFORE[name])
        except mqtt.Closed:
            pass
        try:
            kind, _, content = client.receive(8)
            assert kind == mqtt.CONNACK and content[1] != 0, (kind, content)
            assert client.expect_closed()
        except mqtt.Closed:
            pass
        witness.ping()


@pytest.mark.parametrize("name", sorted(AFTER))
def test_malformed_after_connect(server, free, name):
    with mqtt.Client(server, free) as witness, mqtt.Client(server, free) as client:
        witness.connect("witness")
        client.connect("mallory")
        try:
            client.send(AFTER[name])
        except mqtt.Closed:
            pass
        assert closes(client), name
        witness.ping()


def test_other_protocol_levels_are_named(server, free):
    for level in (3, 6):
        with mqtt.Client(server, free) as client:
            client.connect("old", level=level, expect=1)
    with mqtt.Client(server, free) as client:  # MQTT 5 gets its own form
        client.send(mqtt.packet(1, 0, T("MQTT") + b"\x05\x02\x00\x3c\x00" + T("five")))
        connack = client.expect(mqtt.CONNACK)[2]
        assert connack[1] == 0 and connack[2] == len(connack) - 3


def test_truncated_at_every_byte(server, free):
    """Every prefix of a session, then a hang-up: no leak and no crash."""
    session = mqtt.connect("prefix") + mqtt.subscribe(1, ("a/b", 1)) + mqtt.publish("a/b", b"hello", 1, 2) + b"\xc0\x00\xe0\x00"
    for cut in range(1, len(session), 3):
        with mqtt.Client(server, free) as client:
            client.send(session[:cut])
    with mqtt.Client(server, free) as client:
        client.connect("prefix")
        client.ping()


def test_payload_of_128_kib_passes(server, free):
    with mqtt.Client(server, free) as client:
        client.connect("big")
        client.subscribe("big/x")
        payload = os.urandom(128 * 1024)
        client.send(mqtt.publish("big/x", payload, 1, 3))
        seen = []
        while len(seen) < 2:
            kind, flags, content = client.receive()
            seen.append(kind)
            if kind == mqtt.PUBLISH:
                at = 2 + struct.unpack("!H", content[:2])[0] + (2 if flags & 2 else 0)
                assert content[at:] == payload
        assert sorted(seen) == [mqtt.PUBLISH, mqtt.PUBACK]


# ---- mosquitto's clients


def mosquitto(program, server, identity, *words, timeout=10):
    return subprocess.run([program, "-h", "localhost", "-p", str(server.mqtt_port), "--cafile", server.ca, "--cert", identity.cert_file,
                           "--key", identity.key_file, "-V", "mqttv311", *words], capture_output=True, text=True, timeout=timeout)


def test_mosquitto_clients(server, device, free):
    assert mosquitto("mosquitto_pub", server, device, "-i", "gate-1", "-q", "1", "-t", "gate-1/x", "-m", "hello").returncode == 0
    assert mosquitto("mosquitto_pub", server, device, "-i", "gate-1", "-q", "1", "-t", "other/x", "-m", "no").returncode != 0
    assert mosquitto("mosquitto_pub", server, device, "-i", "not-me", "-q", "1", "-t", "gate-1/x", "-m", "no").returncode != 0
    refused = mosquitto("mosquitto_sub", server, device, "-i", "gate-1", "-q", "1", "-t", "gate-1/#", "-W", "3")
    assert refused.returncode != 0 or "denied" in refused.stderr.lower() + refused.stdout.lower()
    fine = mosquitto("mosquitto_sub", server, device, "-i", "gate-1", "-q", "1", "-t", "$aws/things/gate-1/#", "-W", "1")
    assert fine.returncode == 27, fine.stderr  # timed out: subscribed and nothing came
    listener = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", "-h", "localhost", "-p", str(server.mqtt_port), "--cafile", server.ca, "--cert", free.cert_file,
                                 "--key", free.key_file, "-i", "mosq", "-q", "1", "-t", "mosq/#", "-C", "1", "-W", "10", "-d"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = ""
    while "SUBACK" not in output:
        line = listener.stdout.readline()
        assert line, output
        output += line
    assert mosquitto("mosquitto_pub", server, free, "-i", "mosq-pub", "-q", "1", "-t", "mosq/x", "-m", "through").returncode == 0
    assert "through" in listener.communicate(timeout=10)[0]
