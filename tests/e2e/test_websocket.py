"""MQTT over WebSocket: who gets in, what frames may look like, and what ends a connection."""
import base64
import json
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import time

import pytest

import mqtt
import vouch
import websocket as ws
from test_api_iam import ROLE, allow, assume, call, deny, document, role, trust, user

NODE = pathlib.Path(__file__).parent / "node"
ARN = f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:"
ALL = [allow("iot:*")]


@pytest.fixture(scope="module")
def gate():
    with vouch.Server("--test-clock") as server:
        server.prepare_workshop()
        yield server


@pytest.fixture(scope="module")
def key(gate):
    return user(gate, "socket", *ALL)


def url(key, **more):
    return ws.presign(key, vouch.REGION, **more)


def connected(gate, key, client_id, **more):
    client = ws.Client(gate, url(key, **more))
    client.connect(client_id)
    return client


def device(gate, name):
    """A registered device with the workshop's policy, its thing named like its client."""
    iot = gate.boto()
    made = iot.create_keys_and_certificate(setAsActive=True)
    identity = vouch.Identity(gate.home, made["certificateId"], made["certificatePem"], made["keyPair"]["PrivateKey"])
    iot.create_thing(thingName=name)
    iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])
    iot.attach_policy(policyName="pubsub", target=made["certificateArn"])
    return identity, made["certificateArn"]


# ---- who gets in

def test_signed_url_round_trip(gate, key):
    for port in (None, gate.edge_port):
        client = ws.Client(gate, url(key), port=port)
        client.connect("round")
        assert client.subscribe("round/trip") == [1]
        client.publish("round/trip", b"hello", qos=0)
        assert client.message() == ("round/trip", b"hello")
        client.ping()
        client.send(mqtt.packet(mqtt.DISCONNECT, 0))
        client.expect_close(1000)


def test_services_and_header_signature(gate, key):
    for service in ("iotdevicegateway", "iotdata"):
        connected(gate, key, "services", service=service).disconnect()
    for service in ("iot", "sts", "execute-api", "iotdevicegatewa"):
        assert ws.refused(gate, url(key, service=service))[0] == 403
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
    request = botocore.awsrequest.AWSRequest("GET", "https://localhost/mqtt", headers={"host": "localhost"})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(key["accessKeyId"], key["secretAccessKey"]), "iotdata", vouch.REGION).add_auth(request)
    headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
    client = ws.Client(gate, headers=headers)
    client.connect("headers")
    client.disconnect()
    spoiled = dict(headers, Authorization=headers["Authorization"][:-1] + ("0" if headers["Authorization"][-1] != "0" else "1"))
    assert ws.refused(gate, headers=spoiled)[0] == 403
    # Both at once: two readings of who asks.
    assert ws.refused(gate, url(key), headers=headers)[0] == 403


@pytest.mark.parametrize("expires,expect", [(1, 101), (86400, 101), (86401, 403), (604800, 403), (0, 403), (-1, 403), ("x", 403), (None, 101)])
def test_expiry_of_the_url(gate, key, expires, expect):
    now = time.time() + getattr(gate, "advanced", 0)
    if expect == 101:
        ws.Client(gate, url(key, expires=expires, now=now)).close()
    else:
        assert ws.refused(gate, url(key, expires=expires, now=now))[0] == expect


def test_url_out_of_time(gate, key):
    now = time.time() + getattr(gate, "advanced", 0)
    assert ws.refused(gate, url(key, expires=60, now=now - 65))[0] == 403
    assert ws.refused(gate, url(key, expires=None, now=now - 305))[0] == 403
    assert ws.refused(gate, url(key, expires=60, now=now + 600))[0] == 403
    ws.Client(gate, url(key, expires=3600, now=now - 600)).close()


