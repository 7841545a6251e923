"""Sign-in through an OpenID provider: who comes in, and everything that must not."""
import base64
import concurrent.futures
import json
import shutil
import subprocess
import threading
import time
import urllib.parse

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import oidc
import own
import postgres
import session
import sse
import vouch

ANNA, PASSWORD = "anna@example.com", "correct horse battery"


@pytest.fixture(scope="module")
def provider():
    with oidc.Provider() as running:
        yield running


@pytest.fixture(scope="module")
def site(provider):
    with vouch.Server(*provider.flags()) as server:
        server.vouch("user", "create", ANNA)
        server.vouch("user", "create", "by-subject")
        yield server


@pytest.fixture(autouse=True)
def afresh(provider):
    provider.reset()


def refused(site, provider, reason, path=None, address=None, **edit):
    """A sign-in that fails: the page says why, nobody is signed in, the ledger knows."""
    browser = oidc.Browser(site, address)
    where = browser.sign_in(provider, path, **edit)
    assert where.startswith(f"/sign-in?error={reason}"), where
    assert "__Host-vouch" not in browser.cookies and browser.session() is None
    return browser


# ---- those who come in


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_a_person_signs_in(site, provider, alg):
    provider.keys = [oidc.Key(alg), oidc.Key("RS256" if alg == "ES256" else "ES256")]
    with vouch.Server(*provider.flags()) as server:
        server.vouch("user", "create", ANNA)
        browser = oidc.Browser(server)
        location = browser.start("/console#/things?a=b")
        cookie, = browser.set
        words = cookie.split("; ")
        assert words[0].startswith("__Host-vouch-oidc=")
        assert set(words[1:]) == {"Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=600"}
        status, headers = browser.get(provider.authorize(location))
        assert (status, headers["location"]) == (303, "/console#/things?a=b")
        assert headers["cache-control"] == "no-store" and headers["referrer-policy"] == "no-referrer"
        session = [c for c in browser.set if c.startswith("__Host-vouch=")][0]
        assert "SameSite=Strict" in session and "HttpOnly" in session and "Secure" in session
        assert "__Host-vouch-oidc" not in browser.cookies  # taken away again
        who = browser.session()
        assert (who["userName"], who["how"]) == (ANNA, "oidc")
        row, = own.ledger(server, event="signed-in")
        assert json.loads(row["detail"]) == {"userName": ANNA, "how": "oidc", "subject": "u-1"} and row["actor"].endswith("user/" + ANNA)
        log = server.log_text()
        code = [form for path, _, form in provider.asked if path == "/token"][0].split("code=")[1].split("&")[0]
        for secret in (oidc.SECRET, browser.cookies["__Host-vouch"], code, words[0].split("=")[1]):
            assert secret not in log


def test_provider_and_keys_are_asked_once(site, provider):
    oidc.Browser(site).sign_in(provider)
    provider.asked.clear()
    for _ in range(3):
        browser = oidc.Browser(site)
        assert browser.sign_in(provider) == "/console" and browser.session()["userName"] == ANNA
    assert [path for path, *_ in provider.asked] == ["/token"] * 3


def test_options(site, provider, server):
    def options(of):
        browser = oidc.Browser(of)
        assert browser.get("/_vouch/signin-options")[0] == 200
        return json.loads(browser.body)
    assert options(site) == {"password": True, "totp": True, "oidc": True, "oidcLabel": "Example & Sons"}
    assert options(server) == {"password": True, "totp": True, "oidc": False}
    for path in ("start", "callback"):
        status, _ = oidc.Browser(server).get("/_vouch/oidc/" + path)
        assert status == 404


def test_another_claim_and_other_ways_to_prove_the_client(provider):
    for methods, flags in ((["client_secret_post"], {}), (["none"], {"oidc-client-secret-file": None}), (["private_key_jwt", "client_secret_basic"], {})):
        provider.reset()
        provider.discovery = {"token_endpoint_auth_methods_supported": methods}
        with vouch.Server(*provider.flags(**{"oidc-user-claim": "preferred_username", **flags})) as server:
            server.vouch("user", "create", "anna")
            provider.edit = lambda claims: {**claims, "preferred_username": "anna", "email_verified": False}
            browser = oidc.Browser(server)
            assert browser.sign_in(provider) == "/console" and browser.session()["userName"] == "anna", methods


