"""The door of the control plane: signatures, permissions, bad input."""
import datetime
import http.client
import json
import re
import ssl
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

import vouch


def signed(server, method, path, body=b"", key=None, service="iot", region=vouch.REGION, when=None, headers=None, presign=None):
    key = key or server.admin
    credentials = botocore.credentials.Credentials(key["accessKeyId"], key["secretAccessKey"], key.get("token"))
    request = botocore.awsrequest.AWSRequest(method, server.api + path, data=body, headers=headers or {})
    signer = botocore.auth.SigV4QueryAuth(credentials, service, region, expires=presign) if presign else botocore.auth.SigV4Auth(credentials, service, region)
    real = botocore.auth.datetime.datetime
    try:
        if when:
            class Moved(real):
                @classmethod
                def utcnow(cls):
                    return when
            botocore.auth.datetime.datetime = Moved
        signer.add_auth(request)
    finally:
        botocore.auth.datetime.datetime = real
    return request.prepare()


def send(server, prepared, body=None, drop=(), extra=None):
    url = urllib.parse.urlsplit(prepared.url)
    connection = http.client.HTTPSConnection("localhost", url.port, context=ssl.create_default_context(cafile=server.ca), timeout=10)
    headers = {k: (v.decode() if isinstance(v, bytes) else v) for k, v in prepared.headers.items() if k.lower() not in drop}
    headers.update(extra or {})
    connection.request(prepared.method, url.path + ("?" + url.query if url.query else ""), body if body is not None else prepared.body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, answer.headers, text


def refused(answer, status, error):
    assert answer[0] == status, answer
    assert answer[1]["x-amzn-ErrorType"].split(":")[0] == error, (answer[1]["x-amzn-ErrorType"], answer[2])
    assert re.fullmatch(r"[0-9a-f-]{36}", answer[1]["x-amzn-RequestId"])
    assert json.loads(answer[2])["message"]


def test_good_requests_by_header_and_by_query(server):
    assert send(server, signed(server, "GET", "/things"))[0] == 200
    assert send(server, signed(server, "GET", "/things", presign=60))[0] == 200
    assert send(server, signed(server, "GET", "/things?maxResults=1"))[0] == 200


def test_bad_signatures(server):
    now = datetime.datetime.utcnow()
    refused(send(server, signed(server, "GET", "/things"), drop=("authorization",)), 403, "MissingAuthenticationTokenException")
    wrong = dict(server.admin, secretAccessKey="x" * 40)
    refused(send(server, signed(server, "GET", "/things", key=wrong)), 403, "InvalidSignatureException")
    nobody = dict(server.admin, accessKeyId="AKIAXXXXXXXXXXXXXXXX")
    refused(send(server, signed(server, "GET", "/things", key=nobody)), 403, "UnrecognizedClientException")
    for minutes in (-6, 6, -1440):
        old = send(server, signed(server, "GET", "/things", when=now + datetime.timedelta(minutes=minutes)))
        assert old[0] == 403 and old[1]["x-amzn-ErrorType"] in ("InvalidSignatureException", "RequestExpired", "ExpiredTokenException"), old
    assert send(server, signed(server, "GET", "/things", when=now - datetime.timedelta(minutes=4)))[0] == 200
    body = json.dumps({"policyDocument": vouch.policy_text("pubsub-policy.json")}).encode()
    good = signed(server, "POST", "/policies/sig", body)
    refused(send(server, good, body=body.replace(b"Allow", b"Admit")), 403, "InvalidSignatureException")
    refused(send(server, signed(server, "GET", "/things", service="s3")), 403, "InvalidSignatureException")
    refused(send(server, signed(server, "GET", "/things", region="eu-west-1")), 403, "InvalidSignatureException")
    other = signed(server, "GET", "/things")
    other.url = other.url.replace("/things", "/policies")
    refused(send(server, other), 403, "InvalidSignatureException")
    unsigned = send(server, signed(server, "GET", "/things"), extra={"x-amz-meta": "added"})
    assert unsigned[0] == 403
    late = signed(server, "GET", "/things", presign=60, when=now - datetime.timedelta(minutes=10))
    assert send(server, late)[0] == 403
    missing = signed(server, "GET", "/things")
    assert send(server, missing, drop=("x-amz-date",))[0] == 403


def test_permissions_default_deny_and_explicit_deny(server):
    server.vouch("user", "create", "narrow", "--allow-claims", vouch.TEMPLATE)
    made = json.loads(server.vouch("user", "create", "narrow2", "--allow-claims", vouch.TEMPLATE, "--output", "json").stdout)
    iot = server.boto(key=made)
    assert iot.create_provisioning_claim(templateName=vouch.TEMPLATE)["certificateId"]
    for call in (lambda: iot.list_things(), lambda: iot.create_policy(policyName="x", policyDocument="{}"),
                 lambda: iot.create_provisioning_claim(templateName="Other"), lambda: iot.describe_provisioning_template(templateName=vouch.TEMPLATE)):
        with pytest.raises(iot.exceptions.ClientError) as denied:
            call()
        assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
        assert denied.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert re.match(r"User: arn:aws:iam::\d{12}:user/narrow2 is not authorized to perform: iot:\w+ on resource: ", denied.value.response["Error"]["Message"])


def test_bad_input_is_named(server):
    iot = server.boto(parameter_validation=False)
    for name in ("bad name", "x" * 129):
        with pytest.raises(iot.exceptions.InvalidRequestException):
            iot.create_policy(policyName=name, policyDocument="{}")
    refused(send(server, signed(server, "POST", "/policies/p1", b"{")), 400, "InvalidRequestException")
    refused(send(server, signed(server, "POST", "/policies/p1", b'{"policyDocument": 7}')), 400, "InvalidRequestException")
    refused(send(server, signed(server, "POST", "/policies/p1", b"{}")), 400, "InvalidRequestException")
    refused(send(server, signed(server, "GET", "/no/such/route")), 404, "UnknownOperationException")
    refused(send(server, signed(server, "GET", "/things?maxResults=0")), 400, "InvalidRequestException")
    refused(send(server, signed(server, "GET", "/things?maxResults=x")), 400, "InvalidRequestException")
    refused(send(server, signed(server, "GET", "/things?nextToken=AAAA")), 400, "InvalidRequestException")
    assert send(server, signed(server, "POST", "/policies/p1", b"x" * 400000))[0] in (400, 413)
    deep = b'{"policyDocument":' + b"[" * 200 + b"]" * 200 + b"}"
    refused(send(server, signed(server, "POST", "/policies/p1", deep)), 400, "InvalidRequestException")


def test_pages_are_bound_to_their_query(server):
    iot = server.boto()
    for i in range(7):
        iot.create_policy(policyName=f"page-{i}", policyDocument=vouch.policy_text("pubsub-policy.json"))
    seen, marker = [], {}
    while True:
        page = iot.list_policies(pageSize=2, **marker)
        seen += [p["policyName"] for p in page["policies"]]
        if "nextMarker" not in page:
            break
        marker = {"marker": page["nextMarker"]}
    assert len(seen) == len(set(seen)) and {f"page-{i}" for i in range(7)} <= set(seen)
    with pytest.raises(iot.exceptions.InvalidRequestException):
        iot.list_certificates(marker=iot.list_policies(pageSize=2)["nextMarker"])


def test_open_pages(server):
    context = ssl.create_default_context(cafile=server.ca)
    connection = http.client.HTTPSConnection("localhost", urllib.parse.urlsplit(server.api).port, context=context)
    for path, kind in (("/ca.pem", "-----BEGIN CERTIFICATE-----"), ("/healthz", ""), ("/readyz", ""), ("/metrics", "# "), ("/", "<"),
                       ("/_vouch/openapi.json", '"openapi"')):
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200 and kind in text, (path, answer.status, text[:200])
    connection.request("POST", "/_vouch/test/clock", body=b'{"advanceSeconds":1}')
    assert connection.getresponse().status in (403, 404)
