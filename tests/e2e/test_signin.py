"""People who sign in in a browser, and those who would like to be them."""
import concurrent.futures
import http.client
import json
import re
import resource
import socket
import ssl
import subprocess
import time
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

import own
import session
import vouch

SESSION, PASSWORD, TOTP, RIGHTS = "/_vouch/session", "/_vouch/session/password", "/_vouch/session/totp", "/_vouch/session/rights"
GOOD = "correct horse battery"


def clock(server):
    """The server's wall clock, which a test may have moved."""
    return time.time() + server.advanced


def advance(server, seconds):
    server.advance_clock(seconds)


def person(server, name, *statements, password=GOOD):
    """A user with a password, and a policy of these (actions, resources)."""
    key = own.user(server, name, *(statements or [("iot:*", "*")]))
    own.call(server, "PUT", f"/_vouch/users/{name}/password", {"password": password})
    return key


def signed_in(server, name, password=GOOD, code=None):
    browser = session.Browser(server)
    browser.sign_in(name, password, code)
    return browser


def ledger(server, event):
    return own.ledger(server, event=event)


@pytest.fixture
def fresh():
    """A server whose counts of attempts nobody else has touched, with a clock to move."""
    with vouch.Server("--test-clock", "--log-level", "debug") as running:
        yield running


# ---- what it is for


def test_a_session_in_place_of_a_signature(server):
    browser = session.admin(server)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", browser.cookie) and re.fullmatch(r"[A-Za-z0-9_-]{43}", browser.csrf)
    who = browser.call("GET", SESSION)
    assert (who["userName"], who["how"], who["totp"], who["passwordSet"]) == ("admin", "password", False, True)
    assert who["arn"] == f"arn:aws:iam::{vouch.ACCOUNT}:user/admin" and who["csrfToken"] == browser.csrf
    assert (who["account"], who["region"]) == (vouch.ACCOUNT, vouch.REGION) and who["version"]
    assert 43000 < who["expiration"] - time.time() < 43300
    browser.call("POST", "/things/by-cookie")  # of AWS's operations
    assert browser.call("GET", "/things/by-cookie")["thingName"] == "by-cookie"
    assert browser.call("GET", "/_vouch/claims") and browser.call("GET", "/_vouch/users")["users"]  # of ours
    browser.call("POST", "/topics/a%2Fb?qos=1", {"of": "the data plane"})
    made = browser.call("POST", f"/provisioning-templates/{vouch.TEMPLATE}/provisioning-claim")
    assert ledger(server, "claim-created")[-1]["claimId"] == made["certificateId"]
    assert ledger(server, "claim-created")[-1]["actor"] == who["arn"]
    assert own.call(server, "GET", SESSION)["userName"] == "admin"  # by signature: no token, no end
    assert "csrfToken" not in own.call(server, "GET", SESSION) and "expiration" not in own.call(server, "GET", SESSION)


def test_the_cookie_is_hardened(server):
    answer = session.Browser(server).try_sign_in("admin", server.admin["consolePassword"])
    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-vouch=") and set(attributes) == {"Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=43200"}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.cookie not in answer.body.decode()


def test_signing_out_ends_it(server):
    browser, other = session.admin(server), session.admin(server)
    answer = browser.send("DELETE", SESSION)
    assert answer.status == 200 and answer.cookie == "" and "Max-Age=0" in answer.headers["set-cookie"]
    again = browser.refused(401, "session-ended", "GET", "/things")
    assert again.error == "UnauthorizedException" and again.cookie == ""
    other.call("GET", "/things")
    assert ledger(server, "signed-out")[-1]["actor"].endswith(":user/admin")
    own.call(server, "DELETE", SESSION)  # by signature there is nothing to end