def test_a_right_token_in_unusual_forms(site, provider):
    for edit in (lambda c: {**c, "aud": [oidc.CLIENT]}, lambda c: {**c, "aud": [oidc.CLIENT, "other"], "azp": oidc.CLIENT},
                 lambda c: {**c, "azp": oidc.CLIENT}, lambda c: {**c, "exp": c["exp"] + 0.5, "nbf": c["iat"]},
                 lambda c: {**c, "email_verified": "true"}, lambda c: {**c, "iat": c["iat"] + 30}, lambda c: {**c, "exp": c["iat"] - 30}):
        provider.edit = edit
        browser = oidc.Browser(site)
        assert browser.sign_in(provider) == "/console" and browser.session()["userName"] == ANNA


def test_what_is_granted_is_what_the_user_has(site, provider):
    browser = oidc.Browser(site)
    browser.sign_in(provider)
    status, headers = browser.get("/things")
    assert status == 403 and headers["x-amzn-errortype"] == "AccessDeniedException"
    own.call(site, "PUT", f"/_vouch/users/{ANNA}/policies/P", {"policyDocument": json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:ListThings", "Resource": "*"}]})})
    assert browser.get("/things")[0] == 200


def test_refusals_are_in_the_ledger(provider):
    server = fresh_site(provider)
    try:
        provider.edit = lambda c: {**c, "nonce": "x"}
        refused(server, provider, "oidc-token")
        row, = own.ledger(server, event="sign-in-refused")
        assert row["outcome"] == "oidc-token" and row["sourceIp"].startswith("127.0.") and json.loads(row["detail"]) == {"how": "oidc"}
        for _ in range(60):  # within bounds: a stranger does not fill it
            refused(server, provider, "oidc-state", address="127.3.3.3", state="x")
        assert 1 < len(own.ledger(server, event="sign-in-refused")) < 60
    finally:
        server.close()


# ---- tokens that are not right

CLAIMS = {
    "another nonce": lambda c: {**c, "nonce": "x" * 43}, "no nonce": lambda c: {k: v for k, v in c.items() if k != "nonce"},
    "nonce of another type": lambda c: {**c, "nonce": [c["nonce"]]}, "empty nonce": lambda c: {**c, "nonce": ""},
    "another audience": lambda c: {**c, "aud": "other"}, "audience in pieces": lambda c: {**c, "aud": oidc.CLIENT + "x"},
    "no audience": lambda c: {**c, "aud": []}, "audience as object": lambda c: {**c, "aud": {oidc.CLIENT: 1}},
    "several audiences, no party": lambda c: {**c, "aud": [oidc.CLIENT, "other"]}, "another party": lambda c: {**c, "azp": "other"},
    "another issuer": lambda c: {**c, "iss": "https://evil.example"}, "issuer with a slash": lambda c: {**c, "iss": c["iss"] + "/"},
    "expired": lambda c: {**c, "exp": c["iat"] - 61}, "no end": lambda c: {k: v for k, v in c.items() if k != "exp"},
    "end as text": lambda c: {**c, "exp": str(c["exp"])}, "end below zero": lambda c: {**c, "exp": -1}, "end without end": lambda c: {**c, "exp": 1e300},
    "from the future": lambda c: {**c, "iat": c["iat"] + 120, "exp": c["exp"] + 1000}, "from long ago": lambda c: {**c, "iat": c["iat"] - 900},
    "no beginning": lambda c: {k: v for k, v in c.items() if k != "iat"}, "not yet": lambda c: {**c, "nbf": c["iat"] + 120},
    "nobody": lambda c: {**c, "sub": ""}, "no subject": lambda c: {k: v for k, v in c.items() if k != "sub"}, "long subject": lambda c: {**c, "sub": "x" * 256},
}


@pytest.mark.parametrize("what", CLAIMS)
def test_claims_that_are_not_right(site, provider, what):
    provider.edit = CLAIMS[what]
    refused(site, provider, "oidc-token")


def public_pem(key):
    return key.private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def signatures(provider):
    key, other = provider.keys[0], oidc.Key("ES256", kid=provider.keys[0].kid)
    flip = lambda text: (lambda good: ("A" if good[0] != "A" else "B") + good[1:])(oidc.b64(key.sign(text)))
    head = lambda **more: lambda h: {**h, **more}
    embedded = {**other.jwk}
    return {
        "none": (head(alg="none"), lambda _: ""), "None": (head(alg="None"), lambda _: ""), "none, signed": (head(alg="none"), None),
        "HS256 with the public key": (head(alg="HS256"), oidc.by_secret(public_pem(key))),
        "HS256 with the key's text": (head(alg="HS256"), oidc.by_secret(json.dumps(key.jwk).encode())),
        "HS256 with the secret": (head(alg="HS256"), oidc.by_secret(oidc.SECRET.encode())), "HS256 with nothing": (head(alg="HS256"), oidc.by_secret(b"")),
        "no signature": (head(), lambda _: ""), "a changed signature": (head(), flip), "zeros": (head(), lambda _: oidc.b64(bytes(64))),
        "another's key": (head(), oidc.by_key(other)), "a key of its own": (head(jwk=embedded), oidc.by_key(other)),
        "a key from elsewhere": (head(jku="https://localhost/keys"), oidc.by_key(other)), "RS256 in name": (head(alg="RS256"), None),
        "ES384 in name": (head(alg="ES384"), None), "no algorithm": (lambda h: {"kid": h["kid"]}, None), "a list of them": (head(alg=["ES256"]), None),
        "critical": (head(crit=["exp"]), None), "not encoded": (head(b64=False), None),
    }


@pytest.mark.parametrize("what", sorted(signatures(type("P", (), {"keys": [oidc.Key()]}))))
def test_signatures_that_are_none(site, provider, what):
    provider.head, provider.sign = signatures(provider)[what]
    refused(site, provider, "oidc-token")


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "..", "a.b.c.d", "e30.e30.", "e30=.e30=.AA", "\u00e9.\u00e9.\u00e9", "x" * 20000])
def test_texts_that_are_no_tokens(site, provider, text):
    provider.answer["/token"] = lambda *_: (200, {"id_token": text, "token_type": "Bearer"})
    refused(site, provider, "oidc-token")


