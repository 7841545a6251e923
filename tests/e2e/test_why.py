"""Why a client was refused: what vouch why, GET /_vouch/why, the log and the metrics tell."""
import json
import re
import socket
import ssl
import time
import urllib.error
import urllib.request

import pytest

import mqtt
import vouch
import websocket as ws
from test_hostile import provision


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*"):
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def arn(kind, name):
    return f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:{kind}/{name}"


@pytest.fixture(scope="module")
def server():
    with vouch.Server("--test-clock") as made:
        made.prepare_workshop()
        yield made


def why(server, *words):
    return json.loads(server.vouch("why", *words).stdout)["refusals"]


def metrics(server):
    context = ssl.create_default_context(cafile=server.ca)
    with urllib.request.urlopen(server.api + "/metrics", context=context) as answer:
        text = answer.read().decode()
    return {name: float(value) for name, value in re.findall(r"^(\S+) (\S+)$", text, re.M)}


def refused(server, what, reason):
    return metrics(server).get(f'vouch_refused_total{{what="{what}",reason="{reason}"}}', 0)


def serial_of(identity):
    import cryptography.x509
    return format(cryptography.x509.load_pem_x509_certificate(identity.certificate.encode()).serial_number, "x")


def test_a_connect_is_refused_for_want_of_a_policy(server):
    identity = provision(server, server.boto(), "WhyConnect")
    before = refused(server, "connect", "policy-silent")
    with mqtt.Client(server, identity) as client:
        client.connect("somebody-else", expect=5)
    told = why(server, "somebody-else")
    assert len(told) == 1, told
    assert told[0]["what"] == "connect" and told[0]["reason"] == "policy-silent"
    assert told[0]["certificateId"] == identity.id and told[0]["sourceIp"] == "127.0.0.1"
    assert told[0]["action"] == "iot:Connect" and told[0]["resource"] == "client/somebody-else"
    assert "somebody-else" in told[0]["message"]
    assert told[0]["suggestion"]
    assert refused(server, "connect", "policy-silent") == before + 1
    assert why(server, "--certificate", identity.id)[0]["clientId"] == "somebody-else"
    assert why(server, "--certificate", arn("cert", identity.id))[0]["clientId"] == "somebody-else"
    assert why(server, serial_of(identity))[0]["clientId"] == "somebody-else"
    assert why(server, "--serial", serial_of(identity).upper())[0]["clientId"] == "somebody-else"
    assert why(server, "--client", "nobody") == []


def test_the_statement_that_denies_is_quoted(server):
    iot = server.boto()
    identity = provision(server, iot, "WhyDenied")
    iot.create_policy(policyName="but-not-this", policyDocument=document(
        allow("iot:*"), {"Sid": "NotThis", "Effect": "Deny", "Action": "iot:Publish", "Resource": arn("topic", "secret/*")}))
    iot.attach_policy(policyName="but-not-this", target=arn("cert", identity.id))
    with mqtt.Client(server, identity) as client:
        client.connect("WhyDenied")
        client.publish("open/x", b"1")
        client.send(mqtt.publish("secret/x", b"1", 1, 9))
        assert client.expect_closed()
    told = why(server, "WhyDenied")
    assert [t["what"] for t in told] == ["publish"], told  # the close that follows is no second refusal
    assert told[0]["reason"] == "policy-denies"
    assert told[0]["policyName"] == "but-not-this" and told[0]["statement"] == 1
    assert "NotThis" in told[0]["statementText"] and "secret/*" in told[0]["statementText"]
    assert told[0]["resource"] == "topic/secret/x"
    server.wait_log("mqtt-denied client=WhyDenied")


def test_a_subscription_and_a_delivery(server):
    iot = server.boto()
    identity = provision(server, iot, "WhyHear")
    iot.create_policy(policyName="deaf", policyDocument=document(
        allow(["iot:Connect", "iot:Publish"]), allow("iot:Subscribe", arn("topicfilter", "mine/*"))))
    iot.attach_policy(policyName="deaf", target=arn("cert", identity.id))
    with mqtt.Client(server, identity) as client:
        client.connect("WhyHear")
        assert client.subscribe("mine/x") == [1]
        client.publish("mine/x", b"to myself")
        client.ping()
        told = why(server, "WhyHear")
        assert (told[0]["what"], told[0]["action"], told[0]["resource"]) == ("receive", "iot:Receive", "topic/mine/x"), told
        client.send(mqtt.subscribe(7, ("other/#", 1)))
        assert client.expect(mqtt.SUBACK)[2][2:] == b"\x80"
        assert client.expect_closed()
    told = why(server, "WhyHear")
    assert (told[0]["what"], told[0]["resource"]) == ("subscribe", "topicfilter/other/#"), told


def test_repeats_are_one_entry_with_a_count(server):
    identity = provision(server, server.boto(), "WhyAgain")
    for _ in range(5):
        with mqtt.Client(server, identity) as client:
            client.connect("again-and-again", expect=5)
    told = why(server, "again-and-again")
    assert len(told) == 1 and told[0]["count"] == 5, told
    assert told[0]["firstTime"] <= told[0]["time"]


