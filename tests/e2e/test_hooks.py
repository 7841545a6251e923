"""Pre-provisioning hooks: who is asked before a device is registered, and that nothing but a clear yes lets it in."""
import hashlib
import hmac
import json
import os
import pathlib
import re
import threading
import time
import urllib.parse

import pytest

import certs
import hooks
import mqtt
import vouch
from test_api_iam import AE, IR, NF, call
from test_provisioning import snapshot

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
BODY = json.dumps({
    "Parameters": {"ThingName": {"Type": "String"}, "Mode": {"Type": "String", "Default": "-"}},
    "Resources": {"thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "ThingName"}}},
                  "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}}},
                  "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "pubsub"}}}})


@pytest.fixture(scope="module")
def folder():
    made = hooks.Folder()
    yield made
    made.close()


@pytest.fixture(scope="module")
def hooked(folder):
    """A server whose hooks may be programs of the folder, with two seconds for each."""
    with vouch.Server("--hook-dir", str(folder.path), "--hook-timeout", "2000", "--hook-memory", "200", "--log-level", "debug") as running:
        running.prepare_workshop()
        yield running


@pytest.fixture(scope="module")
def target():
    made = hooks.Target()
    yield made
    made.close()


def template(server, name, arn=None):
    more = {"preProvisioningHook": {"payloadVersion": "2020-04-01", "targetArn": arn}} if arn else {}
    server.boto().create_provisioning_template(templateName=name, provisioningRoleArn=vouch.ROLE, enabled=True, type="FLEET_PROVISIONING",
                                               templateBody=BODY, **more)


def register(server, name, parameters, client_id="hooked", claim=None):
    """The whole of a registration with a claim of its own: (accepted, answer)."""
    claim = claim or server.claim(template=name)
    with mqtt.Client(server, claim, timeout=20) as client:
        client.connect(client_id)
        accepted, made = client.request(mqtt.CREATE, b"")
        assert accepted, made
        return client.request(mqtt.register_topic(name), {"certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": parameters})


def refused(server, name, mode, reason, within=3.5):
    """The device is told 403 AccessDenied in time; the log and the ledger have the reason; nothing was made."""
    before, started = snapshot(server.boto()), time.monotonic()
    at = len(server.log_text())
    accepted, answer = register(server, name, {"ThingName": "never", "Mode": mode})
    assert not accepted and (answer["statusCode"], answer["errorCode"]) == (403, "AccessDenied"), (mode, answer)
    assert time.monotonic() - started < within + 1, mode
    lines = [line for line in server.log_text()[at:].splitlines() if " operation=RegisterThing " in line]
    assert len(lines) == 1 and f" reason={reason} " in lines[0], lines
    assert snapshot(server.boto()) == before
    row = [entry for entry in ledger(server) if entry["event"] == "hook-decided"][-1]
    assert row["outcome"] == reason and row["templateName"] == name and int(json.loads(row["detail"])["durationMs"]) <= within * 1000


def ledger(server):
    rows, token = [], ""
    while token is not None:
        page = call(server, "GET", "/ledger" + (f"?nextToken={urllib.parse.quote(token, safe='')}" if token else ""))
        rows += page["entries"]
        token = page.get("nextToken")
    return rows


# ---- allow-lists

def test_an_allow_list_lets_in_whom_it_has(hooked):
    template(hooked, "listed", ARN + "serials")
    file = hooked.home / "serials.csv"
    file.write_text('serial,ThingName,Note\nSN-1,first,\n"SN ""2""",second,"a,b"\r\nSN-3,,\n')
    hooked.vouch("hook", "put", "serials", "allowlist", "ThingName")
    assert json.loads(hooked.vouch("hook", "allowlist", "import", "serials", str(file)).stdout) == {"imported": 3}
    listed = json.loads(hooked.vouch("hook", "allowlist", "list", "serials").stdout)["serials"]
    assert {row["serial"]: row.get("parameterOverrides") for row in listed} == \
        {"SN-1": {"ThingName": "first"}, 'SN "2"': {"ThingName": "second", "Note": "a,b"}, "SN-3": None}
    assert register(hooked, "listed", {"ThingName": "SN-1"}) == (True, {"deviceConfiguration": {}, "thingName": "first"})
    assert register(hooked, "listed", {"ThingName": "SN-3"}) == (True, {"deviceConfiguration": {}, "thingName": "SN-3"})
    row = [entry for entry in ledger(hooked) if entry["event"] == "hook-decided"][-1]
    assert row["outcome"] == "ok" and json.loads(row["detail"])["hook"] == "serials" and row["clientId"] == "hooked"
    refused(hooked, "listed", "-", "hook-denied")
    hooked.vouch("hook", "allowlist", "remove", "serials", "SN-3")
    accepted, answer = register(hooked, "listed", {"ThingName": "SN-3"})
    assert not accepted and answer["errorCode"] == "AccessDenied"
    # A plain list of serials, in place of what was there.
    file.write_text("".join(f"SN-{n}\n" for n in range(1200)))
    assert json.loads(hooked.vouch("hook", "allowlist", "import", "serials", str(file), "--replace").stdout) == {"imported": 1200}
    pages, token = [], ""
    while token is not None:
        page = call(hooked, "GET", "/hooks/serials/serials?maxResults=250" + (f"&nextToken={urllib.parse.quote(token, safe='')}" if token else ""))
        pages.append(len(page["serials"]))
        token = page.get("nextToken")
    assert sum(pages) == 1200 and len(pages) == 5
    assert register(hooked, "listed", {"ThingName": "SN-777"})[0]


@pytest.mark.parametrize("text, words", [('serial,A\n"SN', "line 2: quotes"), ("serial,A\nSN,1,2\n", "line 2: more fields"), ("serial,A\n,1\n", "line 2: no serial"),
                                         ("name,A\nx,1\n", "first of them is serial"), ('serial\nab"c\n', "line 2: quotes"), ("a," * 200, "too many fields"),
                                         ("serial,AWS::IoT::Certificate::Id\nSN,1\n", "InvalidRequestException")])
def test_a_bad_file_of_serials_is_refused(hooked, text, words):
    hooked.vouch("hook", "put", "bad-files", "allowlist")
    file = hooked.home / "bad.csv"
    file.write_text(text)
    done = hooked.vouch("hook", "allowlist", "import", "bad-files", str(file), check=False)
    assert done.returncode in (1, 2) and words in done.stderr, done
    assert call(hooked, "GET", "/hooks/bad-files/serials")["serials"] == []


# ---- programs

@pytest.fixture(scope="module")
def program(hooked, folder):
    hooked.vouch("hook", "put", "program", "program", folder.add("decide"))
    template(hooked, "by-program", ARN + "program")
    return "by-program"


def test_a_program_decides(hooked, program):
    assert register(hooked, program, {"ThingName": "x", "Mode": "allow"}) == (True, {"deviceConfiguration": {}, "thingName": "by-program"})
    assert register(hooked, program, {"ThingName": "plain"}) == (True, {"deviceConfiguration": {}, "thingName": "plain"})
    accepted, answer = register(hooked, program, {"ThingName": "x", "Mode": "echo"})
    assert accepted and answer["thingName"] == f"uid-{65534 if os.geteuid() == 0 else os.geteuid()}"


@pytest.mark.parametrize("mode, reason", [("deny", "hook-denied"), ("slow", "hook-timeout"), ("crash", "hook-crashed"), ("exit", "hook-status"),
                                          ("huge", "hook-answer-too-large"), ("nothing", "hook-answer-invalid"), ("garbage", "hook-answer-invalid"),
                                          ("list", "hook-answer-invalid"), ("number", "hook-answer-invalid"), ("silent", "hook-answer-invalid"),
                                          ("nooverride", "hook-answer-invalid"), ("reserved", "hook-answer-invalid"), ("twice", "hook-answer-invalid")])
def test_a_program_that_does_not_say_yes_refuses(hooked, program, mode, reason):
    refused(hooked, program, mode, reason)


def test_a_program_that_runs_too_long_leaves_nothing_behind(hooked, program):
    refused(hooked, program, "slow", "hook-timeout")
    deadline = time.monotonic() + 5
    while any("sleep 6047" in line for line in os.popen("ps -eo args")):
        assert time.monotonic() < deadline, "a child of the hook lives on"
        time.sleep(0.05)


def test_what_a_program_leaves_behind_is_ended(hooked, program):
    assert register(hooked, program, {"ThingName": "strayed", "Mode": "stray"})[0]
    deadline = time.monotonic() + 5
    while any("sleep 6148" in line for line in os.popen("ps -eo args")):
        assert time.monotonic() < deadline, "what left the program's session lives on"
        time.sleep(0.05)


def running(words):
    """How many processes have them on their command line."""
    found = 0
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += words in path.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            pass
    return found


def test_a_program_that_multiplies_is_bounded_and_ended(hooked, folder, program):
    path = folder.add("multiply", hooks.BOMB)
    call(hooked, "PUT", "/hooks/multiply", {"kind": "program", "target": path})
    template(hooked, "multiply", ARN + "multiply")
    # Without namespaces of its own the kernel can bound the programs of a user only all together.
    apart = "bounded-by=program" in hooked.log_text()
    claims, results, most, others = [hooked.claim(template="multiply") for _ in range(2)], [], 0, 0
    waiting = [threading.Thread(target=lambda n=n: results.append((register(hooked, "multiply", {"ThingName": "never"}, f"multiply-{n}", claims[n]), time.monotonic())))
               for n in range(2)]
    started = time.monotonic()
    for thread in waiting:
        thread.start()
    while not results:
        most = max(most, running(path))
        if most > 30 and not others or not apart and not others and most:
            accepted = register(hooked, program, {"ThingName": "meanwhile"})[0]
            assert accepted or not apart
            others += 1 if not results else 0
        time.sleep(0.05)
    for thread in waiting:
        thread.join()
    assert all(not accepted and answer["errorCode"] == "AccessDenied" for (accepted, answer), _ in results), results
    assert max(ended for _, ended in results) - started < 4.5  # two seconds for the hook
    assert 30 < most and others == 1
    if apart:
        assert most <= 2 * 65, most
    deadline = time.monotonic() + 1
    while running(path):
        assert time.monotonic() < deadline, "it lives on"
        time.sleep(0.02)
    assert "reason=hook-timeout" in hooked.log_text()


def test_what_a_program_says_is_for_operators_alone(hooked, program):
    at = len(hooked.log_text())
    accepted, answer = register(hooked, program, {"ThingName": "never", "Mode": "says"}, client_id="says-unit")
    said = "database [31m away: try later"
    assert not accepted and "database" not in json.dumps(answer)
    assert f'said="{said}"' in hooked.log_text()[at:]
    told = json.loads(hooked.vouch("why", "says-unit").stdout)["refusals"][0]
    assert told["reason"] == "hook-denied" and told["hookSaid"] == said
    assert json.loads(hooked.vouch("hook", "test", "program", "--parameter", "Mode=says", check=False).stdout)["hookSaid"] == said
    assert "database" not in json.dumps(ledger(hooked))
    # Megabytes of it hold nobody up, and their beginning is kept.
    assert register(hooked, program, {"ThingName": "chatty", "Mode": "chatty"})[0]
    assert re.search(r"said=x{512}$", hooked.log_text(), re.M)


def test_a_program_has_no_more_memory_than_it_may(hooked, program):
    accepted, answer = register(hooked, program, {"ThingName": "never", "Mode": "memory"})
    assert not accepted and answer["errorCode"] == "AccessDenied"


def test_a_program_cannot_read_the_data_folder(hooked, program, folder):
    for name in ("admin.json", "ca/device.key", "store/seal.key"):
        (folder.path / "decide.data").write_text(f"{hooked.data / name}\n")
        refused(hooked, program, "data", "hook-denied")


@pytest.mark.parametrize("how", ["elsewhere", "link", "writable", "plain", "missing", "folder"])
def test_programs_of_others_are_not_started(hooked, program, folder, how):
    other = hooks.Folder()
    path = {"elsewhere": lambda: other.add("x"), "link": lambda: str(folder.path / "link"), "writable": lambda: folder.add("writable", mode=0o777),
            "plain": lambda: folder.add("plain", mode=0o644), "missing": lambda: str(folder.path / "missing"), "folder": lambda: str(folder.path)}[how]()
    if how == "link":
        os.symlink(other.add("x"), folder.path / "link")
    call(hooked, "PUT", "/hooks/strange-" + how, {"kind": "program", "target": path})
    template(hooked, "strange-" + how, ARN + "strange-" + how)
    refused(hooked, "strange-" + how, "-", "hook-program-refused")
    assert f'program={path}' in hooked.log_text()
    other.close()


# ---- HTTPS

@pytest.fixture(scope="module")
def https(hooked, target):
    (hooked.home / "target-ca.pem").write_text(target.authority.pem)
    (hooked.home / "target-secret").write_text("s3cret")
    hooked.vouch("hook", "put", "https", "https", target.url, "--ca", str(hooked.home / "target-ca.pem"), "--secret", str(hooked.home / "target-secret"))
    template(hooked, "by-https", ARN + "https")
    return "by-https"


def test_an_https_target_decides(hooked, https, target):
    claim = hooked.claim(template=https)
    assert register(hooked, https, {"ThingName": "x", "Mode": "allow"}, claim=claim, client_id="unit-1") == (True, {"deviceConfiguration": {}, "thingName": "by-https"})
    headers, body = target.asked[-1]
    asked = json.loads(body)
    assert list(asked) == ["claimCertificateId", "certificateId", "certificatePem", "templateArn", "clientId", "parameters"]
    assert asked["claimCertificateId"] == claim.id and asked["clientId"] == "unit-1"
    assert asked["templateArn"] == f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:provisioningtemplate/{https}"
    assert certs.identifier(asked["certificatePem"]) == asked["certificateId"]
    assert asked["parameters"] == {"ThingName": "x", "Mode": "allow"}
    when, code = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["X-Vouch-Signature"]).groups()
    assert abs(int(when) - time.time()) < 60
    assert code == hmac.new(b"s3cret", when.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert "secret" not in json.dumps(call(hooked, "GET", "/hooks/https")).replace("hasSecret", "")
    assert b"s3cret" not in b"".join(path.read_bytes() for path in (hooked.data / "store").glob("*") if path.is_file())


@pytest.mark.parametrize("mode, reason", [("deny", "hook-denied"), ("garbage", "hook-answer-invalid"), ("error", "hook-status"), ("created", "hook-status"),
                                          ("huge", "hook-answer-too-large"), ("redirect", "hook-status"), ("hang", "hook-timeout"), ("cut", "hook-unreachable")])
def test_an_https_target_that_does_not_say_yes_refuses(hooked, https, target, mode, reason):
    before = len(target.asked)
    refused(hooked, https, mode, reason)
    assert len(target.asked) == before + 1


def test_whoever_is_not_the_pinned_one_is_not_asked(hooked, target):
    other = certs.Authority("other")
    before = len(target.asked)
    for name, pin in (("other-pin", {"caPem": other.pem}), ("no-pin", {})):
        call(hooked, "PUT", "/hooks/" + name, {"kind": "https", "target": target.url, **pin})
        template(hooked, name, ARN + name)
        refused(hooked, name, "allow", "hook-tls-failed")
    # The right authority, another name.
    call(hooked, "PUT", "/hooks/other-name", {"kind": "https", "target": target.url.replace("localhost", "127.0.0.1"), "caPem": target.authority.pem})
    template(hooked, "other-name", ARN + "other-name")
    refused(hooked, "other-name", "allow", "hook-tls-failed")
    call(hooked, "PUT", "/hooks/nobody", {"kind": "https", "target": "https://localhost:1/"})
    template(hooked, "nobody", ARN + "nobody")
    refused(hooked, "nobody", "allow", "hook-unreachable")
    assert len(target.asked) == before


def test_the_server_proves_itself_with_a_client_certificate(hooked):
    clients = certs.Authority("clients")
    private = certs.key()
    target = hooks.Target(client_authority=clients)
    about = {"kind": "https", "target": target.url, "caPem": target.authority.pem}
    template(hooked, "mutual", ARN + "mutual")
    call(hooked, "PUT", "/hooks/mutual", about)
    # TLS 1.3 tells of it after the handshake, where it looks like a connection that broke.
    said = call(hooked, "POST", "/hooks/mutual/test", {"parameters": {}})
    assert said["allowed"] is False and said["reason"] in ("hook-tls-failed", "hook-unreachable")
    call(hooked, "PUT", "/hooks/mutual", {**about, "certificatePem": clients.sign("vouch", private.public_key()), "privateKeyPem": certs.key_pem(private)})
    accepted, answer = register(hooked, "mutual", {"ThingName": "mutual", "Mode": "plain"})
    assert accepted, answer
    assert call(hooked, "GET", "/hooks/mutual")["hasPrivateKey"] is True
    target.close()


# ---- what is configured

def test_a_hook_that_nobody_configured_refuses(hooked):
    template(hooked, "unknown", "arn:aws:lambda:eu-west-1:999999999999:function:elsewhere")
    refused(hooked, "unknown", "-", "hook-unknown")
    call(hooked, "PUT", "/hooks/elsewhere", {"kind": "allowlist", "target": "ThingName", "targetArn": "arn:aws:lambda:eu-west-1:999999999999:function:elsewhere"})
    call(hooked, "POST", "/hooks/elsewhere/serials", {"serials": [{"serial": "now-known"}]})
    assert register(hooked, "unknown", {"ThingName": "now-known"})[0]
    call(hooked, "DELETE", "/hooks/elsewhere")
    refused(hooked, "unknown", "-", "hook-unknown")


def test_what_hooks_are(hooked):
    made = call(hooked, "PUT", "/hooks/shown", {"kind": "program", "target": "/opt/x", "timeoutMs": 1000})
    assert made["targetArn"] == ARN + "shown" and made["timeoutMs"] == 1000 and made["hasSecret"] is False
    assert call(hooked, "GET", "/hooks/shown") == made
    first = call(hooked, "GET", "/hooks?maxResults=1")
    assert len(first["hooks"]) == 1 and call(hooked, "GET", "/hooks?nextToken=" + urllib.parse.quote(first["nextToken"], safe=""))["hooks"]
    call(hooked, "PUT", "/hooks/shown-too", {"kind": "program", "target": "/opt/y", "targetArn": ARN + "shown"}, expect=AE)
    for bad in ({}, {"kind": "x", "target": "/x"}, {"kind": "program", "target": "x"}, {"kind": "program"}, {"kind": "https", "target": "http://x/"},
                {"kind": "https", "target": "https://user@x/"}, {"kind": "https", "target": "https://"}, {"kind": "program", "target": "/x", "secret": "y"},
                {"kind": "https", "target": "https://x/", "certificatePem": "-----BEGIN X"}, {"kind": "https", "target": "https://x/", "caPem": "x"},
                {"kind": "allowlist", "timeoutMs": 1}, {"kind": "https", "target": "https://x/\n"}):
        call(hooked, "PUT", "/hooks/bad", bad, expect=IR)
    call(hooked, "DELETE", "/hooks/shown")
    for method, path, body in (("GET", "", None), ("DELETE", "", None), ("POST", "/test", {}), ("GET", "/serials", None), ("DELETE", "/serials/x", None),
                               ("POST", "/serials", {"serials": [{"serial": "x"}]})):
        call(hooked, method, "/hooks/shown" + path, body, expect=NF)
    call(hooked, "PUT", "/hooks/no-list", {"kind": "program", "target": "/x"})
    call(hooked, "GET", "/hooks/no-list/serials", expect=IR)
    call(hooked, "PUT", "/hooks/serials-only", {"kind": "allowlist"})
    for bad in ([], [{}], [{"serial": ""}], [{"serial": "x", "parameterOverrides": {"a": 1}}], [{"serial": "x", "parameterOverrides": {"AWS::IoT::x": "1"}}]):
        call(hooked, "POST", "/hooks/serials-only/serials", {"serials": bad}, expect=IR)


def test_asking_a_hook_by_hand(hooked, program, https):
    said = json.loads(hooked.vouch("hook", "test", "program", "--parameter", "Mode=allow", "--client-id", "me").stdout)
    assert said["allowed"] is True and said["parameterOverrides"] == {"ThingName": "by-program"}
    done = hooked.vouch("hook", "test", "program", "--parameter", "Mode=slow", check=False)
    assert done.returncode == 2 and json.loads(done.stdout)["reason"] == "hook-timeout"
    assert json.loads(hooked.vouch("hook", "test", "https", "--template", "T", "--parameter", "Mode=allow").stdout)["allowed"] is True
    assert json.loads(hooked.vouch("hook", "list").stdout)["hooks"]


# ---- while it waits

def test_what_changed_meanwhile_is_seen(hooked, folder):
    path = folder.add("second")
    call(hooked, "PUT", "/hooks/second", {"kind": "program", "target": path})
    template(hooked, "second", ARN + "second")
    results = []
    waiting = threading.Thread(target=lambda: results.append(register(hooked, "second", {"ThingName": "changed", "Mode": "second"})))
    waiting.start()
    time.sleep(0.6)
    call(hooked, "PUT", "/hooks/second", {"kind": "program", "target": path, "timeoutMs": 1900})
    waiting.join()
    assert results[0][0] is False and results[0][1]["errorCode"] == "AccessDenied", results
    assert "reason=hook-changed" in hooked.log_text()
    results.clear()
    waiting = threading.Thread(target=lambda: results.append(register(hooked, "second", {"ThingName": "disabled", "Mode": "second"})))
    waiting.start()
    time.sleep(0.6)
    hooked.boto().update_provisioning_template(templateName="second", enabled=False)
    waiting.join()
    assert results[0][0] is False and results[0][1]["errorCode"] == "AccessDenied", results
    assert not {"changed", "disabled"} & {thing["thingName"] for thing in hooked.boto().list_things()["things"]}


def test_two_that_wait_for_one_token_become_one_device(hooked, folder):
    call(hooked, "PUT", "/hooks/both", {"kind": "program", "target": folder.add("both")})
    template(hooked, "both", ARN + "both")
    claim = hooked.claim(template="both")
    with mqtt.Client(hooked, claim, timeout=20) as client:
        client.connect("both")
        accepted, made = client.request(mqtt.CREATE, b"")
        request = json.dumps({"certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {"ThingName": "one", "Mode": "second"}})
        for number in (1, 2):
            client.send(mqtt.publish(mqtt.register_topic("both"), request, 0, number))
        answers = [client.message(), client.message()]
        # The same bytes again get the same answer, whichever came first.
        assert [topic.rsplit("/")[-1] for topic, _ in answers] == ["accepted", "accepted"] and answers[0][1] == answers[1][1], answers


def test_waiting_holds_up_nobody_else(folder):
    """Four workers, and forty that wait a second each: others are served as if they were not there."""
    with vouch.Server("--hook-dir", str(folder.path), "--workers", "4") as server:
        server.prepare_workshop()
        call(server, "PUT", "/hooks/busy", {"kind": "program", "target": folder.add("busy")})
        template(server, "busy", ARN + "busy")
        template(server, "idle")
        claims = [server.claim(template="busy") for _ in range(40)]
        results = []
        waiting = [threading.Thread(target=lambda n=n: results.append(register(server, "busy", {"ThingName": f"busy-{n}", "Mode": "second"}, client_id=f"busy-{n}",
                                                                                 claim=claims[n]))) for n in range(40)]
        started = time.monotonic()
        for thread in waiting:
            thread.start()
        deadline = time.monotonic() + 10
        while not results and "vouch_hooks_waiting 40\n" not in metrics(server):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert register(server, "idle", {"ThingName": "quick"})[0]
        quick = time.monotonic() - started
        for thread in waiting:
            thread.join()
        assert all(accepted for accepted, _ in results) and len(results) == 40, [answer for accepted, answer in results if not accepted][:3]
        whole = time.monotonic() - started
        # Four workers that waited would need ten seconds for the forty alone.
        assert quick < whole < 9, (quick, whole)
        text = metrics(server)
        assert 'vouch_hook_decisions_total{result="allowed"} 40' in text and re.search(r"^vouch_hooks_waiting 0$", text, re.M)


def resident(server):
    """KiB of the front and of the hooks process."""
    def of(pid):
        return int(re.search(r"^VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M).group(1))
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rsplit(")", 1)[1].split()[1]) == server.process.pid and "(vouchd-hooks)" in path.read_text():
                return of(server.process.pid), of(path.parent.name)
        except OSError:
            continue
    raise AssertionError("no hooks process")


def test_a_thousand_that_wait_hold_no_worker(folder):
    """No hook answers until the test says so. With two workers, registrations of another template finish while a thousand wait, and so does the API."""
    gate = folder.path / "gate"
    os.mkfifo(gate, 0o644)
    path = folder.add("gated", f"#!/bin/sh\nread line <{gate}\necho '{{\"allowProvisioning\": true}}'\n")
    with vouch.Server("--hook-dir", str(folder.path), "--workers", "2", "--hook-timeout", "60000") as server:
        server.prepare_workshop()
        call(server, "PUT", "/hooks/gated", {"kind": "program", "target": path})
        template(server, "gated", ARN + "gated")
        template(server, "free")
        crowd, free = hooks.Crowd(server, "gated", 1000), hooks.Crowd(server, "free", 80, "free")
        before = resident(server)
        crowd.send()
        deadline = time.monotonic() + 40
        while "vouch_hooks_waiting 1000\n" not in metrics(server):
            assert time.monotonic() < deadline and crowd.silent()
            time.sleep(0.05)
        while running(path) < 300:  # so many of one hook run at once; the others wait for these
            assert time.monotonic() < deadline
            time.sleep(0.05)
        free.send()
        answers = free.answers()
        assert len(answers) == 80 and all(accepted for accepted, _ in answers), answers[:2]
        assert crowd.silent() and "vouch_hooks_waiting 1000\n" in metrics(server)
        after = resident(server)
        assert after[0] - before[0] < 64 * 1000 and after[1] - before[1] < 64 * 1000, (before, after)
        with open(gate, "w") as opened:
            opened.write("\n" * 1000)  # a line for each
            opened.flush()
            answers = crowd.answers()
        assert len(answers) == 1000 and all(accepted for accepted, _ in answers), [a for ok, a in answers if not ok][:2]
        assert 'vouch_hook_decisions_total{result="allowed"} 1000' in metrics(server)
        crowd.close()
        free.close()


def metrics(server):
    import ssl
    import urllib.request
    return urllib.request.urlopen(server.api + "/metrics", context=ssl.create_default_context(cafile=server.ca)).read().decode()


def test_a_stop_does_not_wait_for_hooks(folder):
    with vouch.Server("--hook-dir", str(folder.path), "--hook-timeout", "30000") as server:
        server.prepare_workshop()
        call(server, "PUT", "/hooks/long", {"kind": "program", "target": folder.add("long")})
        template(server, "long", ARN + "long")

        def late():
            with pytest.raises((mqtt.Closed, AssertionError)):
                accepted, answer = register(server, "long", {"ThingName": "x", "Mode": "slow"})
                assert accepted
        waiting = threading.Thread(target=late)
        waiting.start()
        time.sleep(1)
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 8
        waiting.join()
        server.start()
        assert "x" not in [thing["thingName"] for thing in server.boto().list_things()["things"]]