def test_an_encrypted_or_doubled_member(site, provider):
    def twice(request, body):
        status, answer = provider.give(request, body)
        head, _, _ = answer["id_token"].split(".")
        real = json.loads(base64.urlsafe_b64decode(answer["id_token"].split(".")[1] + "=="))
        text = json.dumps(real)[:-1] + ', "aud": "other"}'
        body = f"{head}.{oidc.b64(text.encode())}"
        return status, {**answer, "id_token": f"{body}.{oidc.b64(provider.keys[0].sign(body.encode()))}"}
    provider.answer["/token"] = twice
    refused(site, provider, "oidc-token")


# ---- keys


def fresh_site(provider):
    server = vouch.Server(*provider.flags())
    server.start()
    server.vouch("user", "create", ANNA)
    return server


def test_keys_turn_over(provider):
    with vouch.Server("--test-clock", *provider.flags()) as server:
        server.vouch("user", "create", ANNA)
        assert oidc.Browser(server).sign_in(provider) == "/console"
        provider.keys = [oidc.Key("RS256")]
        for _ in range(5):  # looked for a moment ago: who brings unknown keys cannot have the provider asked each time
            assert oidc.Browser(server).sign_in(provider).startswith("/sign-in?error=oidc-token")
        assert provider.count("/keys") == 1
        server.advance_clock(31)
        for _ in range(3):
            assert oidc.Browser(server).sign_in(provider) == "/console"
        assert provider.count("/keys") == 2
        server.advance_clock(120)
        provider.edit = lambda c: {**c, "iat": c["iat"] + 151, "exp": c["exp"] + 151}
        provider.sign, other = None, oidc.Key("RS256", kid=provider.keys[0].kid)
        provider.sign = oidc.by_key(other)  # the same name, another key: nobody is asked, nothing holds
        assert oidc.Browser(server).sign_in(provider).startswith("/sign-in?error=oidc-token")
        assert provider.count("/keys") == 2


def test_keys_that_are_too_weak_or_of_no_use(provider):
    good = oidc.Key(kid="k")
    weak, wide = oidc.Key("RS256", kid="k", bits=1024), oidc.Key(kid="k", curve=ec.SECP384R1())
    twins = [good.jwk, {**oidc.Key(kid="k").jwk}]
    cases = [([good], [{**good.jwk, "use": "enc"}]), ([weak], None), ([good], [{**good.jwk, "alg": "ES384"}]), ([good], [wide.jwk]), ([good], []),
             ([good], twins), ([good], [{**good.jwk, "x": "AA"}]), ([good], ["k", 7, None]), ([good], [{"kty": "oct", "kid": "k", "k": "AA"}]),
             ([good], [{**good.jwk, "kid": "K"}])]
    for keys, listed in cases:
        provider.reset()
        provider.keys, provider.listed = keys, listed
        server = fresh_site(provider)
        try:
            refused(server, provider, "oidc-token")
        finally:
            server.close()