def test_handshakes(server):
    iot = server.boto()
    identity = provision(server, iot, "WhyRevoked")
    iot.update_certificate(certificateId=identity.id, newStatus="REVOKED")
    try:
        with mqtt.Client(server, identity) as client:
            client.connect("WhyRevoked")
        raise AssertionError("a revoked certificate was let in")
    except mqtt.Closed:
        pass
    deadline = time.monotonic() + 5
    while not why(server, identity.id) and time.monotonic() < deadline:
        time.sleep(0.05)
    told = why(server, identity.id)
    assert (told[0]["what"], told[0]["reason"], told[0]["sourceIp"]) == ("handshake", "certificate-revoked", "127.0.0.1"), told
    assert told[0]["serial"] and why(server, serial_of(identity))[0]["reason"] == "certificate-revoked"
    assert "rovision" in told[0]["suggestion"]
    assert refused(server, "handshake", "certificate-revoked") >= 1


def test_provisioning_by_the_serial_number_of_the_device(server):
    iot = server.boto()
    provision(server, iot, "WhyTaken")
    claim = server.claim(iot)
    with mqtt.Client(server, claim) as client:
        client.connect("why-claim")
        accepted, created = client.request(mqtt.CREATE, {})
        assert accepted
        accepted, answer = client.request(mqtt.register_topic(vouch.TEMPLATE), {
            "certificateOwnershipToken": created["certificateOwnershipToken"],
            "parameters": {"ThingName": "WhyTaken", "SerialNumber": "SN-4711"}})
        assert not accepted, answer
    told = why(server, "SN-4711")
    assert (told[0]["what"], told[0]["reason"], told[0]["clientId"]) == ("provision", "thing-taken", "why-claim"), told
    assert "certificate in force" in told[0]["suggestion"]


def test_a_storm_of_strangers_does_not_fill_the_log(server):
    before = server.log_text().count("mqtt-closed")
    told = sum(v for k, v in metrics(server).items() if k.startswith("vouch_mqtt_connects_refused_total"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    started = time.monotonic()
    for _ in range(150):
        try:
            with socket.create_connection(("127.0.0.1", server.mqtt_port), 10) as raw, context.wrap_socket(raw) as sock:
                sock.recv(1)
        except (OSError, ssl.SSLError):
            pass
    seconds = time.monotonic() - started
    server.wait_log("mqtt-refused-more suppressed=")
    lines = server.log_text().count("mqtt-closed") - before
    held_back = sum(int(n) for n in re.findall(r"mqtt-refused-more suppressed=(\d+)", server.log_text()))
    assert lines <= 20 * (seconds + 2), (lines, seconds)
    assert lines + held_back >= 150
    now = sum(v for k, v in metrics(server).items() if k.startswith("vouch_mqtt_connects_refused_total"))
    assert now - told >= 150
    strangers = why(server, "127.0.0.1", "--max", "250")
    assert any(t["reason"] == "tls-failed" and t["count"] >= 10 for t in strangers), strangers[:3]


def test_who_may_ask(server):
    done = server.vouch("why", "--certificate", "arn:aws:iot:us-east-1:123456789012:thing/x", check=False)
    assert done.returncode == 2 and "InvalidRequestException" in done.stderr
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(server.api + "/_vouch/why", context=ssl.create_default_context(cafile=server.ca))
    assert error.value.code == 403
    table = server.vouch("--output", "table", "why", "somebody-else").stdout
    assert "policy-silent" in table and "somebody-else" in table


# ---- WebSockets that did not begin

@pytest.fixture(scope="module")
def signer(server):
    """Somebody with an access key."""
    server.vouch("user", "create", "why-socket")
    return json.loads(server.vouch("user", "create-key", "why-socket").stdout)


@pytest.mark.parametrize("wrong, reason", [("secret", "signature-mismatch"), ("key", "access-key-unknown"), ("time", "signature-expired"),
                                           ("service", "signature-scope"), ("nothing", "signature-missing"), ("form", "websocket-protocol")])
def test_a_refused_websocket_is_told(server, signer, wrong, reason):
    before, asked = refused(server, "handshake", reason), [r["time"] for r in why(server)[:1]]
    changed = {"secret": dict(signer, secretAccessKey="0" * 40), "key": dict(signer, accessKeyId="AKIA0000000000000000")}
    more = {"time": {"now": time.time() - 900}, "service": {"service": "iot"}}.get(wrong, {})
    query = "" if wrong == "nothing" else ws.presign(changed.get(wrong, signer), vouch.REGION, **more)
    status, _ = ws.refused(server, query, headers={"Sec-WebSocket-Version": "12"} if wrong == "form" else None)
    assert status == (426 if wrong == "form" else 403)
    assert refused(server, "handshake", reason) == before + 1
    told = why(server, "127.0.0.1")[0]
    assert (told["what"], told["reason"], told["resource"]) == ("handshake", reason, "/mqtt") and told["message"]
    assert not told["suggestion"].startswith("Look at the message") and told["time"] >= max(asked, default=0)
    # What was signed with stays out of it.
    assert signer["secretAccessKey"] not in json.dumps(why(server)) and "Signature=" not in json.dumps(told)


def test_a_websocket_of_a_certificate_that_lost_its_right(server):
    """On the API's port every certificate passes TLS, and is judged behind it."""
    iot = server.boto()
    identity = provision(server, iot, "WhySocket")
    iot.update_certificate(certificateId=identity.id, newStatus="INACTIVE")
    port = int(server.api.rsplit(":", 1)[1])
    assert ws.refused(server, identity=identity, port=port)[0] == 403
    told = why(server, "--certificate", identity.id)[0]
    assert (told["what"], told["reason"], told["resource"]) == ("handshake", "certificate-inactive", "/mqtt")
    assert "into force" in told["suggestion"]
