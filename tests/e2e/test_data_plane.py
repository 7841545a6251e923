"""The data plane over HTTPS: publishing, retained messages, ending connections; who may, and by which door."""
import base64
import http.client
import json
import re
import ssl
import subprocess
import time
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

import mqtt
import vouch
import websocket as ws
from test_api_iam import allow, assume, boto, call, deny, document, fails, role, trust, user
from test_websocket import ARN, device

FORBIDDEN, INVALID, MISSING = (403, "ForbiddenException"), (400, "InvalidRequestException"), (404, "ResourceNotFoundException")


@pytest.fixture(scope="module")
def plane():
    with vouch.Server("--test-clock") as server:
        server.prepare_workshop()
        yield server


@pytest.fixture(scope="module")
def key(plane):
    return user(plane, "planes", allow("iot:*"))


@pytest.fixture
def ear(plane, key):
    client = ws.Client(plane, ws.presign(key, vouch.REGION, now=time.time() + getattr(plane, "advanced", 0)))
    client.connect("ear")
    yield client
    client.close()


def send(plane, method, path, body=b"", headers=None, key=None, service="iotdata", identity=None, port=None, alpn=None, sign=True):
    """Status, error, body. `path` is as it goes on the line."""
    where = f"https://localhost:{port or plane.api.rsplit(':', 1)[1]}"
    headers = dict(headers or {})
    if sign and not identity:
        request = botocore.awsrequest.AWSRequest(method, where + path, data=body, headers=headers)
        key = key or plane.admin
        credentials = botocore.credentials.Credentials(key["accessKeyId"], key["secretAccessKey"], key.get("token"))
        botocore.auth.SigV4Auth(credentials, service, vouch.REGION).add_auth(request)
        headers = dict(request.headers)
    context = ssl.create_default_context(cafile=plane.ca)
    if identity:
        context.load_cert_chain(identity.cert_file, identity.key_file)
    if alpn:
        context.set_alpn_protocols([alpn])
    connection = http.client.HTTPSConnection("localhost", int(where.rsplit(":", 1)[1]), context=context, timeout=20)
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, answer.getheader("x-amzn-ErrorType"), data


def refused(answer, expect):
    assert answer[:2] == expect, answer
    body = json.loads(answer[2])
    assert body["message"] and re.fullmatch(r"[0-9a-f-]{36}", body["traceId"])
    return body["message"]


def topic(name, **query):
    text = "&".join(f"{k}={urllib.parse.quote(str(v), safe='')}" for k, v in query.items())
    return "/topics/" + urllib.parse.quote(name, safe="") + ("?" + text if text else "")


# ---- Publish

def test_boto3_publishes(plane, key, ear):
    ear.subscribe("boto/#")
    data = plane.boto("iot-data", key=key)
    data.publish(topic="boto/one", qos=1, payload=b"\x00\xff bytes")
    assert ear.message() == ("boto/one", b"\x00\xff bytes")
    data.publish(topic="boto/two", payload='{"a":1}')
    assert ear.message() == ("boto/two", b'{"a":1}')
    data.publish(topic="boto/none")
    assert ear.message() == ("boto/none", b"")
    data.publish(topic="boto/ä /+".replace("+", "plus"), payload=b"x")
    assert ear.message() == ("boto/ä /plus", b"x")


def test_boto3_finds_it_by_the_environment(plane):
    lines = plane.vouch("aws-env").stdout
    assert f"export AWS_ENDPOINT_URL_IOT_DATA_PLANE='{plane.api}'" in lines or f"AWS_ENDPOINT_URL_IOT_DATA_PLANE={plane.api}" in lines
    assert plane.boto().describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"] == "localhost"


@pytest.mark.parametrize("service,good", [("iotdata", True), ("iotdevicegateway", True), ("iot", False), ("execute-api", False), ("sts", False)])
def test_services_of_the_signature(plane, service, good):
    answer = send(plane, "POST", topic("svc"), b"x", service=service)
    if good:
        assert answer[0] == 200 and json.loads(answer[2])["message"] == "OK" and json.loads(answer[2])["traceId"]
    else:
        refused(answer, FORBIDDEN)