# ---- state, cookie, code


def test_another_browsers_state(site, provider):
    mine, theirs = oidc.Browser(site), oidc.Browser(site)
    back = provider.authorize(mine.start())
    theirs.start()
    for victim in (theirs, oidc.Browser(site)):  # with a sign-in of its own under way, and with none
        status, headers = victim.get(back)
        assert status == 303 and headers["location"].startswith("/sign-in?error=oidc-state")
        assert "__Host-vouch" not in victim.cookies
    assert provider.count("/token") == 0  # the code was not shown to anybody
    assert mine.get(back)[1]["location"] == "/console"


def test_a_cookie_that_is_not_ours(site, provider):
    browser = oidc.Browser(site)
    back = provider.authorize(browser.start())
    real = browser.cookies["__Host-vouch-oidc"]
    raw = base64.urlsafe_b64decode(real + "=" * (-len(real) % 4))
    for false in (real[:-2], real + "AA", "AAAA", "", "x" * 4000, oidc.b64(raw[:40] + bytes([raw[40] ^ 1]) + raw[41:]), real + "=", real.swapcase()):
        browser.cookies["__Host-vouch-oidc"] = false
        assert browser.get(back)[1]["location"].startswith("/sign-in?error=oidc-state"), false
    assert provider.count("/token") == 0


def test_a_sign_in_that_comes_back_twice(site, provider):
    browser = oidc.Browser(site)
    back = provider.authorize(browser.start())
    kept = dict(browser.cookies)
    asked = [c for c in provider.codes.items()]
    assert browser.get(back)[1]["location"] == "/console"
    provider.codes.update(asked)  # a provider that would take the code again
    browser.cookies = kept
    assert browser.get(back)[1]["location"].startswith("/sign-in?error=oidc-replayed")
    assert "__Host-vouch" not in browser.cookies and provider.count("/token") == 1


def test_a_code_that_the_provider_does_not_take(site, provider):
    refused(site, provider, "oidc-refused", code="made-up")
    refused(site, provider, "oidc-refused", code=None, error="access_denied")
    refused(site, provider, "oidc-state", code=None)
    refused(site, provider, "oidc-state", state="x" * 43)
    refused(site, provider, "oidc-state", state=None)


def test_a_sign_in_that_took_too_long(provider):
    with vouch.Server("--test-clock", *provider.flags()) as server:
        server.vouch("user", "create", ANNA)
        browser = oidc.Browser(server)
        back = provider.authorize(browser.start())
        server.advance_clock(601)
        assert browser.get(back)[1]["location"].startswith("/sign-in?error=oidc-state")


def test_an_answer_of_another_issuer(site, provider):
    assert oidc.Browser(site).sign_in(provider, iss=provider.issuer) == "/console"
    refused(site, provider, "oidc-state", iss="https://evil.example")
    provider.discovery = {"authorization_response_iss_parameter_supported": True}
    server = fresh_site(provider)
    try:
        refused(server, provider, "oidc-state")
        assert oidc.Browser(server).sign_in(provider, iss=provider.issuer) == "/console"
    finally:
        server.close()


# ---- users


def test_who_has_no_user_here(site, provider):
    for claims in ({"email": "nobody@example.com"}, {"email": "x' OR '1'='1"}, {"email": ""}, {"email": 7}, {"email": "a" * 65}):
        provider.edit = lambda c, claims=claims: {**c, **claims}
        refused(site, provider, "oidc-user")
    provider.edit = lambda c: {**c, "email": "admin\u0000"}
    refused(site, provider, "oidc-token")
    for unverified in (False, None, "false", 1, "TRUE"):
        provider.edit = lambda c, u=unverified: {**c, "email_verified": u}
        refused(site, provider, "oidc-user")
    provider.edit = lambda c: {k: v for k, v in c.items() if k != "email_verified"}
    refused(site, provider, "oidc-user")
    names = {user["userName"] for user in own.call(site, "GET", "/_vouch/users")["users"]}
    assert names == {"admin", ANNA, "by-subject"}  # nobody is made on the way