def test_spoiled_urls(gate, key):
    good = url(key)
    for pattern, by in ((r"Signature=(.)", "Signature=0"), (r"Credential=.", "Credential=X"), (r"%2Fus-", "%2Feu-"),
                        (r"X-Amz-Expires=300", "X-Amz-Expires=301"), (r"SHA256", "SHA1"), (r"SignedHeaders=host", "SignedHeaders=")):
        spoiled = re.sub(pattern, by, good, count=1)
        if spoiled != good:
            assert ws.refused(gate, spoiled)[0] == 403, pattern
    assert ws.refused(gate, good + "&extra=1")[0] == 403
    assert ws.refused(gate, good, host="elsewhere")[0] == 403
    assert ws.refused(gate, url(dict(key, secretAccessKey="0" * 40)))[0] == 403
    assert ws.refused(gate)[0] == 403  # neither signature nor certificate


@pytest.mark.parametrize("token_signed", [False, True])
def test_session_tokens(gate, token_signed):
    if token_signed is False:
        role(gate, "sockets", trust(vouch.ACCOUNT), allow(["iot:Connect", "iot:Publish"]))
    session = assume(gate, "sockets")
    token = session["token"]
    client = ws.Client(gate, url(session, token=token, token_signed=token_signed))
    client.connect("assumed")
    client.publish("a/b", b"x")
    client.disconnect()
    assert ws.refused(gate, url(session))[0] == 403
    assert ws.refused(gate, url(session, token=token[:-4] + "AAAA"))[0] == 403
    # A session policy takes away here too.
    narrow = assume(gate, "sockets", Policy=document(allow("iot:Connect")))
    client = ws.Client(gate, url(narrow, token=narrow["token"], token_signed=token_signed))
    client.connect("narrow")
    client.send(mqtt.publish("a/b", b"x", 1, 7))
    assert client.expect_closed()


def test_client_certificate(gate):
    identity, arn = device(gate, "wssdevice")
    for port, alpn in ((None, None), (gate.edge_port, None), (gate.edge_port, "http/1.1"), (gate.edge_port, "x-amzn-http-ca"),
                       (None, "http/1.1"), (None, "x-amzn-http-ca")):
        client = ws.Client(gate, identity=identity, port=port, alpn=alpn)
        client.connect("wssdevice")
        client.ping()
        client.disconnect()
    client = ws.Client(gate, identity=identity)
    client.connect("wssdevice")
    gate.boto().update_certificate(certificateId=identity.id, newStatus="INACTIVE")
    with pytest.raises(mqtt.Closed):
        client.receive(10)
    assert client.closed == 1008
    # On the API's port the handshake takes any certificate; the request does not.
    assert ws.refused(gate, identity=identity)[0] == 403


def test_a_signature_stands_above_a_certificate(gate, key):
    identity, _ = device(gate, "both")
    client = ws.Client(gate, url(key), identity=identity)
    client.connect("anything-else")
    client.publish("not/for/devices", b"x")
    gate.boto().update_certificate(certificateId=identity.id, newStatus="INACTIVE")
    client.ping()
    client.disconnect()
    assert ws.refused(gate, url(dict(key, secretAccessKey="1" * 40)), identity=identity)[0] == 403


# ---- the handshake

