"""What a browser does, without one: the session cookie, the CSRF token, and the headers that a page cannot choose."""
import base64
import hashlib
import hmac
import http.client
import json
import ssl
import struct
import urllib.parse

NAME, KNOWN = "__Host-vouch", "__Host-vouch-known"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body or b"{}")

    @property
    def reason(self):
        return self.headers.get("x-vouch-reason", "")

    @property
    def error(self):
        return self.headers.get("x-amzn-ErrorType", "")

    @property
    def cookie(self):
        """The value of the cookie that it sets; "" takes it away; None: it sets none."""
        return self.cookies.get(NAME)

    @property
    def cookies(self):
        said = [v.split(";")[0].split("=", 1) for k, v in self.headers.items() if k.lower() == "set-cookie"]
        assert len({name for name, _ in said}) == len(said), said
        return dict(said)


class Browser:
    """One browser's state at one server: a cookie, and the token of a page."""

    def __init__(self, server):
        address = urllib.parse.urlsplit(server.api)
        self.host, self.origin, self.server = address.netloc, server.api, server
        self.cookie = self.csrf = self.known = None

    def send(self, method, path, body=None, **headers):
        """One request as a page of ours sends it; a header that is None is left out. Names: `_` for `-`."""
        sent = {"sec-fetch-site": "same-origin", "content-type": "application/json"}
        if method != "GET":
            sent.update({"origin": self.origin, "x-vouch-csrf": self.csrf})
        if self.cookie is not None:
            sent["cookie"] = f"theme=dark; {NAME}={self.cookie}"
        if self.known:
            sent["cookie"] = "; ".join([*filter(None, [sent.get("cookie")]), f"{KNOWN}={self.known}"])
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        sent = {name: value for name, value in sent.items() if value is not None}
        context = ssl.create_default_context(cafile=self.server.ca)
        connection = http.client.HTTPSConnection(self.host, context=context, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def call(self, method, path, body=None, **headers):
        """The document of an answer that must be good."""
        answer = self.send(method, path, body, **headers)
        assert answer.status == 200, (method, path, answer.status, answer.reason, answer.body)
        if answer.cookie is not None:
            self.cookie = answer.cookie or None
        self.known = answer.cookies.get(KNOWN, self.known)
        if "csrfToken" in answer.json:
            self.csrf = answer.json["csrfToken"]
        return answer.json

    def refused(self, status, reason, method, path, body=None, **headers):
        answer = self.send(method, path, body, **headers)
        assert (answer.status, answer.reason) == (status, reason), (method, path, answer.status, answer.reason, answer.body)
        return answer

    def try_sign_in(self, user, password, code=None, **headers):
        body = {"userName": user, "password": password}
        if code is not None:
            body["totpCode"] = code
        return self.send("POST", "/_vouch/session", body, x_vouch_csrf=None, **headers)

    def sign_in(self, user, password, code=None):
        body = {"userName": user, "password": password}
        if code is not None:
            body["totpCode"] = code
        return self.call("POST", "/_vouch/session", body, x_vouch_csrf=None)


def admin(server):
    """A browser in which admin is signed in with the password of admin.json."""
    browser = Browser(server)
    browser.sign_in("admin", server.admin["consolePassword"])
    return browser


def totp(secret, seconds, step=0):
    """RFC 6238: the code of a secret in base32 at a time, `step` steps later."""
    key = base64.b32decode(secret)
    digest = hmac.digest(key, struct.pack(">Q", int(seconds) // 30 + step), hashlib.sha1)
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"