def test_a_user_that_was_deleted(site, provider):
    site.vouch("user", "create", "leaving")
    provider.edit = lambda c: {**c, "email": "leaving"}
    browser = oidc.Browser(site)
    assert browser.sign_in(provider) == "/console"
    site.vouch("user", "delete", "leaving")
    assert browser.session() is None
    refused(site, provider, "oidc-user")


# ---- where the browser is sent


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "evil.example", "javascript:alert(1)", "",
                                  "/%0d%0a\u00e9", "/a;\u2028", "///evil.example", "/_vouch/oidc/start", "/" + "a" * 600, " /console"])
def test_no_open_redirect(site, provider, path):
    browser = oidc.Browser(site)
    assert browser.sign_in(provider, path) == "/console"
    assert not any("x=y" in cookie for cookie in browser.set)


def test_no_split_answer(site, provider):
    for path in ("/\t/evil.example", "/a\r\nSet-Cookie: x=y", "/\u0000"):
        browser = oidc.Browser(site)
        status, headers = browser.get("/_vouch/oidc/start?" + urllib.parse.urlencode({"return": path}))
        assert (status, headers["location"].split("?")[0], browser.set) == (303, "/sign-in", []), path


def test_local_paths_are_kept(site, provider):
    for path in ("/", "/install", "/install#c=ABCD-EFGH&k=00", "/console?x=%2F%2Fevil.example#/things/a%20b", "/console#//x"):
        assert oidc.Browser(site).sign_in(provider, path) == path
    assert refused(site, provider, "oidc-refused", code="x").body
    where = oidc.Browser(site).sign_in(provider, "/install#c=AB", code="x")
    assert dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(where).query)) == {"error": "oidc-refused", "return": "/install#c=AB"}


def test_a_host_that_is_not_ours(site, provider):
    port = site.api.rsplit(":", 1)[1]
    for host in ("evil.example", "evil.example:443", f"localhost.evil.example:{port}", f"localhost:{port}@evil.example", "localhost:x", "localhost:", f"localhost:{port}/x", "[::1"):
        status, headers = oidc.Browser(site).get("/_vouch/oidc/start", host=host)
        assert status in (303, 400), host
        assert "evil" not in headers.get("location", "") or "redirect_uri" not in headers["location"], host
        assert not headers.get("location", "/").startswith("http"), host
    browser = oidc.Browser(site)
    _, headers = browser.get("/_vouch/oidc/start", host=f"127.0.0.1:{port}")
    assert f"redirect_uri=https%3A%2F%2F127.0.0.1%3A{port}%2F_vouch%2Foidc%2Fcallback" in headers["location"]


def test_an_ipv6_address_is_a_name(provider):
    with vouch.Server("--hostname", "fd00::7", *provider.flags()) as server:
        _, headers = oidc.Browser(server).get("/_vouch/oidc/start", host="[fd00::7]:8443")
        assert "redirect_uri=https%3A%2F%2F%5Bfd00%3A%3A7%5D%3A8443%2F_vouch%2Foidc%2Fcallback" in headers["location"]
        for host in ("[fd00::8]:8443", "fd00::7", "[fd00::7", "[[fd00::7]]"):
            status, headers = oidc.Browser(server).get("/_vouch/oidc/start", host=host)
            assert (status, headers["location"]) == (303, "/sign-in?error=field-invalid"), host


def test_codes_that_somebody_made_up(provider):
    """Each has the provider asked: an address may do so thirty times in five minutes, and nobody else notices."""
    with vouch.Server(*provider.flags()) as server:
        server.vouch("user", "create", ANNA)
        provider.answer["/token"] = lambda *_: (500, b"{}")  # what some say to nonsense
        stranger = oidc.Browser(server)
        stranger.sign_in(provider, code="x")
        provider.answer.clear()
        assert oidc.Browser(server).sign_in(provider) == "/console"  # nobody had to pause for that
        for number in range(30):
            assert stranger.sign_in(provider, code=f"made-up-{number}") == "/sign-in?error=oidc-refused&return=%2Fconsole"
        asked = provider.count("/token")
        assert stranger.sign_in(provider, code="x") == "/sign-in?error=sign-in-locked&return=%2Fconsole"
        assert provider.count("/token") == asked
        for _ in range(35):  # sign-ins that are good do not count
            browser = oidc.Browser(server, "127.7.7.7")
            assert browser.sign_in(provider) == "/console"