@pytest.mark.parametrize("more,status", [
    (dict(method="POST"), 405), (dict(method="PUT"), 405),
    (dict(drop=("Upgrade",)), 426), (dict(drop=("Connection",)), 426), (dict(headers={"Upgrade": "h2c"}), 426),
    (dict(headers={"Connection": "keep-alive"}), 426), (dict(headers={"Sec-WebSocket-Version": "8"}), 426),
    (dict(drop=("Sec-WebSocket-Version",)), 426), (dict(headers={"Sec-WebSocket-Version": "13, 8"}), 426),
    (dict(drop=("Sec-WebSocket-Key",)), 400), (dict(headers={"Sec-WebSocket-Key": "short"}), 400),
    (dict(headers={"Sec-WebSocket-Key": "A" * 24}), 400), (dict(headers={"Sec-WebSocket-Key": base64.b64encode(b"1" * 17).decode()}), 400),
    (dict(drop=("Sec-WebSocket-Protocol",)), 400), (dict(headers={"Sec-WebSocket-Protocol": "mqttv3.1"}), 400),
    (dict(headers={"Sec-WebSocket-Protocol": "MQTT"}), 400), (dict(version="HTTP/1.0"), 400),
    (dict(headers={"Content-Length": "0"}), 400), (dict(headers={"Transfer-Encoding": "chunked"}), None),
])
def test_requests_that_are_no_websocket(gate, key, more, status):
    if status is None:  # with a chunked body that ends at once
        with ws.dial(gate) as sock:
            sock.sendall(ws.request(url(key), **more) + b"0\r\n\r\n")
            assert ws.read_head(sock)[0] == 400
        return
    got, fields = ws.refused(gate, url(key), **more)
    assert got == status
    if status == 426:
        assert fields["upgrade"] == "websocket" and fields["sec-websocket-version"] == "13"
    if status == 405:
        assert fields["allow"] == "GET"


def test_lists_in_the_handshake(gate, key):
    client = ws.Client(gate, url(key), headers={"Connection": "keep-alive, Upgrade", "Upgrade": "WebSocket",
                                                "Sec-WebSocket-Protocol": "mqttv3.1, mqtt",
                                                "Sec-WebSocket-Extensions": "permessage-deflate"})
    client.connect("lists")
    client.disconnect()


def test_origin_is_no_credential(gate, key):
    for origin in ("https://localhost", "null", "https://evil.example"):
        assert ws.refused(gate, headers={"Origin": origin})[0] == 403
        ws.Client(gate, url(key), headers={"Origin": origin}).close()


@pytest.mark.parametrize("path", ["/mqtt/", "/mqtt/x", "/MQTT", "/%6dqtt", "//mqtt", "/mqtt?", "/x/../mqtt"])
def test_other_paths(gate, key, path):
    status, _ = ws.refused(gate, url(key) if path != "/mqtt?" else "", path=path.rstrip("?"))
    assert status in (403, 404)