@pytest.mark.parametrize("path,body,headers", [
    (topic("a/+"), b"", {}), (topic("a/#"), b"", {}), (topic("x" * 257), b"", {}), (topic("/".join("abcdefghi")), b"", {}),
    (topic("$aws/things/t/shadow/update"), b"{}", {}), (topic("$aws/certificates/create/json"), b"{}", {}), (topic("$SYS/x"), b"", {}),
    (topic("q", qos=2), b"", {}), (topic("q", qos="x"), b"", {}), (topic("q", retain="maybe"), b"", {}), (topic("q", messageExpiry=-1), b"", {}),
    (topic("q", messageExpiry="x"), b"", {}), (topic("q", responseTopic="a/#"), b"", {}), (topic("q", qos=1) + "&qos=1", b"", {}),
    (topic("q"), b"", {"x-amz-mqtt5-user-properties": "!"}), (topic("q"), b"", {"x-amz-mqtt5-user-properties": base64.b64encode(b"{").decode()}),
    (topic("q"), b"", {"x-amz-mqtt5-user-properties": base64.b64encode(b'[{"a":1}]').decode()}),
    (topic("q"), b"", {"x-amz-mqtt5-user-properties": base64.b64encode(b'[{"a":"1","b":"2"}]').decode()}),
    (topic("q"), b"", {"x-amz-mqtt5-user-properties": base64.b64encode(b'{"a":"1"}').decode()}),
    (topic("q"), b"", {"x-amz-mqtt5-correlation-data": "*"}), (topic("q"), b"", {"x-amz-mqtt5-payload-format-indicator": "JSON"}),
])
def test_publish_refuses(plane, path, body, headers):
    refused(send(plane, "POST", path, body, headers), INVALID)


def test_publish_sizes(plane, ear):
    ear.subscribe("size")
    assert send(plane, "POST", topic("size"), b"x" * 131072)[0] == 200
    assert ear.message() == ("size", b"x" * 131072)
    refused(send(plane, "POST", topic("size"), b"x" * 131073), (413, "RequestEntityTooLargeException"))
    assert send(plane, "POST", topic("size"), b"x" * (256 * 1024 + 1))[0] == 413


def test_payload_is_not_looked_at(plane, ear):
    ear.subscribe("raw")
    for body in (b"{", b"\xff\x00", b"   ", b'{"topic":"other"}'):
        assert send(plane, "POST", topic("raw"), body, {"content-type": "application/json"})[0] == 200
        assert ear.message() == ("raw", body)


def test_what_policies_say(plane, ear):
    key = user(plane, "writer", allow("iot:Publish", ARN + "topic/w/*"), deny("iot:Publish", ARN + "topic/w/not"),
               allow("iot:RetainPublish", ARN + "topic/w/kept"))
    assert send(plane, "POST", topic("w/a"), b"x", key=key)[0] == 200
    assert "w/not" in refused(send(plane, "POST", topic("w/not"), b"x", key=key), FORBIDDEN)
    refused(send(plane, "POST", topic("v/a"), b"x", key=key), FORBIDDEN)
    refused(send(plane, "POST", topic("w/a", retain="true"), b"x", key=key), FORBIDDEN)
    assert send(plane, "POST", topic("w/kept", retain="true"), b"", key=key)[0] == 200
    refused(send(plane, "GET", "/retainedMessage/w", key=key), FORBIDDEN)
    refused(send(plane, "GET", "/retainedMessage", key=key), FORBIDDEN)
    refused(send(plane, "DELETE", "/connections/ear", key=key), FORBIDDEN)
    fails("ForbiddenException", plane.boto("iot-data", key=key).publish, topic="v", payload=b"x")