def test_what_somebody_may_do_is_their_policy(server):
    person(server, "reader", ("iot:ListThings", "*"))
    browser = signed_in(server, "reader")
    browser.call("GET", "/things")
    for method, path in (("POST", "/things/not-mine"), ("GET", "/_vouch/users"), ("PUT", "/_vouch/users/admin/password"),
                         ("DELETE", "/_vouch/users/admin/totp"), ("GET", "/_vouch/users/admin/sessions"),
                         ("DELETE", "/_vouch/users/admin/sessions"), ("POST", "/_vouch/users/admin/unlock")):
        assert browser.refused(403, "policy-silent", method, path).error == "AccessDeniedException"
    own.call(server, "PUT", "/_vouch/users/reader/policies/More", {"policyDocument": json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:CreateThing", "Resource": "*"}})})
    browser.call("POST", "/things/mine")  # at once


def test_rights_of_one_who_makes_claims_of_one_template(server):
    iot = server.boto()
    iot.create_provisioning_template(templateName="Other", provisioningRoleArn=vouch.ROLE, enabled=True,
                                     templateBody=(vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text())
    arn = f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:provisioningtemplate/{vouch.TEMPLATE}"
    person(server, "installer", ("iot:CreateProvisioningClaim", arn))
    browser = signed_in(server, "installer")
    rights = browser.call("GET", RIGHTS)
    assert {action for action, reach in rights["actions"].items() if reach != "none"} == {"iot:CreateProvisioningClaim"}
    assert rights["actions"]["iot:CreateProvisioningClaim"] == "some" and rights["templates"] == [vouch.TEMPLATE]
    browser.call("POST", f"/provisioning-templates/{vouch.TEMPLATE}/provisioning-claim")
    browser.refused(403, "policy-silent", "POST", "/provisioning-templates/Other/provisioning-claim")
    everything = session.admin(server).call("GET", RIGHTS)
    assert set(everything["actions"].values()) == {"all"} and everything["templates"] == ["*"]
    assert len(everything["actions"]) > 150


def test_rights_follow_denials_patterns_and_roles(server):
    prefix = f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:"
    key = person(server, "patterns", (["iot:*"], [prefix + "thing/lamp-*", prefix + "policy/*"]), ("vouch:List*", "*"))
    rights = signed_in(server, "patterns").call("GET", RIGHTS)["actions"]
    assert (rights["iot:CreateThing"], rights["iot:CreatePolicy"], rights["iot:ListThings"]) == ("some", "all", "none")
    assert (rights["iot:CreateProvisioningTemplate"], rights["vouch:ListUsers"], rights["vouch:CreateUser"]) == ("none", "all", "none")
    own.call(server, "PUT", "/_vouch/users/patterns/policies/Less", {"policyDocument": json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iot:CreatePolicy", "Resource": prefix + "policy/secret"},
                                               {"Effect": "Deny", "Action": "iot:DeletePolicy", "Resource": "*"}]})})
    rights = own.call(server, "GET", RIGHTS, key=key)["actions"]  # the same by signature
    assert (rights["iot:CreatePolicy"], rights["iot:DeletePolicy"], rights["iot:GetPolicy"]) == ("some", "none", "all")


# ---- guessing


def test_guesses_lock_the_pair_and_a_while_unlocks_it(fresh):
    person(fresh, "victim")
    person(fresh, "neighbour")
    browser = session.Browser(fresh)
    for _ in range(10):
        assert browser.try_sign_in("victim", "a guess").reason == "sign-in-refused"
    locked = browser.try_sign_in("victim", GOOD)
    assert (locked.status, locked.reason, locked.error) == (429, "sign-in-locked", "TooManyRequestsException")
    assert 0 < int(locked.headers["retry-after"]) <= 900 and locked.cookie is None
    signed_in(fresh, "neighbour")  # from the same address
    advance(fresh, int(locked.headers["retry-after"]) - 5)
    assert browser.try_sign_in("victim", GOOD).reason == "sign-in-locked"
    advance(fresh, 6)
    browser.sign_in("victim", GOOD)
    rows = ledger(fresh, "sign-in-refused")
    assert [r["outcome"] for r in rows].count("sign-in-refused") in range(5, 11)
    assert all(json.loads(r["detail"]).get("userName") == "victim" for r in rows if r["outcome"] == "sign-in-refused")
    assert all(r["sourceIp"] == "127.0.0.1" and r["actor"] == "nobody" for r in rows)


def test_an_administrator_unlocks(fresh):
    person(fresh, "clumsy")
    browser = session.Browser(fresh)
    for _ in range(10):
        browser.try_sign_in("clumsy", "wrong again")
    assert browser.try_sign_in("clumsy", GOOD).reason == "sign-in-locked"
    fresh.vouch("user", "unlock", "clumsy")
    browser.sign_in("clumsy", GOOD)
    assert ledger(fresh, "user-unlocked")[-1]["detail"] == '{"userName":"clumsy"}'


def test_an_address_that_tries_many_names_is_stopped(fresh):
    person(fresh, "somebody")
    said = [session.Browser(fresh).try_sign_in(f"name-{i % 20}", "Summer2026!") for i in range(40)]
    assert [a.reason for a in said] == ["sign-in-refused"] * 30 + ["sign-in-locked"] * 10
    assert session.Browser(fresh).try_sign_in("somebody", GOOD).reason == "sign-in-locked"
    advance(fresh, 301)
    signed_in(fresh, "somebody")
    for row in ledger(fresh, "sign-in-refused"):  # what was typed as a name may be a password
        assert "name-" not in row["detail"]


def test_successes_do_not_count(fresh):
    for _ in range(35):
        session.admin(fresh)
    assert len(own.call(fresh, "GET", "/_vouch/users/admin/sessions")["sessions"]) == 32  # and the oldest made room


