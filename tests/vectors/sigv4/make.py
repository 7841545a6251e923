#!/usr/bin/python3
"""Writes signed.json: requests signed by botocore (Debian python3-botocore).

Run by hand when a case is added; the tests read only the JSON. All keys are
made up.
"""
import datetime
import json
import pathlib
from urllib.parse import urlsplit

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 11, 23, 15, 44, 28)
KEY = "AKIDVOUCHEXAMPLE0001"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HOST = "iot.example.test:8443"


class FixedClock(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return NOW


def freeze():
    if hasattr(botocore.auth, "get_current_datetime"):
        botocore.auth.get_current_datetime = lambda *a, **k: NOW
    else:
        botocore.auth.datetime.datetime = FixedClock


def sign(name, method, path, body=b"", headers=(), token=None, service="iot", presign=0, drop=()):
    url = "https://" + HOST + path
    request = AWSRequest(method=method, url=url, data=body)
    request.headers.add_header("host", HOST)
    for key, value in headers:
        request.headers.add_header(key, value)
    credentials = Credentials(KEY, SECRET, token)
    if presign:
        signer = botocore.auth.SigV4QueryAuth(credentials, service, "us-east-1", expires=presign)
    else:
        signer = botocore.auth.SigV4Auth(credentials, service, "us-east-1")
    signer.add_auth(request)
    parts = urlsplit(request.url)
    return {
        "name": name, "method": method, "path": parts.path, "query": parts.query,
        "headers": [[k, v] for k, v in request.headers.items() if k.lower() not in drop],
        "body": body.decode(), "accessKeyId": KEY, "secretKey": SECRET, "region": "us-east-1", "service": service,
        "time": "20261123T154428Z", "expires": presign, "token": token or "",
    }


def late_token(case):
    """What WebSocket clients do: the token joins the URL after signing."""
    case["query"] += "&X-Amz-Security-Token=tok%2Fen%3D%3D"
    case["token"] = "tok/en=="
    return case


JSON = ("content-type", "application/json")
ARN = "arn%3Aaws%3Aiot%3Aus-east-1%3A123456789012%3Acert%2F" + "0a" * 32


def cases():
    yield sign("get-things", "GET", "/things")
    yield sign("root", "GET", "/")
    yield sign("no-path", "GET", "")
    yield sign("post-json", "POST", "/policies/pubsub", b'{"policyDocument":"{}"}', [JSON])
    yield sign("claim", "POST", "/provisioning-templates/TrustedUserProvisioningTemplate/provisioning-claim", b"{}", [JSON])
    yield sign("colon-in-name", "GET", "/things/device%3A1%3Ab")
    yield sign("arn-in-path", "POST", "/attached-policies/" + ARN, b"{}", [JSON])
    yield sign("arn-unescaped", "GET", "/attached-policies/arn:aws:iot:us-east-1:123456789012:cert/ab")
    yield sign("utf8-in-path", "GET", "/things/%C3%BC%20x")
    yield sign("tilde-and-dots", "GET", "/things/a~b.c-d_e")
    yield sign("slashes", "GET", "//things///a//")
    yield sign("dot-segments", "GET", "/things/./a/../b/..")
    yield sign("above-root", "GET", "/../../things")
    yield sign("trailing-slash", "GET", "/things/")
    yield sign("query", "GET", "/policies?pageSize=25&isAscendingOrder=true")
    yield sign("query-order", "GET", "/policies?b=2&a=3&a=1&A=0&a-b=1&a.b=2&aa=1")
    yield sign("query-empty-value", "GET", "/policies?marker=&pageSize=1")
    yield sign("query-no-equals", "GET", "/policies?marker&pageSize=1")
    yield sign("query-escapes", "GET", "/things?attributeName=a%20b%2Bc&attributeValue=%3D%26%C3%BC")
    yield sign("query-value-with-equals", "GET", "/things?marker=AAA%3D%3D")
    yield sign("header-spaces", "GET", "/things", b"", [("x-amz-meta-note", "  a   b \t c  "), JSON])
    yield sign("header-twice", "GET", "/things", b"", [("x-amz-meta-note", "one"), ("x-amz-meta-note", "two  three")])
    yield sign("header-case", "GET", "/things", b"", [("X-Amz-Meta-B", "v"), ("X-Other", "w")])
    yield sign("session-token", "GET", "/things", token="tok/en==")
    yield sign("unsigned-agent", "GET", "/things", b"", [("User-Agent", "aws-cli/2"), ("x-amzn-trace-id", "Root=1")])
    yield sign("content-sha256", "POST", "/things/a", b"{}",
               [("X-Amz-Content-SHA256", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")])
    yield sign("unsigned-payload", "POST", "/things/a", b"{}", [("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")])
    yield sign("date-header", "GET", "/things", b"", [("Date", "Mon, 23 Nov 2026 15:44:28 GMT")])
    yield sign("sts", "POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15",
               [("content-type", "application/x-www-form-urlencoded; charset=utf-8")], service="sts")
    yield sign("presigned", "GET", "/things?pageSize=5", presign=900)
    yield sign("presigned-arn", "GET", "/attached-policies/" + ARN + "?recursive=", presign=1)
    yield sign("presigned-token", "GET", "/mqtt", token="tok/en==", service="iotdevicegateway", presign=604800)
    yield late_token(sign("presigned-late-token", "GET", "/mqtt", service="iotdevicegateway", presign=86400))


if __name__ == "__main__":
    freeze()
    out = pathlib.Path(__file__).with_name("signed.json")
    out.write_text(json.dumps(list(cases()), indent=1) + "\n")