def test_credentials(plane):
    good = plane.admin
    refused(send(plane, "POST", topic("x"), b"x", sign=False), FORBIDDEN)
    refused(send(plane, "POST", topic("x"), b"x", key=dict(good, secretAccessKey="0" * 40)), FORBIDDEN)
    refused(send(plane, "POST", topic("x"), b"x", key=dict(good, accessKeyId="AKIAXXXXXXXXXXXXXXXX")), FORBIDDEN)
    role(plane, "dataplane", trust(vouch.ACCOUNT), allow("iot:Publish"))
    session = assume(plane, "dataplane")
    boto(plane, session, "iot-data").publish(topic="session", payload=b"x")
    refused(send(plane, "POST", topic("x"), b"x", key=dict(session, token="AAAA")), FORBIDDEN)


def test_properties_must_be_signed(plane):
    """Whoever holds a signed request cannot add properties to it."""
    where = f"{plane.api}{topic('signed')}"
    request = botocore.awsrequest.AWSRequest("POST", where, data=b"x")
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(plane.admin["accessKeyId"], plane.admin["secretAccessKey"]), "iotdata",
                            vouch.REGION).add_auth(request)
    headers = dict(request.headers, **{"x-amz-mqtt5-correlation-data": "YQ=="})
    connection = http.client.HTTPSConnection("localhost", int(plane.api.rsplit(":", 1)[1]), context=ssl.create_default_context(cafile=plane.ca))
    connection.request("POST", topic("signed"), body=b"x", headers=headers)
    assert connection.getresponse().status == 403


# ---- with a client certificate

def test_certificates_publish(plane, ear):
    identity, arn = device(plane, "httpdevice")
    iot = plane.boto()
    iot.create_policy(policyName="http-only", policyDocument=document(allow("iot:Publish", ARN + "topic/h/*")))
    iot.attach_policy(policyName="http-only", target=arn)
    ear.subscribe("h/#")
    for port, alpn in ((None, None), (None, "http/1.1"), (None, "x-amzn-http-ca"), (plane.edge_port, "x-amzn-http-ca"),
                       (plane.edge_port, None), (plane.edge_port, "http/1.1")):
        assert send(plane, "POST", topic("h/a", qos=1), b"hi", identity=identity, port=port, alpn=alpn)[0] == 200, (port, alpn)
        assert ear.message() == ("h/a", b"hi")
    refused(send(plane, "POST", topic("i/a"), b"hi", identity=identity), FORBIDDEN)
    refused(send(plane, "POST", topic("h/a", retain="true"), b"hi", identity=identity), FORBIDDEN)
    refused(send(plane, "GET", "/retainedMessage", identity=identity), FORBIDDEN)
    refused(send(plane, "DELETE", "/connections/ear", identity=identity), FORBIDDEN)
    # It is not the control plane's credential.
    assert send(plane, "GET", "/things", identity=identity)[:2] == (403, "MissingAuthenticationTokenException")
    iot.update_certificate(certificateId=identity.id, newStatus="INACTIVE")
    refused(send(plane, "POST", topic("h/a"), b"hi", identity=identity), FORBIDDEN)


def test_thing_variables_are_not_for_https(plane):
    identity, arn = device(plane, "httpthing")
    plane.boto().create_policy(policyName="by-thing", policyDocument=document(allow("iot:Publish", ARN + "topic/t/${iot:Connection.Thing.ThingName}")))
    plane.boto().attach_policy(policyName="by-thing", target=arn)
    refused(send(plane, "POST", topic("t/httpthing"), b"x", identity=identity), FORBIDDEN)


def test_claims_are_for_mqtt(plane):
    claim = plane.claim()
    refused(send(plane, "POST", topic("x"), b"x", identity=claim), FORBIDDEN)


def test_a_revoked_certificate_on_a_kept_connection(plane):
    identity, arn = device(plane, "keeper")
    plane.boto().create_policy(policyName="keeper-all", policyDocument=document(allow("iot:Publish")))
    plane.boto().attach_policy(policyName="keeper-all", target=arn)
    context = ssl.create_default_context(cafile=plane.ca)
    context.load_cert_chain(identity.cert_file, identity.key_file)
    connection = http.client.HTTPSConnection("localhost", int(plane.api.rsplit(":", 1)[1]), context=context, timeout=20)
    for status in (200, 403):
        connection.request("POST", topic("k"), body=b"x")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
        plane.boto().update_certificate(certificateId=identity.id, newStatus="REVOKED")
    connection.close()