def test_nobody_locks_people_out_of_their_own_browser(fresh):
    """Whoever shares an address, or guesses at a name from everywhere, closes neither for a browser that signed in before."""
    person(fresh, "victim")
    person(fresh, "neighbour")
    mine = signed_in(fresh, "victim")
    said = mine.try_sign_in("victim", GOOD).headers.get_all("set-cookie")
    known, = (text.split("; ") for text in said if text.startswith(f"{session.KNOWN}="))
    assert set(known[1:]) == {"Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=7776000"}
    stranger = session.Browser(fresh)
    for number in range(40):
        stranger.try_sign_in("victim" if number % 2 else f"name-{number}", "a guess")
    assert stranger.try_sign_in("victim", GOOD).reason == "sign-in-locked"  # pair and address
    mine.cookie = None
    mine.sign_in("victim", GOOD)
    assert mine.try_sign_in("neighbour", GOOD).reason == "sign-in-locked"  # it is known for its user alone
    fresh.stop()
    fresh.start()  # nothing of it is the server's to remember
    kept, mine, stranger = mine.known, session.Browser(fresh), session.Browser(fresh)
    mine.known = kept
    for _ in range(10):
        stranger.try_sign_in("victim", "a guess")
    assert stranger.try_sign_in("victim", GOOD).reason == "sign-in-locked"
    for cookie in ("x", mine.known[:-2], mine.known[:30] + "AAAA" + mine.known[34:]):
        stranger.known = cookie
        assert stranger.try_sign_in("victim", GOOD).reason == "sign-in-locked"
    mine.sign_in("victim", GOOD)
    mine.call("PUT", PASSWORD, {"oldPassword": GOOD, "newPassword": GOOD + "!"})
    guesses = [mine.try_sign_in("victim", "a guess").reason for _ in range(11)]  # who stole it guesses no more than others
    assert guesses == ["sign-in-refused"] * 10 + ["sign-in-locked"]


def test_guesses_at_once_are_not_more_guesses(fresh):
    """Attempts count when they begin: a volley gets no further than a row."""
    person(fresh, "target")
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        said = list(pool.map(lambda _: session.Browser(fresh).try_sign_in("target", "volley").reason, range(48)))
    assert said.count("sign-in-refused") <= 10 and set(said) <= {"sign-in-refused", "sign-in-locked", "sign-in-busy"}
    busy = [r for r in said if r == "sign-in-busy"]
    assert len(busy) + said.count("sign-in-locked") >= 38


def test_strangers_look_like_everybody_else(fresh):
    person(fresh, "known")
    own.user(fresh, "without-password", ("iot:ListThings", "*"))
    answers = []
    for name in ("known", "unknown", "without-password", "x" * 128, "' OR 1=1 --", "\u00e9\u4e2d"):
        before = own.metric(fresh, "vouch_password_checks_total")
        answer = session.Browser(fresh).try_sign_in(name, "not this")
        assert own.metric(fresh, "vouch_password_checks_total") == before + 1, name  # which is all that takes time
        hidden = ("date", "x-amzn-requestid")
        answers.append((answer.status, answer.body, sorted((k.lower(), v) for k, v in answer.headers.items() if k.lower() not in hidden)))
    assert len({str(a) for a in answers}) == 1, answers
    assert own.metric(fresh, "vouch_sign_in_refused_total") == 6 and own.metric(fresh, "vouch_sign_in_locked_total") == 0
    # The lock is the same too.
    for name in ("known", "unknown"):
        for _ in range(9):
            session.Browser(fresh).try_sign_in(name, "not this")
    locked = [session.Browser(fresh).try_sign_in(name, GOOD) for name in ("known", "unknown")]
    assert len({(a.status, a.reason, re.sub(rb"\d+", b"N", a.body)) for a in locked}) == 1 and locked[0].reason == "sign-in-locked"
    assert own.metric(fresh, "vouch_sign_in_locked_total") == 2


# ---- taking over


def test_a_cookie_from_before_is_never_taken_over(server):
    mallory = session.admin(server)  # a live session of the attacker's own
    planted = ["A" * 43, mallory.cookie]
    for cookie in planted:
        victim = session.Browser(server)
        victim.cookie = cookie
        victim.sign_in("admin", server.admin["consolePassword"])
        assert victim.cookie != cookie
        attacker = session.Browser(server)
        attacker.cookie, attacker.csrf = cookie, victim.csrf
        attacker.refused(401, "session-ended", "GET", SESSION)
    assert len({session.admin(server).cookie for _ in range(5)}) == 5