def test_early_bytes_are_refused(gate, key):
    """What follows the request before its answer could be a second request that somebody else took for frames."""
    for tail in (ws.frame(ws.BINARY, mqtt.connect("early")), b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        with ws.dial(gate) as sock:
            sock.sendall(ws.request(url(key)) + tail)
            status, fields, rest = ws.read_head(sock)
            assert status == 400 and fields["connection"] == "close"
            sock.settimeout(5)
            data = rest
            while chunk := sock.recv(4096):
                data += chunk
            assert b"HTTP/1.1" not in data, data


def test_a_body_cannot_hide_a_request(gate, key):
    hidden = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ws.dial(gate) as sock:
        sock.sendall(ws.request(url(key), headers={"Content-Length": str(len(hidden))}) + hidden)
        status, _, rest = ws.read_head(sock)
        assert status == 400
        assert b"HTTP/1.1 200" not in rest


def test_refusals_keep_the_connection(gate, key):
    with ws.dial(gate) as sock:
        sock.sendall(ws.request())
        status, fields, rest = ws.read_head(sock)
        assert status == 403
        size = int(fields["content-length"])
        while len(rest) < size:
            rest += sock.recv(4096)
        assert json.loads(rest)["message"]
        sock.sendall(ws.request(url(key)))
        assert ws.read_head(sock)[0] == 101


# ---- frames

def test_cut_and_joined(gate, key):
    client = ws.Client(gate, url(key))
    whole = mqtt.connect("cut")
    for i, byte in enumerate(whole):  # a packet over many messages
        client.send_raw(ws.frame(ws.BINARY, bytes([byte])))
    assert client.expect(mqtt.CONNACK)[2][1] == 0
    both = mqtt.subscribe(2, ("cut/#", 1)) + mqtt.publish("cut/1", b"one", 0) + mqtt.publish("cut/2", b"two", 0)
    client.send_raw(ws.frame(ws.BINARY, both[:5], fin=False) + ws.frame(ws.CONTINUATION, b"", fin=False) +
                    ws.frame(ws.PING, b"between") + ws.frame(ws.CONTINUATION, both[5:30], fin=False) + ws.frame(ws.CONTINUATION, both[30:]))
    client.expect(mqtt.SUBACK)
    assert [client.message() for _ in range(2)] == [("cut/1", b"one"), ("cut/2", b"two")]
    assert (ws.PONG, True, b"between") in client.frames
    assert {opcode for opcode, _, _ in client.frames} == {ws.BINARY, ws.PONG}
    client.send_raw(ws.frame(ws.BINARY, b"") + ws.frame(ws.PONG, b"unasked"))
    client.ping()
    data = mqtt.packet(mqtt.PINGREQ, 0)
    for byte in ws.frame(ws.BINARY, data):  # the frame itself in pieces
        client.send_raw(bytes([byte]))
        time.sleep(0.001)
    client.expect(mqtt.PINGRESP)
    client.disconnect()


def test_large_messages_both_ways(gate, key):
    client = connected(gate, key, "large")
    client.subscribe("large")
    payload = bytes(range(256)) * 512  # 128 KiB, the most that AWS takes
    client.publish("large", payload, qos=0)
    assert client.message() == ("large", payload)
    client.disconnect()


def test_many_messages_share_frames(gate, key):
    client = connected(gate, key, "share")
    client.subscribe("share/#", qos=0)
    client.send(b"".join(mqtt.publish(f"share/{i}", b"x" * 10, 0) for i in range(200)))
    assert [client.message()[0] for _ in range(200)] == [f"share/{i}" for i in range(200)]
    assert len([1 for opcode, _, _ in client.frames if opcode == ws.BINARY]) < 100
    client.disconnect()


@pytest.mark.parametrize("name,data,code", [
    ("text", ws.frame(ws.TEXT, b"hello"), 1003), ("text of no bytes", ws.frame(ws.TEXT, b""), 1003),
    ("text that is not UTF-8", ws.frame(ws.TEXT, b"\xff\xfe"), 1003), ("text in fragments", ws.frame(ws.TEXT, b"he", fin=False), 1003),
    ("no mask", ws.frame(ws.BINARY, b"x", mask=False), 1002), ("rsv1", ws.frame(ws.BINARY, b"x", rsv=4), 1002),
    ("rsv3", ws.frame(ws.BINARY, b"x", rsv=1), 1002), ("opcode 3", ws.frame(3, b"x"), 1002), ("opcode 11", ws.frame(11, b"x"), 1002),
    ("continuation of nothing", ws.frame(ws.CONTINUATION, b"x"), 1002),
    ("a message within a message", ws.frame(ws.BINARY, b"", fin=False) + ws.frame(ws.BINARY, b""), 1002),
    ("a ping in fragments", ws.frame(ws.PING, b"", fin=False), 1002), ("a ping of 126 bytes", ws.frame(ws.PING, b"x" * 126), 1002),
    ("a length longer than needed", ws.frame(ws.BINARY, b"x", long_form=2), 1002),
    ("a length with its top bit", ws.frame(ws.BINARY, b"", announced=1 << 63), 1002),
    ("a frame over the bound", ws.frame(ws.BINARY, b"", announced=(1 << 20) + 1) + b"x", 1009),
    ("a close with a reserved code", ws.frame(ws.CLOSE, struct.pack("!H", 1005)), 1002),
    ("a close with a bad reason", ws.frame(ws.CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
])
def test_frames_that_end_it(gate, key, name, data, code):
    watcher = connected(gate, key, "watcher")
    watcher.subscribe("will/of/frames")
    client = ws.Client(gate, url(key))
    client.connect("frames", will=("will/of/frames", b"gone", 0, False))
    client.send_raw(data)
    client.expect_close(code)
    assert watcher.message() == ("will/of/frames", b"gone")  # not an orderly end of MQTT
    watcher.disconnect()


def test_goodbye_of_the_client(gate, key):
    client = connected(gate, key, "goodbye")
    client.send_raw(ws.frame(ws.CLOSE, struct.pack("!H", 1000) + b"bye"))
    client.expect_close(1000)
    client = connected(gate, key, "goodbye")
    client.send_raw(ws.frame(ws.CLOSE))
    client.receive_frame()
    assert client.frames[-1][0] == ws.CLOSE


def test_packets_before_a_goodbye_count(gate, key):
    watcher = connected(gate, key, "count")
    watcher.subscribe("count")
    client = connected(gate, key, "counted")
    client.send_raw(ws.frame(ws.BINARY, mqtt.publish("count", b"last", 0)) + ws.frame(ws.CLOSE, struct.pack("!H", 1000)))
    assert watcher.message() == ("count", b"last")
    watcher.disconnect()


def test_broken_mqtt_inside_sound_frames(gate, key):
    client = ws.Client(gate, url(key))
    client.send(b"\x00\x00")
    client.expect_close(1008)
    client = ws.Client(gate, url(key))
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    client.expect_close(1008)


def test_nobody_connects_for_ever(gate, key):
    """A WebSocket without CONNECT ends like a socket without one; pings do not hold it."""
    client = ws.Client(gate, url(key))
    begun = time.monotonic()
    with pytest.raises((mqtt.Closed, BrokenPipeError)):
        while time.monotonic() - begun < 30:
            client.send_raw(ws.frame(ws.PING, b"x"))
            try:
                client.receive_frame(0.5)
                if client.closed is not None:
                    raise mqtt.Closed("closed")
                time.sleep(0.3)
            except TimeoutError:
                pass
    assert time.monotonic() - begun < 15


def test_a_flood_of_pings_that_nobody_reads(gate, key):
    client = connected(gate, key, "flood")
    client.sock.settimeout(2)
    sent = 0
    try:
        for _ in range(2000):
            client.sock.sendall(ws.frame(ws.PING, b"x" * 125) * 50)
            sent += 1
    except (OSError, socket.timeout):
        pass
    other = connected(gate, key, "calm")
    other.ping()
    other.disconnect()
    client.close()


# ---- what it may do

def test_policies_of_users(gate):
    key = user(gate, "narrow", allow("iot:Connect", ARN + "client/narrow-*"), allow("iot:Subscribe", ARN + "topicfilter/in/#"),
               allow("iot:Receive", ARN + "topic/in/*"), deny("iot:Receive", ARN + "topic/in/secret"),
               allow("iot:Publish", [ARN + "topic/out/*", ARN + "topic/in/*"]), allow("iot:RetainPublish", ARN + "topic/out/kept"))
    other = ws.Client(gate, url(key))
    other.connect("broad-1", expect=5)
    client = connected(gate, key, "narrow-1")
    assert client.subscribe("in/#") == [1]
    client.publish("in/secret", b"no", qos=0)
    client.publish("in/open", b"yes", qos=0)
    assert client.message() == ("in/open", b"yes")
    client.publish("out/kept", b"", retain=True)
    client.send(mqtt.publish("out/other", b"x", 1, 9, retain=True))
    assert client.expect_closed()
    client = connected(gate, key, "narrow-2")
    client.send(mqtt.subscribe(3, ("out/#", 1)))
    assert client.expect(mqtt.SUBACK)[2][2:] == b"\x80"
    will = ws.Client(gate, url(key))
    will.connect("narrow-3", will=("elsewhere", b"x", 0, False), expect=5)
    nobody = ws.Client(gate, url(user(gate, "nobody")))
    nobody.connect("x", expect=5)


def test_reserved_topics_are_not_for_users(gate, key):
    client = connected(gate, key, "reserved")
    client.send(mqtt.publish("$aws/certificates/create/json", b"{}", 1, 5))
    assert client.expect_closed()


def test_policy_variables_of_users(gate):
    key = user(gate, "vera", allow("iot:Connect"), allow("iot:Publish", ARN + "topic/home/${aws:username}"))
    client = connected(gate, key, "vera")
    client.publish("home/vera", b"x")
    client.send(mqtt.publish("home/else", b"x", 1, 5))
    assert client.expect_closed()


# ---- what changes while it is connected

def expect_end(client, seconds=5):
    begun = time.monotonic()
    with pytest.raises(mqtt.Closed):
        while True:
            client.receive(seconds)
    assert time.monotonic() - begun < seconds


@pytest.mark.parametrize("change", ["disable", "delete-key", "delete-user"])
def test_a_key_that_goes_takes_its_connections(gate, change):
    name = "leaver-" + change
    key = user(gate, name, *ALL)
    client = connected(gate, key, name)
    stays = connected(gate, user(gate, "stayer-" + change, *ALL), "stays")
    path = f"/users/{name}/access-keys/{key['accessKeyId']}"
    if change == "disable":
        call(gate, "PUT", path, {"status": "Inactive"})
    elif change == "delete-key":
        call(gate, "DELETE", path)
    else:
        call(gate, "DELETE", f"/users/{name}")
    expect_end(client)
    assert ws.refused(gate, url(key))[0] == 403
    stays.ping()
    stays.disconnect()


def test_policy_changes_count_at_once(gate):
    key = user(gate, "mover", *ALL)
    client = connected(gate, key, "mover")
    client.subscribe("mover/#")
    client.publish("mover/1", b"1", qos=0)
    assert client.message() == ("mover/1", b"1")
    call(gate, "PUT", "/users/mover/policies/own", {"policyDocument": document(allow(["iot:Connect", "iot:Publish"]))})
    client.publish("mover/2", b"2")
    with pytest.raises(TimeoutError):
        client.receive(1)
    call(gate, "PUT", "/users/mover/policies/own", {"policyDocument": document(allow(["iot:Connect", "iot:Receive"]))})
    client.send(mqtt.publish("mover/3", b"3", 1, 77))
    assert client.expect_closed()


def test_a_role_that_goes_takes_its_sessions(gate):
    role(gate, "passing", trust(vouch.ACCOUNT), *ALL)
    session = assume(gate, "passing")
    client = ws.Client(gate, url(session, token=session["token"]))
    client.connect("passing")
    call(gate, "DELETE", "/roles/passing/policies/own")
    client.send(mqtt.publish("x", b"", 1, 5))
    assert client.expect_closed()
    call(gate, "PUT", "/roles/passing/policies/own", {"policyDocument": document(*ALL)})
    client = ws.Client(gate, url(session, token=session["token"]))
    client.connect("passing")
    call(gate, "DELETE", "/roles/passing/policies/own")
    call(gate, "DELETE", "/roles/passing")
    expect_end(client)


def test_time_limits():
    """Credentials that expire and AWS's 24 hours end connections; a device's certificate lasts longer."""
    with vouch.Server("--test-clock") as gate:
        gate.prepare_workshop()
        key = user(gate, "day", *ALL)
        role(gate, "hour", trust(vouch.ACCOUNT), *ALL)
        session = assume(gate, "hour", DurationSeconds=3600)
        identity, _ = device(gate, "longer")
        by_key, by_certificate = connected(gate, key, "day"), ws.Client(gate, identity=identity)
        by_certificate.connect("longer")
        by_role = ws.Client(gate, url(session, token=session["token"]))
        by_role.connect("hour")
        gate.advance_clock(3590)
        by_role.ping()
        gate.advance_clock(20)
        expect_end(by_role)
        gate.wait_log("reason=session-expired")
        gate.advance_clock(23 * 3600 - 100)
        by_key.ping()
        gate.advance_clock(200)
        expect_end(by_key)
        gate.wait_log("reason=websocket-expired")
        by_certificate.ping()


def event(watcher, kind, client_id):
    """The next presence event of that kind and client."""
    while True:
        where, payload = watcher.message()
        if where == f"$aws/events/presence/{kind}/{client_id}":
            return json.loads(payload)


def test_lifecycle_events_name_the_user():
    with vouch.Server("--test-clock") as gate:
        watched = user(gate, "watched", *ALL)
        watcher = connected(gate, user(gate, "watcher", *ALL), "watcher-of-events")
        watcher.subscribe("$aws/events/presence/#")
        who = re.compile(r"AIDA[A-Z2-7]{16}")
        client = connected(gate, watched, "seen")
        told = event(watcher, "connected", "seen")
        assert who.fullmatch(told["principalIdentifier"]) and told["ipAddress"] == "127.0.0.1"
        client.disconnect()
        told = event(watcher, "disconnected", "seen")
        assert told["disconnectReason"] == "CLIENT_INITIATED_DISCONNECT" and who.fullmatch(told["principalIdentifier"])
        client = connected(gate, watched, "seen")
        client.send_raw(ws.frame(ws.TEXT, b"x"))
        assert event(watcher, "disconnected", "seen")["disconnectReason"] == "CLIENT_ERROR"
        client = connected(gate, watched, "seen")
        call(gate, "PUT", f"/users/watched/access-keys/{watched['accessKeyId']}", {"status": "Inactive"})
        assert event(watcher, "disconnected", "seen")["disconnectReason"] == "AUTH_ERROR"
        call(gate, "PUT", f"/users/watched/access-keys/{watched['accessKeyId']}", {"status": "Active"})
        client = connected(gate, watched, "seen")
        gate.advance_clock(1000)
        late = ws.Client(gate, url(user_later(gate), now=time.time() + 1000))
        late.connect("late")
        late.subscribe("$aws/events/presence/disconnected/seen")
        gate.advance_clock(24 * 3600 - 900)
        assert event(late, "disconnected", "seen")["disconnectReason"] == "WEBSOCKET_TTL_EXPIRATION"


def user_later(gate):
    """The administrator, who may do it all: users cannot be made by a clock that was left behind."""
    return gate.admin


def test_stop_says_going_away():
    with vouch.Server() as gate:
        client = connected(gate, user(gate, "last", *ALL), "last")
        gate.stop()
        with pytest.raises(mqtt.Closed):
            client.receive(5)
        assert client.closed == 1001


# ---- AWS's own SDK

@pytest.mark.parametrize("entrance", ["api", "edge"])
@pytest.mark.parametrize("level", ["3", "5"])
@pytest.mark.parametrize("temporary", [False, True])
def test_sdk(gate, level, entrance, temporary):
    """aws-iot-device-sdk-v2 signs without X-Amz-Expires and adds the session token behind the signature."""
    with vouch.Server() as fresh:
        key = user(fresh, "sdk", *ALL)
        if temporary:
            role(fresh, "sdks", trust(vouch.ACCOUNT), *ALL)
            key = assume(fresh, "sdks")
        environment = dict(fresh.environment(key), AWS_SESSION_TOKEN=key.get("token", ""))
        port = fresh.edge_port if entrance == "edge" else int(fresh.api.rsplit(":", 1)[1])
        assert (NODE / "node_modules" / "aws-iot-device-sdk-v2").is_dir(), "npm packages are missing; ./test installs them"
        done = subprocess.run([shutil.which("node"), "websocket.mjs", level, "localhost", str(port), fresh.ca, vouch.REGION, "sdk-ws"],
                              cwd=NODE, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr + fresh.log_text()[-2000:]
        told = json.loads(done.stdout.splitlines()[-1])
        if level == "3":
            assert told == {"payload": "by 3.1.1"}
        else:
            assert told["payload"] == "by 5" and told["contentType"] == "text/plain" and told["userProperties"] == [{"name": "a", "value": "1"}]
            assert told["suback"] == [1] and told["puback"] == 0 and told["keepAlive"] == 60