# ---- retained messages

def test_retained_messages(plane, key):
    data = plane.boto("iot-data", key=key)
    names = [f"kept/{i}" for i in range(5)]
    before = int(time.time() * 1000) - 2000
    for name in names:
        data.publish(topic=name, qos=1, retain=True, payload=name.encode())
    got = data.get_retained_message(topic="kept/3")
    assert got["topic"] == "kept/3" and got["payload"] == b"kept/3" and got["qos"] == 1 and got["lastModifiedTime"] > before
    page = data.list_retained_messages(maxResults=2)
    assert [m["topic"] for m in page["retainedTopics"]] == names[:2] and page["retainedTopics"][0]["payloadSize"] == 6
    seen = [m["topic"] for p in data.get_paginator("list_retained_messages").paginate(PaginationConfig={"PageSize": 2}) for m in p["retainedTopics"]]
    assert seen == names
    client = ws.Client(plane, ws.presign(key, vouch.REGION, now=time.time() + getattr(plane, "advanced", 0)))
    client.connect("late")
    client.subscribe("kept/4")
    assert client.message() == ("kept/4", b"kept/4")
    client.close()
    fails("InvalidRequestException", data.list_retained_messages, nextToken=page["nextToken"][:-2] + "xx")
    data.publish(topic="kept/3", retain=True, payload=b"")
    fails("ResourceNotFoundException", data.get_retained_message, topic="kept/3")
    fails("InvalidRequestException", data.get_retained_message, topic="kept/+")
    refused(send(plane, "GET", "/retainedMessage?maxResults=0"), INVALID)
    refused(send(plane, "GET", "/retainedMessage?maxResults=201"), INVALID)
    refused(send(plane, "GET", "/retainedMessage/none"), MISSING)
    for name in names:
        data.publish(topic=name, retain=True)
    assert data.list_retained_messages()["retainedTopics"] == []


def test_properties_are_kept(clock_server):
    plane = clock_server
    pairs = [{"a": "1"}, {"a": "2"}, {"ä": ""}]
    encoded = base64.b64encode(json.dumps(pairs).encode()).decode()
    twice = base64.b64encode(json.dumps(json.dumps(pairs)).encode()).decode()
    for header in (encoded, twice):
        answer = send(plane, "POST", topic("props", retain="true", contentType="text/plain", responseTopic="answers", messageExpiry=600), b"x",
                      {"x-amz-mqtt5-user-properties": header, "x-amz-mqtt5-correlation-data": base64.b64encode(b"\x00\x01").decode(),
                       "x-amz-mqtt5-payload-format-indicator": "UTF8_DATA"})
        assert answer[0] == 200, answer
        got = json.loads(send(plane, "GET", "/retainedMessage/props")[2])
        assert json.loads(base64.b64decode(got["userProperties"])) == pairs
        assert base64.b64decode(got["payload"]) == b"x"
    plane.advance_clock(601)
    assert send_later(plane, "GET", "/retainedMessage/props")[:2] == MISSING


def send_later(plane, method, path):
    """Signed at the server's time, which was moved."""
    original = botocore.auth.datetime.datetime
    import datetime

    class Moved(original):
        @classmethod
        def utcnow(cls):
            return original.utcnow() + datetime.timedelta(seconds=getattr(plane, "advanced", 0))
    botocore.auth.datetime.datetime = Moved
    try:
        return send(plane, method, path)
    finally:
        botocore.auth.datetime.datetime = original


# ---- DeleteConnection

def connected(plane, key, client_id, **options):
    client = ws.Client(plane, ws.presign(key, vouch.REGION, now=time.time() + getattr(plane, "advanced", 0)))
    client.present = client.connect(client_id, **options)
    return client