# ---- a provider that is away, slow or strange


def test_a_provider_that_is_away(provider):
    server = fresh_site(provider)
    try:
        provider.stop()
        began = time.monotonic()
        status, headers = oidc.Browser(server).get("/_vouch/oidc/start?return=/install")
        assert (status, headers["location"]) == (303, "/sign-in?error=oidc-unavailable&return=%2Finstall")
        assert headers["x-amzn-errortype"] == "ServiceUnavailableException" and time.monotonic() - began < 5
        provider.start(provider.port)
        deadline = time.monotonic() + 20  # who comes right after a failure is told so at once
        while True:
            browser = oidc.Browser(server)
            status, headers = browser.get("/_vouch/oidc/start")
            if status == 302:
                break
            assert time.monotonic() < deadline
            time.sleep(0.1)
        back = provider.authorize(headers["location"])
        assert browser.get(back)[1]["location"] == "/console"
    finally:
        server.close()


def test_a_provider_that_is_slow_holds_nobody_up(provider):
    with vouch.Server("--workers", "2", *provider.flags()) as server:
        server.vouch("user", "create", ANNA)
        browsers = [oidc.Browser(server) for _ in range(6)]
        backs = [provider.authorize(browser.start()) for browser in browsers]
        provider.answer["/token"] = lambda *_: (time.sleep(30), (200, {}))[1]
        where, began = [], time.monotonic()
        threads = [threading.Thread(target=lambda b=b, back=back: where.append(b.get(back)[1]["location"])) for b, back in zip(browsers, backs)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        for _ in range(20):  # two workers, six who wait: others are served
            own.call(server, "GET", "/_vouch/ledger?maxResults=1")
        assert time.monotonic() - began < 7 and not where
        for thread in threads:
            thread.join(20)
        assert time.monotonic() - began < 12
        assert all(w.startswith("/sign-in?error=oidc-unavailable") for w in where) and len(where) == 6


def test_too_many_at_once_are_told_so(provider):
    with vouch.Server(*provider.flags()) as server:
        server.vouch("user", "create", ANNA)
        browsers = [oidc.Browser(server) for _ in range(40)]

        def all_at_once(urls):
            where = []
            threads = [threading.Thread(target=lambda b=b, url=url: where.append(b.get(url)[1]["location"])) for b, url in zip(browsers, urls)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
            busy = [w for w in where if w.startswith("/sign-in?error=oidc-busy")]
            assert len(where) == 40 and len(busy) == 8, where
            return [w for w in where if w not in busy]
        provider.answer["/.well-known/openid-configuration"] = lambda *_: (time.sleep(3), provider.describe())[1]
        assert all(w.startswith(provider.issuer) for w in all_at_once(["/_vouch/oidc/start"] * 40))
        backs = [provider.authorize(browser.start()) for browser in browsers]
        provider.answer["/token"] = lambda *asked: (time.sleep(3), provider.give(*asked))[1]
        assert set(all_at_once(backs)) == {"/console"}


def test_answers_that_make_no_sense(provider):
    issuer, big = provider.issuer, b"[" + b"1," * 60000 + b"1]"
    descriptions = [b"", b"<html>", b"[]", b"{}", big, {"issuer": "https://evil.example"}, {"issuer": issuer}, {"issuer": issuer + "/"}]
    right = {"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys"}
    descriptions += [{**right, "token_endpoint": "http://localhost/token"}, {**right, "jwks_uri": "file:///etc/passwd"}, {**right, "authorization_endpoint": "javascript:alert(1)"},
                     {**right, "authorization_endpoint": "https://user@evil.example/a"}, {**right, "token_endpoint": issuer + "/a b"}, {**right, "jwks_uri": 7}]
    status = iter([(500, right), (302, right), (404, right)])
    answers = [(200, d) for d in descriptions] + list(status)
    for answer in answers:
        provider.answer["/.well-known/openid-configuration"] = lambda *_, a=answer: a
        with vouch.Server(*provider.flags()) as server:
            code, headers = oidc.Browser(server).get("/_vouch/oidc/start")
            assert code == 303 and headers["location"] == "/sign-in?error=oidc-unavailable", answer


def test_a_provider_that_is_somebody_else(provider):
    with oidc.Provider() as other, vouch.Server(*provider.flags(**{"oidc-ca-file": other.ca_file})) as server:
        status, headers = oidc.Browser(server).get("/_vouch/oidc/start")
        assert headers["location"] == "/sign-in?error=oidc-unavailable"
        assert provider.asked == [] and "certificate is not trusted" in server.log_text()


# ---- configuration


def test_configuration_is_checked(provider, tmp_path):
    wide = tmp_path / "wide"
    wide.write_text("x")
    wide.chmod(0o644)

    def check(*flags, word="-n"):
        return subprocess.run([str(vouch.BUILD / "vouchd"), "--data", str(tmp_path / "data"), "--api", "127.0.0.1:0", word, *flags], capture_output=True, text=True, timeout=60)
    assert check(*provider.flags()).returncode == 0
    for more in ({"oidc-issuer": "http://localhost"}, {"oidc-issuer": "https://"}, {"oidc-issuer": "https://a/?b"}, {"oidc-issuer": "https://u@a"},
                 {"oidc-client-id": ""}, {"oidc-user-claim": ""}):
        done = check(*provider.flags(**more))
        assert done.returncode != 0 and list(more)[0] in done.stderr, more
    for more in ({"oidc-client-secret-file": wide}, {"oidc-client-secret-file": tmp_path / "none"}, {"oidc-ca-file": tmp_path / "none"}):
        done = check(*provider.flags(**more), word="--loops=1")
        assert done.returncode != 0 and "oidc" in done.stderr or "none" in done.stderr, (more, done.stderr)


def shared_by_two(first, second):
    """One code of a second factor is taken once, whichever server is asked; what ends a session ends it and its streams at both;
    a browser that is known to one is known to the other."""
    own.call(first, "PUT", f"/_vouch/users/{ANNA}/password", {"password": PASSWORD})
    own.call(first, "PUT", f"/_vouch/users/{ANNA}/policies/p", {"policyDocument": json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "vouch:WatchEvents", "Resource": "*"}]})})
    anna = session.Browser(first)
    anna.sign_in(ANNA, PASSWORD)
    with sse.Listener(second, cookie=f"{session.NAME}={anna.cookie}") as listener:
        listener.block()
        anna.call("DELETE", "/_vouch/session")
        assert listener.ended(5)["reason"] == "session-ended"
    stranger = session.Browser(second)
    assert [stranger.try_sign_in(ANNA, "a guess").reason for _ in range(11)] == ["sign-in-refused"] * 10 + ["sign-in-locked"]
    known = session.Browser(second)
    known.known = anna.known
    known.sign_in(ANNA, PASSWORD)
    secret = known.call("POST", "/_vouch/session/totp")["secret"]
    known.call("PUT", "/_vouch/session/totp", {"totpCode": session.totp(secret, time.time())})
    code = session.totp(secret, time.time(), 1)

    def attempt(number):
        browser = session.Browser((first, second)[number % 2])
        browser.known = known.known
        return browser.try_sign_in(ANNA, PASSWORD, code)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        said = sorted(answer.reason for answer in pool.map(attempt, range(4)))
    assert said == ["", "sign-in-refused", "sign-in-refused", "sign-in-refused"], said


def test_two_servers_of_one_registry(provider, tmp_path):
    """Away from one, back to the other; and once only, whoever is asked."""
    with postgres.Cluster() as cluster:
        url = cluster.schema("signin")
        with vouch.Server("--store", url, *provider.flags()) as first:
            first.vouch("user", "create", ANNA)
            shutil.copytree(first.data, tmp_path / "data", ignore=shutil.ignore_patterns("run", "*.lock", "lock"))
            with vouch.Server("--store", url, *provider.flags(), data=tmp_path / "data") as second:
                browser = oidc.Browser(first)
                location = browser.start()
                back = provider.authorize(location)
                kept, codes = dict(browser.cookies), dict(provider.codes)
                query = "/_vouch/oidc/callback?" + urllib.parse.urlsplit(back).query
                browser.server = second
                assert browser.get(query)[1]["location"] == "/console" and browser.session()["userName"] == ANNA
                provider.codes.update(codes)
                browser = oidc.Browser(first)
                browser.cookies = kept
                assert browser.get(query)[1]["location"].startswith("/sign-in?error=oidc-replayed")
                assert "__Host-vouch" not in browser.cookies
                shared_by_two(first, second)
