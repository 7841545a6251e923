"""An OpenID provider: discovery, authorization code with PKCE, ES256 and RS256 tokens, over TLS with an authority of its own.

What it does wrong is chosen by the test: `edit` changes the claims, `head` the token's head, `sign` how it is signed,
`answer` what an endpoint says in place of its own answer. What it was asked stands in `asked`.
"""
import base64
import hashlib
import hmac
import http.client
import http.server
import itertools
import json
import pathlib
import secrets
import shutil
import ssl
import tempfile
import threading
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

import certs
import hooks

CLIENT, SECRET = "vouch/console", "s3cret:with+odd&signs%"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Key:
    """A signing key as a provider has it: its JWK, and signatures."""

    def __init__(self, alg="ES256", kid=None, bits=2048, curve=None):
        self.alg, self.kid = alg, kid or secrets.token_hex(4)
        self.private = certs.rsa_key(bits) if alg == "RS256" else ec.generate_private_key(curve or ec.SECP256R1())

    @property
    def jwk(self):
        public = self.private.public_key().public_numbers()
        common = {"kid": self.kid, "use": "sig", "alg": self.alg}
        if self.alg == "RS256":
            return {**common, "kty": "RSA", "n": number(public.n), "e": number(public.e)}
        size = (self.private.curve.key_size + 7) // 8
        return {**common, "kty": "EC", "crv": {32: "P-256", 48: "P-384", 66: "P-521"}[size], "x": number(public.x, size), "y": number(public.y, size)}

    def sign(self, text):
        if self.alg == "RS256":
            return self.private.sign(text, padding.PKCS1v15(), hashes.SHA256())
        r, s = utils.decode_dss_signature(self.private.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def by_key(key):
    return lambda text: b64(key.sign(text))


def by_secret(secret):
    return lambda text: b64(hmac.new(secret, text, hashlib.sha256).digest())


def token(head, claims, sign):
    text = ".".join(b64(json.dumps(part).encode() if not isinstance(part, bytes) else part) for part in (head, claims))
    return f"{text}.{sign(text.encode())}"


class Provider:
    def __init__(self):
        self.authority = certs.Authority("provider authority")
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="vouch-oidc-"))
        certificate, key = hooks.server_certificate(self.authority)
        (self.home / "server.pem").write_text(certificate + key)
        self.ca_file, self.secret_file = self.home / "ca.pem", self.home / "secret"
        self.ca_file.write_text(self.authority.pem)
        self.secret_file.write_text(SECRET + "\n")
        self.secret_file.chmod(0o600)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.home / "server.pem")
        self.first = Key()
        self.user = {"sub": "u-1", "email": "anna@example.com", "email_verified": True}
        self.reset()
        self.start(0)
        self.issuer = f"https://localhost:{self.port}"

    def reset(self):
        self.asked, self.codes, self.keys = [], {}, [self.first]
        self.edit = self.head = lambda it: it
        self.sign, self.answer, self.discovery, self.listed = None, {}, {}, None

    def start(self, port):
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                provider.serve(self, b"")

            def do_POST(self):
                provider.serve(self, self.rfile.read(int(self.headers["content-length"])))

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request, client_address):
                pass

        self.server = Quiet(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def close(self):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def flags(self, **more):
        given = {"oidc-issuer": self.issuer, "oidc-client-id": CLIENT, "oidc-client-secret-file": self.secret_file,
                 "oidc-ca-file": self.ca_file, "oidc-label": "Example & Sons", **more}
        return [str(word) for name, value in given.items() if value is not None for word in ("--" + name, value)]

    # ---- its endpoints

    def serve(self, request, body):
        path = urllib.parse.urlsplit(request.path).path
        self.asked.append((path, dict(request.headers), body.decode()))
        own = {"/.well-known/openid-configuration": self.describe, "/token": self.give, "/keys": self.list}.get(path)
        answer = self.answer.get(path)
        status, text = answer(request, body) if answer else own(request, body) if own else (404, b"{}")
        data = text if isinstance(text, bytes) else json.dumps(text).encode()
        request.send_response(status)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def count(self, path):
        return sum(1 for asked in self.asked if asked[0] == path)

    def describe(self, *_):
        return 200, {"issuer": self.issuer, "authorization_endpoint": self.issuer + "/authorize", "token_endpoint": self.issuer + "/token",
                     "jwks_uri": self.issuer + "/keys", **self.discovery}

    def list(self, *_):
        return 200, {"keys": [key.jwk for key in self.keys] if self.listed is None else self.listed}

    def authorize(self, location, **edit):
        """What a person does there: the address that the browser is sent back to. `edit` changes its parameters."""
        url = urllib.parse.urlsplit(location)
        asked = dict(urllib.parse.parse_qsl(url.query, strict_parsing=True))
        assert location.startswith(self.issuer + "/authorize?"), location
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT and "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
        assert len(asked["state"]) >= 43 and len(asked["nonce"]) >= 43 and asked["state"] != asked["nonce"]
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], **edit}
        return asked["redirect_uri"] + "?" + urllib.parse.urlencode({n: v for n, v in back.items() if v is not None})

    def give(self, request, body):
        form = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))
        if not self.knows(request.headers.get("authorization"), form):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form["code"], None)
        right = asked and form["grant_type"] == "authorization_code" and form["redirect_uri"] == asked["redirect_uri"] \
            and b64(hashlib.sha256(form["code_verifier"].encode()).digest()) == asked["code_challenge"]
        if not right:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": self.make(asked["nonce"])}

    def knows(self, header, form):
        """RFC 6749 2.3.1, in the way that the description offers."""
        methods = self.discovery.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "none" in methods:
            return header is None and form.get("client_id") == CLIENT and "client_secret" not in form
        if "client_secret_basic" not in methods:
            return header is None and (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        pair = f"{urllib.parse.quote(CLIENT, safe='')}:{urllib.parse.quote(SECRET, safe='')}"
        return header == "Basic " + base64.b64encode(pair.encode()).decode() and "client_secret" not in form

    def make(self, nonce):
        now, key = int(time.time()), self.keys[0]
        claims = {"iss": self.issuer, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce, **self.user}
        head = self.head({"alg": key.alg, "kid": key.kid, "typ": "JWT"})
        return token(head, self.edit(claims), self.sign or by_key(key))


class Browser:
    """Keeps the cookies of one server and follows nothing by itself. Each has an address of its own, unless one is given."""

    addresses = itertools.count(2)

    def __init__(self, server, address=None):
        self.server, self.cookies, self.set = server, {}, []
        self.address = address or "127.0.%d.%d" % divmod(next(self.addresses), 250)

    def get(self, url, host=None):
        """(status, headers); an absolute URL must be the server's."""
        here = urllib.parse.urlsplit(self.server.api)
        url = urllib.parse.urlsplit(url)
        assert url.netloc in ("", here.netloc), url
        headers = {"Host": host or here.netloc}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPSConnection(here.hostname, here.port, timeout=30, source_address=(self.address, 0),
                                                 context=ssl.create_default_context(cafile=self.server.ca))
        connection.request("GET", url.path + ("?" + url.query if url.query else ""), headers=headers)
        answer = connection.getresponse()
        self.body = answer.read()
        self.set = answer.headers.get_all("set-cookie") or []
        for cookie in self.set:
            name, value = cookie.split(";")[0].split("=", 1)
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        connection.close()
        return answer.status, answer.headers

    def start(self, path=None):
        query = "?" + urllib.parse.urlencode({"return": path}) if path is not None else ""
        status, headers = self.get("/_vouch/oidc/start" + query)
        assert status == 302, (status, headers["location"])
        return headers["location"]

    def sign_in(self, provider, path=None, **edit):
        """Where the browser is sent in the end."""
        status, headers = self.get(provider.authorize(self.start(path), **edit))
        assert status == 303, (status, self.body)
        return headers["location"]

    def session(self):
        status, _ = self.get("/_vouch/session")
        return json.loads(self.body) if status == 200 else None