def test_delete_connection(plane, key):
    watcher = connected(plane, key, "watching")
    watcher.subscribe("wills/#")
    path = "/connections/goner"
    refused(send_later(plane, "DELETE", path), MISSING)
    client = connected(plane, key, "goner", will=("wills/1", b"w", 0, False))
    assert send_later(plane, "DELETE", path)[::2] == (200, b"{}")
    assert client.expect_closed()
    assert watcher.message() == ("wills/1", b"w")
    client = connected(plane, key, "goner", will=("wills/2", b"w", 0, False))
    assert send_later(plane, "DELETE", path + "?preventWillMessage=true")[0] == 200
    assert client.expect_closed()
    with pytest.raises(TimeoutError):
        watcher.receive(0.5)
    watcher.close()


def test_delete_connection_and_sessions(plane, key):
    path = "/connections/staying"
    connected(plane, key, "staying", clean=False).close()
    client = connected(plane, key, "staying", clean=False)
    assert client.present == 1
    assert send_later(plane, "DELETE", path)[0] == 200
    assert client.expect_closed()
    client = connected(plane, key, "staying", clean=False)
    assert client.present == 1  # the session stayed
    assert send_later(plane, "DELETE", path + "?cleanSession=true")[0] == 200
    assert client.expect_closed()
    client = connected(plane, key, "staying", clean=False)
    assert client.present == 0
    client.close()
    deadline = time.monotonic() + 5
    while send_later(plane, "DELETE", path + "?cleanSession=true")[0] != 404:  # a session alone is found too
        assert time.monotonic() < deadline
    client = connected(plane, key, "staying", clean=False)
    assert client.present == 0
    client.close()


@pytest.mark.parametrize("client_id", ["$reserved", "x" * 129])
def test_delete_connection_of_what_is_no_client(plane, client_id):
    refused(send_later(plane, "DELETE", "/connections/" + urllib.parse.quote(client_id, safe="")), INVALID)


# ---- sessions belong to their principal

def test_a_session_is_not_inherited(plane, key):
    """Two users may both use a client id; one does not get what waits for the other."""
    other = user(plane, "heir", allow("iot:*"))
    first = connected(plane, key, "shared-id", clean=False)
    first.subscribe("private/#")
    first.close()
    time.sleep(0.2)
    send_later(plane, "POST", topic("private/1", qos=1))
    second = connected(plane, other, "shared-id", clean=False)
    assert second.present == 0
    with pytest.raises(TimeoutError):
        second.receive(0.5)
    second.close()


# ---- vouch

def test_commands(plane, key):
    with vouch.Server() as fresh:
        own = user(fresh, "cli", allow("iot:*"))
        ear = ws.Client(fresh, ws.presign(own, vouch.REGION))
        ear.connect("cli-ear")
        ear.subscribe("cli/#")
        payload = fresh.home / "payload"
        payload.write_bytes(b"from \xff a file")
        assert json.loads(fresh.vouch("publish", "cli/a", str(payload), "--qos", "1").stdout)["message"] == "OK"
        assert ear.message() == ("cli/a", b"from \xff a file")
        fresh.vouch("publish", "cli/kept", str(payload), "--retain", "--content-type", "text/plain")
        assert ear.message()[0] == "cli/kept"
        listed = json.loads(fresh.vouch("retained", "list").stdout)["retainedTopics"]
        assert [m["topic"] for m in listed] == ["cli/kept"]
        assert json.loads(fresh.vouch("retained", "get", "cli/kept").stdout)["payload"] == base64.b64encode(b"from \xff a file").decode()
        raw = subprocess.run([str(vouch.BUILD / "vouch"), "--data", str(fresh.data), "retained", "get", "cli/kept", "--raw"], capture_output=True)
        assert raw.stdout == b"from \xff a file"
        fresh.vouch("publish", "cli/kept", "--retain")
        assert fresh.vouch("retained", "get", "cli/kept", check=False).returncode == 2
        fresh.vouch("connection", "delete", "cli-ear", "--clean-session", "--no-will")
        while True:
            try:
                ear.receive(5)
            except mqtt.Closed:
                break
        assert "ResourceNotFoundException" in fresh.vouch("connection", "delete", "cli-ear", check=False).stderr
