"""Our own operations over HTTPS, signed as botocore signs; and what tests of claims share."""
import contextlib
import datetime
import json
import ssl
import subprocess
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials

import vouch


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message


@contextlib.contextmanager
def clock_of(server):
    """Signatures are made by the clock of a server that a test has moved."""
    original = botocore.auth.datetime.datetime

    class Moved(original):
        @classmethod
        def utcnow(cls):
            return original.utcnow() + datetime.timedelta(seconds=getattr(server, "advanced", 0))

    botocore.auth.datetime.datetime = Moved
    try:
        yield
    finally:
        botocore.auth.datetime.datetime = original


def call(server, method, path, body=None, key=None):
    """The answer as a document; Refused otherwise."""
    key = key or server.admin
    data = b"" if body is None else json.dumps(body).encode()
    request = botocore.awsrequest.AWSRequest(method, server.api + path, data=data, headers={"content-type": "application/json"})
    credentials = botocore.credentials.Credentials(key["accessKeyId"], key["secretAccessKey"])
    with clock_of(server):
        botocore.auth.SigV4Auth(credentials, "iot", vouch.REGION).add_auth(request)
    sent = urllib.request.Request(server.api + path, data=data or None, headers=dict(request.headers), method=method)
    try:
        with urllib.request.urlopen(sent, context=ssl.create_default_context(cafile=server.ca)) as answer:
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        text = error.read()
        said = json.loads(text) if text else {}
        raise Refused(error.code, error.headers.get("x-amzn-ErrorType", ""), said.get("message", "")) from error


def refused(server, status, code, method, path, body=None, key=None):
    """The message of a refusal with this status and error."""
    try:
        answer = call(server, method, path, body, key)
    except Refused as why:
        assert (why.status, why.code) == (status, code), why
        return why.message
    raise AssertionError(f"{method} {path} was not refused: {answer}")


def user(server, name, *statements):
    """A user with a policy of these (actions, resources), and an access key."""
    server.vouch("user", "create", name)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": a, "Resource": r} for a, r in statements]}
    call(server, "PUT", f"/_vouch/users/{name}/policies/Own", {"policyDocument": json.dumps(document)})
    return call(server, "POST", f"/_vouch/users/{name}/access-keys")


def claim(server, key=None, template=vouch.TEMPLATE, **more):
    """A bound claim as an identity; `own_key` is a private key that the claim is for."""
    own_key = more.pop("own_key", None)
    made = call(server, "POST", "/_vouch/claims", {"templateName": template, **more}, key)
    assert ("keyPair" in made) == (own_key is None)
    return vouch.Identity(server.home, made["certificateId"], made["certificatePem"], own_key or made["keyPair"]["PrivateKey"],
                          expiration=made["expiration"])


def key_pair(curve="P-256"):
    """A private key and its public half, in PEM."""
    private = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}"], check=True,
                             capture_output=True, text=True).stdout
    public = subprocess.run(["openssl", "pkey", "-pubout"], input=private, check=True, capture_output=True, text=True).stdout
    return private, public


def request_for(private, subject="/CN=device"):
    """A signing request for a private key."""
    import tempfile
    with tempfile.NamedTemporaryFile("w", suffix=".key") as file:
        file.write(private)
        file.flush()
        return subprocess.run(["openssl", "req", "-new", "-key", file.name, "-subj", subject], check=True, capture_output=True, text=True).stdout


def ledger(server, **match):
    """All rows that match, oldest first."""
    rows, token = [], ""
    while True:
        page = call(server, "GET", "/_vouch/ledger?maxResults=250" + (f"&nextToken={token}" if token else ""))
        rows += page["entries"]
        token = page.get("nextToken")
        if not token:
            return [r for r in rows if all(r.get(k) == v for k, v in match.items())]


def metric(server, name):
    with urllib.request.urlopen(server.api + "/metrics", context=ssl.create_default_context(cafile=server.ca)) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
    raise AssertionError(f"no metric {name}")