def test_other_sites_cannot_use_it(fresh):
    browser = session.admin(fresh)
    change = ("POST", "/things/forged")
    wrong = ["", "x", browser.csrf[:-1], browser.csrf + "A", browser.csrf.swapcase(), session.admin(fresh).csrf]
    for token in [None] + wrong:
        answer = browser.refused(403, "csrf-refused", *change, x_vouch_csrf=token)
        assert answer.error == "AccessDeniedException"
    for origin in ("https://evil.example", "null", "", browser.origin + ".evil.example", browser.origin.replace("https", "http"),
                   browser.origin.rsplit(":", 1)[0] + ":1", "https://" + browser.host + "/"):
        browser.refused(403, "csrf-refused", *change, origin=origin)
        browser.refused(403, "csrf-refused", "GET", "/things", origin=origin)
    for site in ("cross-site", "same-site", "None", "anything"):
        browser.refused(403, "csrf-refused", *change, sec_fetch_site=site)
        browser.refused(403, "csrf-refused", "GET", "/things", sec_fetch_site=site)
    for method, path in (("DELETE", SESSION), ("PUT", PASSWORD), ("POST", TOTP), ("PUT", TOTP), ("DELETE", TOTP), ("PATCH", "/things/forged")):
        browser.refused(403, "csrf-refused", method, path, x_vouch_csrf=None)
    browser.refused(404, "thing-missing", "GET", "/things/forged")
    rows = ledger(fresh, "csrf-refused")
    told = [json.loads(row["detail"]) for row in rows]
    assert told and {d["userName"] for d in told} == {"admin"} and {row["outcome"] for row in rows} == {"csrf-refused"}
    assert {d["operation"] for d in told} & {"CreateThing", "ListThings"} and len(told) <= 20  # few, however often
    browser.call(*change)  # and with all of it right
    browser.call("GET", "/things", sec_fetch_site="none")
    browser.call("GET", "/things", sec_fetch_site=None, origin=None)
    browser.call("DELETE", "/things/forged", sec_fetch_site=None, origin=None)


