"""Calls at random, well formed, nearly so and not at all, on every operation that the server describes of itself.

Whatever is asked, the answer is the operation's own or one of the errors that it declares, never a fault of the
server's; the registry is whole afterwards. VOUCH_SEED repeats a run, VOUCH_STEPS lengthens it.
"""
import concurrent.futures
import http.client
import json
import os
import random
import ssl
import subprocess
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

import vouch

vouch.Exercised.path = None  # what chance answers is no test of it
AT_ONCE = 3
STEPS = int(os.environ.get("VOUCH_STEPS", "2500"))
SEED = int(os.environ.get("VOUCH_SEED", random.SystemRandom().randrange(1 << 32)))
NAMES = ["a", "b", "c", "pump-1", "pump-2", "T_1", "x" * 36, "default"]
JUNK = ["", " ", "..", ".", "/", "%2F", "%00", "a/b", "a b", "ä" * 40, "*", "?", "#", "${x}", "$aws", "null", "0", "-1", "x" * 129, "x" * 3000,
        "'; drop table things; --", "<script>", "\u0000", "\ud7ff", "\U0001f600", "{", "[", "\"", "\\", "arn:aws:iot:::", "a" * 64, "f" * 64]
DOCUMENTS = [vouch.policy_text("pubsub-policy.json"), "{}", "{", "[]", "null", '{"Version":"2012-10-17","Statement":[]}',
             '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}',
             '{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotAction":"iot:Connect","NotResource":"*","Condition":{"Null":{"x":"true"}}}}',
             '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}',
             (vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text(),
             '{"Parameters":{"S":{"Type":"String"}},"Resources":{"t":{"Type":"AWS::IoT::Thing","Properties":{"ThingName":{"Ref":"S"}}}}}',
             '{"Resources":' * 300, '{"a":' * 60 + "1" + "}" * 60, '{"a":1,"a":2}', "{" + " " * 20000 + "}"]
DATA_PLANE = ("/topics/", "/retainedMessage", "/connections/")
QUERIES = ["thingName:pump*", "thingName:*", "*", "a AND", "NOT thingName:a", "(", "attributes.x:1 OR thingTypeName:b", "connectivity.connected:true"]


class Storm:
    def __init__(self, server, seed):
        self.server, self.random = server, random.Random(seed)
        self.pool = {"text": list(NAMES)}
        self.credentials = botocore.credentials.Credentials(server.admin["accessKeyId"], server.admin["secretAccessKey"])
        self.port = urllib.parse.urlsplit(server.api).port
        self.connection = None
        self.answers = {}
        self.history = []

    def send(self, method, path, body, headers=None, key=None):
        request = botocore.awsrequest.AWSRequest(method, self.server.api + path, data=body, headers=headers or {})
        service = "iotdata" if path.startswith(DATA_PLANE) else "iot"
        botocore.auth.SigV4Auth(key or self.credentials, service, vouch.REGION).add_auth(request)
        prepared = request.prepare()
        url = urllib.parse.urlsplit(prepared.url)
        if not self.connection:
            context = ssl.create_default_context(cafile=self.server.ca)
            self.connection = http.client.HTTPSConnection("localhost", self.port, context=context, timeout=30)
        sent = {k: (v.decode() if isinstance(v, bytes) else v) for k, v in prepared.headers.items()}
        try:
            self.connection.request(method, url.path + ("?" + url.query if url.query else ""), body, sent)
            answer = self.connection.getresponse()
            endless = (answer.headers.get("content-type") or "").startswith("text/event-stream")
            text = answer.fp.readline() if endless else answer.read()
        except http.client.RemoteDisconnected:
            self.connection.close()
            self.connection = None
            return self.send(method, path, body, headers, key)
        if endless or answer.headers.get("connection") == "close":
            self.connection.close()
            self.connection = None
        return answer.status, answer.headers, text

    def text(self, name):
        r = self.random
        lower = name.lower()
        kind = r.random()
        if kind < 0.12:
            return r.choice(JUNK)
        if "document" in lower or "body" in lower:
            return r.choice(DOCUMENTS)
        if "query" in lower:
            return r.choice(QUERIES + JUNK)
        if "token" in lower:
            return r.choice(self.pool.get("nextToken", []) + JUNK)
        if "status" in lower:
            return r.choice(["ACTIVE", "INACTIVE", "REVOKED", "PENDING_TRANSFER", "Active", "Inactive", "x"])
        known = self.pool.get(name, []) + [v for k, v in self.pool.items() if k.lower() == lower for v in v]
        if known and kind < 0.8:
            return r.choice(known)
        if "arn" in lower or lower in ("principal", "target", "resource"):
            every = [v for k, values in self.pool.items() if k.endswith("Arn") for v in values]
            return r.choice(every + JUNK)
        if "certificate" in lower or "pem" in lower:
            return r.choice(self.pool.get("certificatePem", []) + self.pool.get("certificateId", []) + JUNK)
        return r.choice(NAMES)

    def value(self, name, schema):
        r = self.random
        kind = schema.get("type")
        if r.random() < 0.03:
            return r.choice([None, 1, -1, 1.5, True, "x", [], {}, [[[]]], {"a": {"b": {"c": []}}}, 1 << 63, -(1 << 63), "x" * 70000])
        if kind == "string":
            return r.choice(schema["enum"]) if schema.get("enum") and r.random() < 0.9 else self.text(name)
        if kind == "integer":
            return r.choice([0, 1, 2, 3, 10, 250, 251, -1, 1 << 31, 1 << 53, (1 << 63) - 1])
        if kind == "number":
            return r.choice([0, 1, -1, 1e308])
        if kind == "boolean":
            return r.random() < 0.5
        if kind == "array":
            return [self.value(name.rstrip("s"), schema.get("items", {})) for _ in range(r.choice([0, 1, 1, 2, 3, 60]))]
        properties = schema.get("properties")
        if properties:
            return {k: self.value(k, v) for k, v in properties.items() if r.random() < 0.6}
        return {self.text("name"): self.value("value", schema.get("additionalProperties") or {"type": "string"}) for _ in range(r.choice([0, 1, 2, 4, 60]))}

    def call(self, path, method, operation):
        r = self.random
        url, query, headers = path, [], {}
        for p in operation.get("parameters", []):
            value = self.value(p["name"], p["schema"])
            text = "" if value is None else value if isinstance(value, str) else json.dumps(value)[:3000]
            text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
            if p["in"] == "path":
                url = url.replace("{" + p["name"] + "}", urllib.parse.quote(text or "a", safe=""))
            elif p["in"] == "query" and (p.get("required") or r.random() < 0.5):
                query.append((p["name"], text.replace("\0", "")))  # a query with %00 is refused as a signature that does not verify
            elif p["in"] == "header" and (p.get("required") or r.random() < 0.5):
                ascii_only = "".join(c for c in text if 32 < ord(c) < 127)[:2000]
                if ascii_only:
                    headers[p["name"]] = ascii_only
        body = b""
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content:
            schema = content["schema"]
            members = {k: self.value(k, v) for k, v in schema.get("properties", {}).items()
                       if k in schema.get("required", []) and r.random() < 0.95 or r.random() < 0.4}
            body = json.dumps(members).encode()
            if r.random() < 0.04:
                body = r.choice([body[:-1], b"[]", b"null", b"\xff\xfe", b"1", body + b"x", b'{"a":1,"a":2}', body.replace(b":", b"::", 1)])
        if query:
            url += "?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote)
        if len(url) > 7000:
            return
        self.history = (self.history + [(operation["operationId"], method, url[:300], body[:300])])[-5:]
        self.check(operation, *self.send(method.upper(), url, body, headers))

    def rage(self, operations, weights, steps):
        for _ in range(steps):
            self.call(*self.random.choices(operations, weights)[0])

    def check(self, operation, status, headers, text):
        name = operation["operationId"]
        assert status < 500, (SEED, name, status, text, self.history, self.server.log_text()[-600:])
        if status < 300:
            self.answers[name] = self.answers.get(name, 0) + 1
            if text and "json" in (headers.get("content-type") or ""):
                self.learn(json.loads(text))
            return
        error = (headers.get("x-amzn-ErrorType") or "").split(":")[0]
        if status == 413 and not error:  # before it was read: no operation yet
            return
        if status == 404 and error == "UnknownOperationException":
            return
        assert error in operation["x-errors"] and "Signature" not in error, (SEED, name, status, error, text, self.history)
        assert json.loads(text).get("message"), (SEED, name, status, text)

    def learn(self, value, name=""):
        if isinstance(value, dict):
            for k, v in value.items():
                self.learn(v, k)
        elif isinstance(value, list):
            for v in value[:20]:
                self.learn(v, name)
        elif isinstance(value, str) and value and len(value) < 6000 and name not in ("secretAccessKey", "userName"):
            known = self.pool.setdefault(name, [])
            known.append(value)
            del known[:-12]


# These would end the storm's own access, or move the clock under it.
LEFT_OUT = {"AdvanceClock", "Backup"}


def test_whatever_is_asked_is_answered_as_declared():
    server = vouch.Server().start()
    try:
        storms = [Storm(server, SEED + i) for i in range(AT_ONCE)]
        print(f"VOUCH_SEED={SEED} VOUCH_STEPS={STEPS}")
        described = json.loads(storms[0].send("GET", "/_vouch/openapi.json", b"")[2])
        operations = [(path, method, operation) for path, methods in described["paths"].items() for method, operation in methods.items()
                      if operation["operationId"] not in LEFT_OUT and operation.get("x-iam-action")]
        # Makers come more often: what never exists cannot be in anybody's way.
        weights = [4 if o["operationId"].startswith(("Create", "Put", "Attach", "Add", "Register")) else 0.5 if o["operationId"].startswith("Delete") else 1
                   for _, _, o in operations]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
            for done in [threads.submit(storm.rage, operations, weights, STEPS // AT_ONCE) for storm in storms]:
                done.result()
        answered = {name for storm in storms for name in storm.answers}
        print(len(answered), "of", len(operations), "operations succeeded at least once")
        assert len(answered) >= len(operations) // 3, sorted(answered)
        verify = subprocess.run([vouch.BUILD / "vouch", "--data", server.data, "ledger", "verify"], capture_output=True, text=True)
        assert verify.returncode == 0, verify
        server.stop()
    finally:
        server.close()


def test_a_user_without_rights_learns_nothing():
    server = vouch.Server().start()
    try:
        admin, nobody = Storm(server, SEED), Storm(server, SEED + 1)
        described = json.loads(admin.send("GET", "/_vouch/openapi.json", b"")[2])
        operations = [(path, method, operation) for path, methods in described["paths"].items() for method, operation in methods.items()
                      if operation["operationId"] not in LEFT_OUT and operation.get("x-iam-action") and "#" not in path]
        admin.rage(operations, None, STEPS // 5)
        assert admin.send("POST", "/_vouch/users/nobody", b"{}")[0] == 200
        key = json.loads(admin.send("POST", "/_vouch/users/nobody/access-keys", b"")[2])
        nobody.credentials = botocore.credentials.Credentials(key["accessKeyId"], key["secretAccessKey"])
        nobody.pool = admin.pool
        seen = set()

        def refused(operation, status, headers, text):
            error = (headers.get("x-amzn-ErrorType") or "").split(":")[0]
            unrouted = status == 404 and error == "UnknownOperationException" or status == 413
            # A name that no resource can have is refused for its form before anybody is asked.
            overlong = status == 400 and b"longer than any resource's" in text
            assert unrouted or overlong or (status, error) in ((403, "AccessDeniedException"), (403, "ForbiddenException")), (SEED, operation["operationId"], status, error, text, nobody.history[-1])
            seen.add(operation["operationId"])

        nobody.check = refused
        nobody.rage(operations, None, STEPS // 2)
        assert len(seen) > len(operations) * 3 // 4
        server.stop()
    finally:
        server.close()
