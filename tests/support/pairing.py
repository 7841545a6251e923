"""A device that pairs, by hand: it asks without a signature, and polls."""
import http.client
import json
import ssl
import threading
import time
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials

import mqtt
import own
import vouch

STEPS = ["code-shown", "looked-at", "approved", "claim-taken", "connected", "certificate-made", "registered", "done"]
CSR = "$aws/certificates/create-from-csr/json"
ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXZ"


SOURCES = (f"127.{a}.{b}.{c}" for c in range(1, 250) for b in range(1, 250) for a in range(1, 250))  # each in another network


def connection(server, source, api=None, timeout=40):
    host, port = (api or server.api).split("//")[1].rsplit(":", 1)
    return http.client.HTTPSConnection(host, int(port), timeout=timeout, context=ssl.create_default_context(cafile=server.ca),
                                       source_address=(source, 0))


def ask(server, path, body, timeout=40, api=None, source=None):
    """An open operation, from an address of loopback: the answer, or own.Refused with `reason`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    link = connection(server, source or next(SOURCES), api, timeout)
    try:
        link.request("POST", path, body=data, headers={"content-type": "application/json"})
        answer = link.getresponse()
        said = json.loads(answer.read() or b"{}")
    finally:
        link.close()
    if answer.status == 200:
        return said
    why = own.Refused(answer.status, answer.getheader("x-amzn-ErrorType", ""), said.get("message", ""))
    why.reason = said.get("reason")
    raise why


def refused(status, reason, call, *words, **more):
    """The refusal of an open operation."""
    try:
        answer = call(*words, **more)
    except own.Refused as why:
        assert (why.status, why.reason) == (status, reason), (why, why.reason)
        return why
    raise AssertionError(f"it was not refused: {answer}")


def signed(server, method, path, body=None, key=None):
    """The status and the body of one of our own operations, whatever it is."""
    key = key or server.admin
    data = b"" if body is None else json.dumps(body).encode()
    request = botocore.awsrequest.AWSRequest(method, server.api + path, data=data, headers={"content-type": "application/json"})
    credentials = botocore.credentials.Credentials(key["accessKeyId"], key["secretAccessKey"])
    with own.clock_of(server):
        botocore.auth.SigV4Auth(credentials, "iot", vouch.REGION).add_auth(request)
    sent = urllib.request.Request(server.api + path, data=data or None, headers=dict(request.headers), method=method)
    try:
        with urllib.request.urlopen(sent, context=ssl.create_default_context(cafile=server.ca)) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def check_symbol(seven):
    """The eighth symbol of a code; None when there is none."""
    value = -sum((8 - i) * ALPHABET.index(c) for i, c in enumerate(seven)) % 29
    return ALPHABET[value] if value < 28 else None


def codes():
    """Codes that are well formed, one after the other; nobody shows them."""
    number = 0
    while True:
        n, seven = number, ""
        for _ in range(7):
            n, digit = divmod(n, 28)
            seven = ALPHABET[digit] + seven
        number += 1
        if check_symbol(seven):
            yield seven + check_symbol(seven)


class Device:
    def __init__(self, server, serial="SN-1", model="Model 1", parameters=None, private=None, api=None, source=None):
        self.server, self.serial = server, serial
        self.api, self.source = api, source or next(SOURCES)
        self.private = private or own.key_pair()[0]
        self.request = own.request_for(self.private)
        self.started = self.begin(serial, model, parameters)
        self.code, self.id, self.secret = self.started["userCode"], self.started["pairingId"], self.started["deviceCode"]

    def begin(self, serial, model, parameters):
        body = {"certificateSigningRequest": self.request, "serialNumber": serial, "model": model}
        return ask(self.server, "/_vouch/pairings", dict(body, **({"parameters": parameters} if parameters else {})), api=self.api, source=self.source)

    def poll(self, wait=0, **more):
        return ask(self.server, "/_vouch/pairings/poll", {"deviceCode": self.secret, "waitSeconds": wait}, api=self.api, source=self.source, **more)

    def polling(self, wait=20):
        return Polling(self, wait)

    def look(self, key=None):
        return own.call(self.server, "POST", "/_vouch/pairings/lookup", {"userCode": self.code}, key)

    def approve(self, key=None, **more):
        return own.call(self.server, "POST", f"/_vouch/pairings/{self.id}/approve", self.approval(**more), key)

    def approval(self, **more):
        return {"keyFingerprint": more.pop("fingerprint", None) or self.fingerprint(), "templateName": more.pop("template", vouch.TEMPLATE), **more}

    def fingerprint(self):
        return self.get()["keyFingerprint"]

    def deny(self, key=None):
        return own.call(self.server, "POST", f"/_vouch/pairings/{self.id}/deny", {}, key)

    def get(self):
        return own.call(self.server, "GET", f"/_vouch/pairings/{self.id}")

    def state(self):
        return self.get()["state"]

    def dates(self):
        return [step["name"] for step in self.get()["steps"] if "date" in step]

    def rows(self, event=None):
        rows = [r for r in own.ledger(self.server) if self.id in (r.get("detail") or "")]
        return [r for r in rows if not event or r["event"] == event]

    def claim(self, answer):
        return vouch.Identity(self.server.home, answer["certificateId"], answer["certificatePem"], self.private)

    def provision(self, answer, client_id="paired", **parameters):
        """With the claim of a poll: certificate, thing, and the connection that proves them."""
        with mqtt.Client(self.server, self.claim(answer)) as client:
            client.connect(client_id)
            made = self.certificate(client)
            accepted, said = self.register(client, made, dict(answer["parameters"], **parameters))
            assert accepted, said
        return said, vouch.Identity(self.server.home, made["certificateId"], made["certificatePem"], self.private)

    def certificate(self, client, request=None):
        accepted, made = client.request(CSR, {"certificateSigningRequest": request or self.request})
        assert accepted, made
        return made

    @staticmethod
    def register(client, made, parameters):
        return client.request(mqtt.register_topic(vouch.TEMPLATE), {"certificateOwnershipToken": made["certificateOwnershipToken"],
                                                                    "parameters": parameters})


class Polling(threading.Thread):
    """A poll that waits; `answer` joins it, `took` says when it was answered."""

    def __init__(self, device, wait):
        super().__init__(daemon=True)
        self.device, self.wait, self.said, self.failed = device, wait, None, None
        self.start()

    def run(self):
        try:
            self.said = self.device.poll(self.wait)
        except Exception as why:
            self.failed = why
        self.at = time.monotonic()

    def answer(self, timeout=30):
        self.join(timeout)
        assert not self.is_alive(), "the poll was not answered"
        if self.failed:
            raise self.failed
        return self.said