def test_nobody_is_signed_in_by_another_site(server):
    password = server.admin["consolePassword"]
    for headers in ({"sec_fetch_site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "null"}):
        answer = session.Browser(server).try_sign_in("admin", password, **headers)
        assert (answer.status, answer.reason, answer.cookie) == (403, "csrf-refused", None)


def test_a_signature_ignores_cookies(server):
    key = person(server, "signer", ("iot:ListThings", "*"))
    browser = session.admin(server)
    request = botocore.awsrequest.AWSRequest("GET", server.api + "/_vouch/users")
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(key["accessKeyId"], key["secretAccessKey"]), "iot", vouch.REGION).add_auth(request)
    signed = dict(request.headers)
    answer = browser.send("GET", "/_vouch/users", sec_fetch_site=None, host=browser.host, content_type=None,
                          authorization=signed["Authorization"], x_amz_date=signed["X-Amz-Date"])
    assert (answer.status, answer.reason) == (403, "policy-silent") and b"user/signer" in answer.body
    # A broken signature is not mended by a cookie.
    browser.refused(403, "signature-incomplete", "GET", "/things", authorization="AWS4-HMAC-SHA256 nonsense")
    browser.refused(403, "signature-incomplete", "GET", "/things?X-Amz-Algorithm=AWS4-HMAC-SHA256")


def test_where_no_cookie_counts(server):
    browser = session.admin(server)
    form = {"content_type": "application/x-www-form-urlencoded"}
    answer = browser.send("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", **form)
    assert answer.status == 403 and b"MissingAuthenticationToken" in answer.body
    answer = browser.send("GET", "/mqtt", connection="Upgrade", upgrade="websocket", sec_websocket_version="13",
                          sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==", sec_websocket_protocol="mqtt")
    assert (answer.status, answer.reason) == (403, "signature-missing")


def test_cookies_of_any_shape(server):
    browser = session.admin(server)
    good = browser.cookie
    for cookie in ("", "x", good[:-1], good + "A", good + "=", good[:-1] + "!", good.lower(), "A" * 43, '"' + good + '"', "A" * 4000,
                   good + "\t" + good, "%00", "../../etc/passwd", good[::-1]):
        browser.cookie = cookie
        browser.refused(401, "session-ended", "GET", "/things")
    browser.cookie = None
    name = session.NAME
    for header in (f"{name}={good}; {name}={good}", f"{name}=x; {name}={good}", name, f"{name}", f"{name}x={good}",
                   f"{name.lower()}={good}", f"{name.upper()}={good}", f"={good}", f"a={name}={good}", ";;;" + "=" * 500):
        answer = browser.send("GET", "/things", cookie=header)
        assert (answer.status, answer.reason) == (401, "session-ended"), header
    for header in (f"{name}={good}", f"a=b;{name}={good};c=d", f"  {name} = {good} ", f"a;b;;{name}={good}"):
        assert browser.send("GET", "/things", cookie=header).status == 200, header
    giant = browser.send("GET", "/things", cookie=f"a={'b' * 60000}; {name}={good}")
    assert giant.status == 431
    many = browser.send("GET", "/things", cookie="; ".join(f"c{i}=v" for i in range(3000)) + f"; {name}={good}")
    assert many.status in (200, 431)
    browser.cookie = good
    browser.call("GET", "/things")


def test_a_browser_that_is_not_signed_in_hears_so(server):
    nobody = session.Browser(server)
    answer = nobody.refused(401, "session-ended", "GET", SESSION)
    assert answer.error == "UnauthorizedException" and answer.cookie is None
    nobody.refused(403, "signature-missing", "GET", SESSION, sec_fetch_site=None)  # no browser: as AWS says it


# ---- endings


def use(server, browser, name="admin"):
    """A request, and that it was remembered: that is written behind the answer. How many sessions there are."""
    browser.call("GET", "/things")
    deadline = time.monotonic() + 10
    while True:
        listed = own.call(server, "GET", f"/_vouch/users/{name}/sessions")["sessions"]
        if any(clock(server) - each["lastUsedDate"] < 15 for each in listed):
            return len(listed)
        assert time.monotonic() < deadline, listed
        time.sleep(0.02)


def test_idle_and_old(fresh):
    browser, idle = session.admin(fresh), session.admin(fresh)
    listed = []
    for _ in range(24):  # used each half hour less a little
        advance(fresh, 1700)
        listed += [use(fresh, browser)]
    assert listed == [2] + [1] * 23
    idle.refused(401, "session-ended", "GET", "/things")
    advance(fresh, 1700)
    use(fresh, browser)
    advance(fresh, 43200 - 25 * 1700 + 5)  # twelve hours after the beginning, in the midst of use
    browser.refused(401, "session-ended", "GET", "/things")
    assert own.call(fresh, "GET", "/_vouch/users/admin/sessions")["sessions"] == []


def test_idle_and_old_are_settings():
    with vouch.Server("--test-clock", "--session-idle", "60", "--session-life", "300") as server:
        answer = session.Browser(server).try_sign_in("admin", server.admin["consolePassword"])
        assert "Max-Age=300" in answer.headers["set-cookie"]
        browser = session.admin(server)
        for _ in range(5):
            advance(server, 50)
            use(server, browser)
        advance(server, 51)
        browser.refused(401, "session-ended", "GET", "/things")
        other = session.admin(server)
        advance(server, 61)
        other.refused(401, "session-ended", "GET", "/things")


def test_it_survives_a_restart(fresh):
    browser = session.admin(fresh)
    fresh.stop()
    fresh.start()
    again = session.Browser(fresh)
    again.cookie, again.csrf = browser.cookie, browser.csrf
    again.call("GET", "/things")
    again.call("POST", "/things/after")


def test_a_full_disk_lets_nobody_in():
    """A limit on the size of files stands for it: no session, no cookie, and those who are in go on."""
    with vouch.Server("--store", "sqlite") as fresh:
        person(fresh, "late")
        browser = session.admin(fresh)
        front = int(next((fresh.data / "run").glob("*.pid")).read_text())
        hard = resource.prlimit(front, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(front, resource.RLIMIT_FSIZE, (4096, hard))
        answer = session.Browser(fresh).try_sign_in("late", GOOD)
        assert (answer.status, answer.error, answer.cookies) == (503, "ServiceUnavailableException", {})
        assert session.Browser(fresh).try_sign_in("late", "a guess").reason == "sign-in-refused"  # though its row is not written
        assert browser.send("GET", SESSION).status == 200
        answer = browser.send("PUT", PASSWORD, {"oldPassword": fresh.admin["consolePassword"], "newPassword": GOOD})
        assert (answer.status, answer.cookies) == (503, {})
        resource.prlimit(front, resource.RLIMIT_FSIZE, (hard, hard))
        signed_in(fresh, "late")
        session.admin(fresh)


def test_a_user_who_is_gone(server):
    person(server, "leaver")
    browser = signed_in(server, "leaver")
    server.vouch("user", "delete", "leaver")
    browser.refused(401, "session-ended", "GET", "/things")
    person(server, "leaver")  # another of the same name
    browser.refused(401, "session-ended", "GET", "/things")


def test_a_password_that_is_changed(server):
    key = person(server, "changer")
    here, there = signed_in(server, "changer"), signed_in(server, "changer")
    before = here.cookie
    here.refused(403, "password-refused", "PUT", PASSWORD, {"oldPassword": "not it at all", "newPassword": "another good one"})
    for weak in ("short", "123456789", "x" * 257, GOOD):
        answer = here.refused(400, "password-weak", "PUT", PASSWORD, {"oldPassword": GOOD, "newPassword": weak})
        assert weak.encode() not in answer.body
    here.call("PUT", PASSWORD, {"oldPassword": GOOD, "newPassword": "another good one"})
    assert here.cookie != before
    here.call("GET", "/things")
    here.call("POST", "/things/changed")  # with the new token
    there.refused(401, "session-ended", "GET", "/things")
    stale = session.Browser(server)
    stale.cookie = before
    stale.refused(401, "session-ended", "GET", "/things")
    assert session.Browser(server).try_sign_in("changer", GOOD).reason == "sign-in-refused"
    signed_in(server, "changer", "another good one")
    own.call(server, "PUT", PASSWORD, {"oldPassword": "another good one", "newPassword": GOOD}, key)  # by signature
    here.refused(401, "session-ended", "GET", "/things")
    assert ledger(server, "password-changed")[-1]["actor"].endswith(":user/changer")
    person(server, "a-rather-long-name", password="x" * 256)
    browser = signed_in(server, "a-rather-long-name", "x" * 256)
    browser.refused(400, "password-weak", "PUT", PASSWORD, {"oldPassword": "x" * 256, "newPassword": "A-Rather-Long-Name"})


def test_what_an_administrator_does(server):
    person(server, "managed")
    browser, second = signed_in(server, "managed"), signed_in(server, "managed")
    listed = own.call(server, "GET", "/_vouch/users/managed/sessions")
    assert len(listed["sessions"]) == 2 and listed["passwordSet"] and not listed["totp"]
    assert set(listed["sessions"][0]) == {"sessionId", "how", "sourceIp", "creationDate", "lastUsedDate", "expiration"}
    assert browser.cookie not in json.dumps(listed)
    table = server.vouch("user", "sessions", "managed").stdout
    assert table.count("password") == 2 and "127.0.0.1" in table
    server.vouch("user", "sign-out", "managed")
    browser.refused(401, "session-ended", "GET", "/things")
    second.refused(401, "session-ended", "GET", "/things")
    assert json.loads(ledger(server, "sessions-ended")[-1]["detail"]) == {"userName": "managed"}
    browser = signed_in(server, "managed")
    made = json.loads(server.vouch("--output", "json", "user", "password", "managed").stdout)["password"]
    assert len(made) == 20
    browser.refused(401, "session-ended", "GET", "/things")
    signed_in(server, "managed", made)
    command = [str(vouch.BUILD / "vouch"), "--data", str(server.data), "user", "password", "managed", "--password-file", "-"]
    done = subprocess.run(command, input="typed in a pipe\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "typed" not in done.stdout, done.stderr
    signed_in(server, "managed", "typed in a pipe")
    for name in ("password", "totp-remove", "sessions", "sign-out", "unlock"):
        done = server.vouch("user", name, "nobody-at-all", check=False)
        assert done.returncode == 2 and "ResourceNotFoundException" in done.stderr, (name, done.stderr)
    own.refused(server, 400, "InvalidRequestException", "PUT", "/_vouch/users/managed/password", {"password": "tiny"})


# ---- the second factor


def enrol(server, browser):
    offer = browser.call("POST", TOTP)
    secret = offer["secret"]
    assert re.fullmatch(r"[A-Z2-7]{32}", secret)
    uri = urllib.parse.urlsplit(offer["uri"])
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp") and urllib.parse.parse_qs(uri.query)["secret"] == [secret]
    browser.refused(403, "totp-refused", "PUT", TOTP, {"totpCode": session.totp(secret, clock(server), 5)})
    browser.call("PUT", TOTP, {"totpCode": session.totp(secret, clock(server))})
    return secret


def test_a_password_from_any_standard_input(server):
    """A pipe, a file, or a socket as some supervisors give: what `-` names is read, whatever it is."""
    person(server, "piped")
    command = [str(vouch.BUILD / "vouch"), "--data", str(server.data), "user", "password", "piped", "--password-file", "-"]
    for number in range(2):
        mine, theirs = socket.socketpair()
        password = f"by a socket, {number}"
        with mine, theirs:
            mine.sendall(password.encode())
            mine.shutdown(socket.SHUT_WR)
            done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        signed_in(server, "piped", password)


def test_a_second_factor(fresh):
    person(fresh, "careful")
    browser = signed_in(fresh, "careful")
    first = browser.call("POST", TOTP)["secret"]
    signed_in(fresh, "careful")  # offered is not in force
    secret = enrol(fresh, browser)
    assert secret != first and browser.call("GET", SESSION)["totp"]
    browser.refused(409, "totp-state", "POST", TOTP)
    browser.refused(409, "totp-state", "PUT", TOTP, {"totpCode": "123456"})
    stranger = session.Browser(fresh)
    needed = stranger.try_sign_in("careful", GOOD)
    assert (needed.status, needed.reason, needed.cookie) == (401, "totp-needed", None)
    assert stranger.try_sign_in("careful", "wrong").reason == "sign-in-refused"  # and not that a code is needed
    assert stranger.try_sign_in("careful", "wrong", "123456").reason == "sign-in-refused"
    for code in ("", "1", "abcdef", "0000000", session.totp(secret, clock(fresh), 3), session.totp(secret, clock(fresh), -3)):
        wanted = "sign-in-refused" if code else "totp-needed"
        assert stranger.try_sign_in("careful", GOOD, code).reason == wanted, code
    advance(fresh, 30)
    stranger.sign_in("careful", GOOD, session.totp(secret, clock(fresh)))
    assert stranger.call("GET", SESSION)["how"] == "totp"
    assert json.loads(ledger(fresh, "signed-in")[-1]["detail"]) == {"userName": "careful", "how": "totp"}
    stranger.refused(403, "password-refused", "DELETE", TOTP, {"password": "wrong again"})
    stranger.call("DELETE", TOTP, {"password": GOOD})
    stranger.refused(409, "totp-state", "DELETE", TOTP, {"password": GOOD})
    signed_in(fresh, "careful")


def test_a_code_is_taken_once(fresh):
    person(fresh, "once")
    secret = enrol(fresh, signed_in(fresh, "once"))
    shown = session.totp(secret, clock(fresh))  # with it the factor was put in force
    assert session.Browser(fresh).try_sign_in("once", GOOD, shown).reason == "sign-in-refused"
    advance(fresh, 60)
    code = session.totp(secret, clock(fresh))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda _: session.Browser(fresh).try_sign_in("once", GOOD, code).status, range(4)))
    assert sorted(said)[0] == 200 and said.count(200) == 1, said
    assert session.Browser(fresh).try_sign_in("once", GOOD, session.totp(secret, clock(fresh), -1)).reason == "sign-in-refused"
    signed_in(fresh, "once", GOOD, session.totp(secret, clock(fresh), 1))  # a clock that is ahead


def test_guessed_codes_lock(fresh):
    person(fresh, "guessed")
    secret = enrol(fresh, signed_in(fresh, "guessed"))
    advance(fresh, 90)
    right = session.totp(secret, clock(fresh))
    near = {session.totp(secret, clock(fresh), i) for i in (-1, 0, 1, 2)}
    for i in range(10):
        wrong = next(f"{n:06d}" for n in range(i * 7, 1000) if f"{n:06d}" not in near)
        assert session.Browser(fresh).try_sign_in("guessed", GOOD, wrong).reason == "sign-in-refused"
    assert session.Browser(fresh).try_sign_in("guessed", GOOD, right).reason == "sign-in-locked"


def test_a_lost_factor(fresh):
    person(fresh, "lost")
    enrol(fresh, signed_in(fresh, "lost"))
    assert own.call(fresh, "GET", "/_vouch/users/lost/sessions")["totp"]
    fresh.vouch("user", "totp-remove", "lost")
    signed_in(fresh, "lost")
    own.refused(fresh, 409, "ConflictingResourceUpdateException", "DELETE", "/_vouch/users/lost/totp")
    assert ledger(fresh, "totp-removed")[-1]["actor"].endswith(":user/admin")


# ---- what is kept, and what is told


def test_a_stolen_registry_gives_no_cookies(fresh):
    browser = session.admin(fresh)
    person(fresh, "kept")
    secret = enrol(fresh, signed_in(fresh, "kept"))
    fresh.vouch("backup", str(fresh.home / "copy")) if "postgres" not in str(vouch.Stores.flags(fresh.data)) else None
    fresh.stop()
    files = [p for p in fresh.data.rglob("*") if p.is_file() and p.name != "admin.json"] + list((fresh.home / "copy").rglob("*") if (fresh.home / "copy").is_dir() else [])
    for path in files:
        bytes_ = path.read_bytes()
        for text in (browser.cookie, browser.csrf, secret, GOOD, fresh.admin["consolePassword"]):
            assert text.encode() not in bytes_, (path, text)
    fresh.start()


def test_sessions_do_not_travel_and_passwords_do(tmp_path):
    with vouch.Server("--test-clock") as server:
        person(server, "mover")
        browser = signed_in(server, "mover")
        secret = enrol(server, browser)
        dump, moved = tmp_path / "registry.jsonl", tmp_path / "moved"
        server.stop()
        store = vouch.Stores.flags(server.data)
        export = [str(vouch.BUILD / "vouchd"), "--data", str(server.data), *store, "--export-store", str(dump)]
        done = subprocess.run(export, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        text = dump.read_text()
        assert '"table":"web_sessions"' in text and browser.cookie not in text and "mover" in text
        assert "127.0.0.1" not in text.split('"table":"web_sessions"')[1].split('"table"')[0]
        subprocess.run(["cp", "-a", str(server.data), str(moved)], check=True)
        for old in moved.rglob("registry.db*"):
            old.unlink()
        command = [str(vouch.BUILD / "vouchd"), "--data", str(moved), *vouch.Stores.flags(moved), "--import-store", str(dump)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        with vouch.Server("--test-clock", data=moved) as other:
            carried = session.Browser(other)
            carried.cookie = browser.cookie
            carried.refused(401, "session-ended", "GET", SESSION)
            assert session.Browser(other).try_sign_in("mover", GOOD).reason == "totp-needed"
            signed_in(other, "mover", GOOD, session.totp(secret, clock(other), 1))
        server.start()


def test_nothing_of_it_is_in_the_log(fresh):
    person(fresh, "quiet", password="a secret that nobody logs")
    browser = signed_in(fresh, "quiet", "a secret that nobody logs")
    secret = enrol(fresh, browser)
    browser.refused(403, "password-refused", "PUT", PASSWORD, {"oldPassword": "mistyped secret", "newPassword": "fresh secret 99"})
    session.Browser(fresh).try_sign_in("password typed as name", "another mistype")
    before = browser.cookie, browser.csrf
    browser.call("PUT", PASSWORD, {"oldPassword": "a secret that nobody logs", "newPassword": "fresh secret 99"})
    made = own.call(fresh, "PUT", "/_vouch/users/quiet/password")["password"]
    rows = json.dumps([ledger(fresh, e) for e in ("signed-in", "sign-in-refused", "password-changed", "password-set", "totp-offered", "totp-enabled")])
    log = fresh.log_text()
    assert "op=SignIn" in log and "op=ChangePassword" in log
    for text in ("a secret that nobody logs", "mistyped secret", "fresh secret 99", "another mistype", "password typed as name", secret, made,
                 browser.cookie, browser.csrf, *before):
        assert text not in log and text not in rows, text


def test_the_ledger_tells_who_came_and_went(fresh):
    person(fresh, "traced")
    browser = signed_in(fresh, "traced")
    session.Browser(fresh).try_sign_in("traced", "no")
    browser.call("DELETE", SESSION)
    mine = [r for r in own.ledger(fresh) if "traced" in r.get("detail", "")]
    events = [r["event"] for r in mine]
    assert events[-3:] == ["signed-in", "sign-in-refused", "signed-out"]
    assert mine[-3]["actor"] == mine[-1]["actor"] == f"arn:aws:iam::{vouch.ACCOUNT}:user/traced"
    assert mine[-2]["outcome"] == "sign-in-refused" and mine[-2]["actor"] == "nobody"
    fresh.vouch("ledger", "verify")


def test_a_role_has_no_password(server):
    own.call(server, "POST", "/_vouch/roles/Nobody", {"assumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}})})
    own.call(server, "PUT", "/_vouch/roles/Nobody/policies/All", {"policyDocument": json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "iot:ListThings", "Resource": "*"}})})
    taken = server.boto("sts").assume_role(RoleArn=f"arn:aws:iam::{vouch.ACCOUNT}:role/Nobody", RoleSessionName="here")["Credentials"]
    address = urllib.parse.urlsplit(server.api)
    for method, path, wanted in (("GET", SESSION, 403), ("PUT", PASSWORD, 403), ("POST", TOTP, 403), ("DELETE", TOTP, 403), ("GET", RIGHTS, 200)):
        body = json.dumps({"oldPassword": "x", "newPassword": "y", "password": "z"}) if method in ("PUT", "DELETE") else ""
        request = botocore.awsrequest.AWSRequest(method, server.api + path, data=body.encode(), headers={"content-type": "application/json"})
        credentials = botocore.credentials.Credentials(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])
        botocore.auth.SigV4Auth(credentials, "iot", vouch.REGION).add_auth(request)
        connection = http.client.HTTPSConnection(address.netloc, context=ssl.create_default_context(cafile=server.ca), timeout=30)
        connection.request(method, path, body or None, dict(request.headers))
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status == wanted, (method, path, answer.status, text)
        if wanted == 200:
            assert json.loads(text)["actions"]["iot:ListThings"] == "all" and json.loads(text)["actions"]["iot:CreateThing"] == "none"


def test_slow_and_broken_requests_do_not_hold_the_others(fresh):
    """Half a sign-in on many connections: the others sign in meanwhile."""
    address = urllib.parse.urlsplit(fresh.api)
    context = ssl.create_default_context(cafile=fresh.ca)
    held = []
    for _ in range(50):
        sock = context.wrap_socket(socket.create_connection((address.hostname, address.port)), server_hostname=address.hostname)
        sock.sendall(b"POST /_vouch/session HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        held.append(sock)
    session.admin(fresh).call("GET", "/things")
    for sock in held:
        sock.close()
    for body in (b"", b"[]", b"{}", b'{"userName":1,"password":2}', b'{"userName":"a"}', b'{"userName":"a","password":"' + b"x" * 2000 + b'"}'):
        connection = http.client.HTTPSConnection(address.netloc, context=context, timeout=30)
        connection.request("POST", SESSION, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 400, (body[:40], answer.read())
        connection.close()


def test_a_stolen_session_does_not_help_to_guess(fresh):
    person(fresh, "guarded")
    browser = signed_in(fresh, "guarded")
    for i in range(10):
        browser.refused(403, "password-refused", "PUT", PASSWORD, {"oldPassword": f"guess {i}", "newPassword": "mine from now on"})
    for method, path, body in (("PUT", PASSWORD, {"oldPassword": GOOD, "newPassword": "mine from now on"}), ("DELETE", TOTP, {"password": GOOD})):
        locked = browser.refused(429, "sign-in-locked", method, path, body)
        assert int(locked.headers["retry-after"]) > 0
    browser.call("GET", "/things")  # which goes on
    assert ledger(fresh, "sign-in-refused")[0]["actor"].endswith(":user/guarded")


def test_few_hash_at_once(fresh):
    """Passwords must not keep the workers from everybody else."""
    own.user(fresh, "many", ("iot:ListThings", "*"))
    body = {"password": GOOD}

    def put(_):
        try:
            own.call(fresh, "PUT", "/_vouch/users/many/password", body)
        except own.Refused as why:
            return why.status, why.code
        return 200, ""

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        said = list(pool.map(put, range(48)))
    assert set(said) == {(200, ""), (429, "TooManyRequestsException")}, set(said)
    signed_in(fresh, "many")
