"""Pairing: a device asks, a person vouches; and whoever would like to come between them. Each refusal with its name."""
import base64
import concurrent.futures
import json
import os
import re
import shutil
import ssl
import subprocess
import threading
import time
import urllib.parse
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import mqtt
import own
import pairing
import postgres
import vouch

PAIRINGS = "/_vouch/pairings"
POLL = PAIRINGS + "/poll"
ALL = [(["vouch:*", "iot:*"], "*")]
SERIAL_TEMPLATE = json.dumps({"Parameters": {"SerialNumber": {"Type": "String"}, "Site": {"Type": "String", "Default": "attic"}},
                              "Resources": {"thing": {"Type": "AWS::IoT::Thing", "Properties": {
                                  "ThingName": {"Fn::Join": ["", ["lamp-", {"Ref": "SerialNumber"}]]},
                                  "AttributePayload": {"site": {"Ref": "Site"}}}},
                                  "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {
                                      "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "ACTIVE"}},
                                  "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "pubsub"}}}})


def eventually(what, timeout=10):
    deadline = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.03)


def serial():
    return "SN-" + uuid.uuid4().hex[:8]


def sanitized():
    return b"__asan_init" in (vouch.BUILD / "vouchd").read_bytes()


def rejected(server, status, reason, method, path, body=None, key=None):
    """The message of a refusal that carries this reason."""
    got, said = pairing.signed(server, method, path, body, key)
    assert (got, said.get("reason")) == (status, reason), (got, said)
    return said["message"]


def refusals(server, outcome, **more):
    return [r for r in own.ledger(server, event="pairing-refused", outcome=outcome)
            if all(json.loads(r["detail"]).get(k) == v for k, v in more.items())]


def why(server, name):
    return json.loads(server.vouch("why", name).stdout)["refusals"]


@pytest.fixture
def user(server):
    """Makes users of their own; (actions, resources) each."""
    return lambda *statements: own.user(server, "u" + uuid.uuid4().hex[:8], *statements)


# ---- the whole way ----

def test_both_screens_see_each_step(server):
    device = pairing.Device(server, serial := uuid.uuid4().hex[:8], "Lamp 3", {"ThingName": "suggested"})
    assert re.fullmatch(f"[{pairing.ALPHABET}]{{4}}-[{pairing.ALPHABET}]{{4}}", device.code)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", device.secret)
    assert device.started["verificationUri"] == server.api + "/install"
    assert device.started["verificationUriComplete"] == server.api + "/install#c=" + device.code.replace("-", "")
    assert (device.started["expiresIn"], device.started["interval"]) == (600, 2)
    assert device.state() == "WAITING" and device.dates() == pairing.STEPS[:1]
    assert device.poll()["state"] == "WAITING"

    waiting = device.polling()
    seen = device.look()
    assert (seen["serialNumber"], seen["model"], seen["suggestedParameters"]) == (serial, "Lamp 3", {"ThingName": "suggested"})
    assert seen["sourceIp"] == device.source and seen["serverFingerprint"] == device.started["serverFingerprint"]
    assert waiting.answer()["state"] == "LOOKED_AT"

    waiting = device.polling()
    said = device.approve(parameters={"ThingName": f"lamp-{serial}"})
    assert said["state"] in ("APPROVED", "CLAIM_TAKEN") and "certificatePem" not in said
    answer = waiting.answer()
    assert answer["state"] == "APPROVED" and answer["templateName"] == vouch.TEMPLATE
    assert answer["parameters"] == {"ThingName": f"lamp-{serial}"} and answer["endpoint"] == "localhost"
    assert answer["mqttPort"] == server.mqtt_port and answer["rootCaPem"] == open(server.ca).read()
    assert 290 < answer["expiration"] - time.time() < 301
    assert device.dates() == pairing.STEPS[:4] and device.state() == "CLAIM_TAKEN"

    with mqtt.Client(server, device.claim(answer)) as client:
        client.connect(f"lamp-{serial}")
        eventually(lambda: device.state() == "CONNECTED")
        made = device.certificate(client)
        assert device.state() == "CERTIFIED" and device.get()["certificateId"] == made["certificateId"]
        accepted, said = device.register(client, made, {})
        assert accepted and said["thingName"] == f"lamp-{serial}"
    assert device.state() == "REGISTERED" and device.get()["thingName"] == f"lamp-{serial}"
    assert device.poll()["state"] == "REGISTERED"
    identity = vouch.Identity(server.home, made["certificateId"], made["certificatePem"], device.private)
    with mqtt.Client(server, identity) as client:
        client.connect(f"lamp-{serial}")
        eventually(lambda: device.state() == "DONE")
    assert device.dates() == pairing.STEPS and "certificatePem" not in device.poll()
    assert [r["event"] for r in device.rows()] == ["pairing-started", "pairing-looked-at", "pairing-approved", "claim-created",
                                                   "certificate-created", "thing-registered", "pairing-done"]


def test_approving_is_answered_within_milliseconds(server):
    took = []
    for _ in range(5):
        device = pairing.Device(server)
        body = device.approval(parameters={"ThingName": "x"})
        waiting = device.polling()
        time.sleep(0.1)
        begun = time.monotonic()
        own.call(server, "POST", f"{PAIRINGS}/{device.id}/approve", body)
        assert waiting.answer()["state"] == "APPROVED"
        took.append(waiting.at - begun)
    assert min(took) < 0.25, took  # a worker that is asked again each second would need half of one


def test_the_serial_is_the_templates_unless_somebody_says_otherwise(server):
    server.boto().create_provisioning_template(templateName="Serials", provisioningRoleArn=vouch.ROLE, enabled=True, templateBody=SERIAL_TEMPLATE)
    device = pairing.Device(server, "S-7")
    assert device.approve(template="Serials")["parameters"] == {"SerialNumber": "S-7"}
    assert device.poll()["parameters"] == {"SerialNumber": "S-7"}
    other = pairing.Device(server, "S-8")
    said = other.approve(template="Serials", parameters={"SerialNumber": "S-9", "Site": "roof"}, thingName="lamp-S-9")
    assert said["parameters"] == {"SerialNumber": "S-9", "Site": "roof"} and said["thingName"] == "lamp-S-9"
    with mqtt.Client(server, other.claim(other.poll())) as client:
        client.connect("lamp-S-9")
        made = other.certificate(client)
        accepted, said = client.request(mqtt.register_topic("Serials"), {"certificateOwnershipToken": made["certificateOwnershipToken"],
                                                                         "parameters": {"SerialNumber": "S-8"}})
        assert not accepted and "SerialNumber" in said["errorMessage"], said
        assert other.state() == "FAILED" and other.get()["reason"] == "claim-parameter" and "SerialNumber" in other.get()["message"]
        accepted, said = client.request(mqtt.register_topic("Serials"), {"certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {}})
        assert accepted and said["thingName"] == "lamp-S-9"
    assert other.state() == "REGISTERED" and "reason" not in other.get()  # what went wrong was mended


def test_who_asks_by_another_name_is_answered_by_it(server):
    port = server.api.rsplit(":", 1)[1]
    device = pairing.Device(server, api=f"https://127.0.0.1:{port}")
    assert device.started["verificationUri"] == f"https://127.0.0.1:{port}/install"
    device.approve()
    assert device.poll()["endpoint"] == "127.0.0.1"


def test_a_host_that_is_not_ours_is_not_repeated(server):
    connection = pairing.connection(server, next(pairing.SOURCES))
    body = json.dumps({"certificateSigningRequest": own.request_for(own.key_pair()[0]), "serialNumber": "h"})
    for host in ("evil.example:8443", "localhost:0", "localhost:99999", "localhost:80:80", "localhost@evil.example", "[::1", "", "x" * 300):
        connection.request("POST", PAIRINGS, body=body, headers={"content-type": "application/json", "host": host})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        if answer.status == 200:
            assert said["verificationUri"] == server.api + "/install", host
        else:
            assert answer.status == 400, (host, answer.status)
    connection.close()


def test_lists_have_pages(server):
    ids = [pairing.Device(server).id for _ in range(5)]
    got, token = [], ""
    while True:
        page = own.call(server, "GET", f"{PAIRINGS}?maxResults=2" + (f"&nextToken={urllib.parse.quote(token, safe='')}" if token else ""))
        assert len(page["pairings"]) <= 2
        got += [p["pairingId"] for p in page["pairings"]]
        token = page.get("nextToken")
        if not token or len(got) >= 6:
            break
    assert got[:5] == ids[::-1]  # newest first


# ---- codes ----

def test_a_mistyped_code_is_told_apart_from_a_wrong_one(server, user):
    device, key = pairing.Device(server), user((["vouch:LookUpPairing"], "*"))
    code = device.code.replace("-", "")
    assert code[7] == pairing.check_symbol(code[:7])
    for spelt in (code.lower(), device.code, f" {code[:3]} {code[3:]} "):
        assert own.call(server, "POST", PAIRINGS + "/lookup", {"userCode": spelt}, key)["pairingId"] == device.id
    swapped = code[1] + code[0] + code[2:] if code[0] != code[1] else code[:6] + code[7] + code[6]
    other = [c for c in pairing.ALPHABET if c != code[3]]
    mistyped = [code[:3] + c + code[4:] for c in other[:6]] + [swapped] if swapped != code else []
    for wrong in mistyped + [code[:7], code + "2", "0" + code[1:], "A" * 8, "-", "é" * 8, code[:4] + "\t" + code[4:]]:
        rejected(server, 400, "pairing-code", "POST", PAIRINGS + "/lookup", {"userCode": wrong}, key)
    assert own.call(server, "POST", PAIRINGS + "/lookup", {"userCode": code}, key)["pairingId"] == device.id  # none of them counted


def test_guessing_user_codes_is_bounded_for_a_user(clock_server):
    server = clock_server
    device, wrong = pairing.Device(server), pairing.codes()
    guesser = own.user(server, "guesser", (["vouch:LookUpPairing"], "*"))
    for _ in range(10):
        assert rejected(server, 404, "pairing-missing", "POST", PAIRINGS + "/lookup", {"userCode": next(wrong)}, guesser)
    for code in (next(wrong), device.code):  # the right one too
        rejected(server, 429, "pairing-guesses", "POST", PAIRINGS + "/lookup", {"userCode": code}, guesser)
    rows = refusals(server, "pairing-guesses", operation="LookUpPairing")
    assert len(rows) == 2 and rows[0]["actor"].endswith("user/guesser")
    assert len(refusals(server, "pairing-missing", operation="LookUpPairing")) == 10
    assert device.state() == "WAITING"
    assert device.look()["pairingId"] == device.id  # others go on


def test_guessing_user_codes_is_bounded_for_an_address(server):
    """Ten of each of three users, and the address has had enough."""
    with vouch.Server() as server:
        wrong, keys = pairing.codes(), [own.user(server, f"g{i}", (["vouch:LookUpPairing"], "*")) for i in range(4)]
        for key in keys[:3]:
            for _ in range(10):
                rejected(server, 404, "pairing-missing", "POST", PAIRINGS + "/lookup", {"userCode": next(wrong)}, key)
        rejected(server, 429, "pairing-guesses", "POST", PAIRINGS + "/lookup", {"userCode": next(wrong)}, keys[3])
        assert refusals(server, "pairing-guesses")


def test_guessing_device_codes_is_bounded(server):
    device, source = pairing.Device(server), next(pairing.SOURCES)
    for i in range(30):
        guess = base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")
        why = pairing.refused(404, "pairing-missing", pairing.ask, server, POLL, {"deviceCode": guess}, source=source)
    pairing.refused(429, "pairing-throttled", pairing.ask, server, POLL, {"deviceCode": guess}, source=source)
    assert refusals(server, "pairing-throttled", operation="PollPairing")[0]["sourceIp"] == source
    assert guess not in json.dumps(own.ledger(server))
    assert device.poll()["state"] == "WAITING"  # from another address
    for garbage in ("", "x" * 129, 7, None, ["a"], {"a": 1}):
        with pytest.raises(own.Refused) as why:
            pairing.ask(server, POLL, {"deviceCode": garbage})
        assert why.value.status == 400
    pairing.refused(404, "pairing-missing", pairing.ask, server, POLL, {"deviceCode": device.secret.swapcase()})
    pairing.refused(404, "pairing-missing", pairing.ask, server, POLL, {"deviceCode": device.id})


# ---- deciding ----

def test_one_approval_and_no_more(server):
    device = pairing.Device(server)
    body = device.approval(parameters={"ThingName": "once"})
    path = f"{PAIRINGS}/{device.id}"
    own.call(server, "POST", path + "/approve", body)
    rejected(server, 409, "pairing-state", "POST", path + "/approve", body)  # replayed
    rejected(server, 409, "pairing-state", "POST", path + "/deny", {})
    answer = device.poll()
    device.provision(answer)
    rejected(server, 409, "pairing-state", "POST", path + "/approve", body)
    with mqtt.Client(server, device.claim(answer)) as client:  # and of the claim there is one use
        client.connect("twice")
        accepted, said = client.request(pairing.CSR, {"certificateSigningRequest": device.request})
        assert not accepted and said["statusCode"] == 403, said
    assert [r["outcome"] for r in device.rows("provisioning-refused")] == ["claim-spent"]
    assert "certificatePem" not in device.poll()
    assert len(device.rows("pairing-approved")) == 1 and len(device.rows("claim-created")) == 1
    assert len(device.rows("pairing-refused")) == 3


def test_of_approvals_that_race_one_wins(server):
    for _ in range(3):
        device = pairing.Device(server)
        body = device.approval(parameters={"ThingName": "race"})
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            words = [("approve", body)] * 6 + [("deny", {})] * 2
            done = list(pool.map(lambda w: pairing.signed(server, "POST", f"{PAIRINGS}/{device.id}/{w[0]}", w[1])[0], words))
        assert sorted(done) == [200] + [409] * 7, done
        approved = done.index(200) < 6
        assert (len(device.rows("pairing-approved")), len(device.rows("pairing-denied"))) == (1 * approved, 1 * (not approved))
        claims = [c for c in own.call(server, "GET", "/_vouch/claims")["claims"] if c["bindings"].get("pairing") == device.id]
        assert len(claims) == 1 * approved


def test_an_approval_needs_both_rights(server, user):
    device = pairing.Device(server)
    own_arn = f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:provisioningtemplate/"
    neither = user((["vouch:GetPairing"], "*"))
    approver = user((["vouch:ApprovePairing"], "*"))
    claimer = user((["iot:CreateProvisioningClaim"], "*"))
    elsewhere = user((["vouch:ApprovePairing"], "*"), (["iot:CreateProvisioningClaim"], own_arn + "Other"))
    body = device.approval(parameters={"ThingName": "rights"})
    for key in (neither, approver, claimer, elsewhere):
        status, said = pairing.signed(server, "POST", f"{PAIRINGS}/{device.id}/approve", body, key)
        assert status == 403, said
    rows = device.rows("pairing-refused")
    assert len(rows) == 4 and {json.loads(r["detail"])["operation"] for r in rows} == {"ApprovePairing"}
    for path, what in ((f"{device.id}/deny", "DenyPairing"), ("lookup", "LookUpPairing")):
        assert pairing.signed(server, "POST", f"{PAIRINGS}/{path}", {"userCode": device.code} if path == "lookup" else {}, claimer)[0] == 403
        assert refusals(server, rows[0]["outcome"], operation=what)
    for path in ("", f"/{device.id}"):
        assert pairing.signed(server, "GET", PAIRINGS + path, None, claimer)[0] == 403
    assert device.state() == "WAITING" and device.poll()["state"] == "WAITING"
    both = user((["vouch:ApprovePairing"], "*"), (["iot:CreateProvisioningClaim"], own_arn + vouch.TEMPLATE))
    assert pairing.signed(server, "POST", f"{PAIRINGS}/{device.id}/approve", body, both)[0] == 200
    assert pairing.ask(server, POLL, {"deviceCode": device.secret})["state"] == "APPROVED"


def test_an_unsigned_approval_is_none(server):
    device = pairing.Device(server)
    for path in (f"/{device.id}/approve", f"/{device.id}/deny", "/lookup"):
        with pytest.raises(own.Refused) as why:
            pairing.ask(server, PAIRINGS + path, dict(device.approval(), userCode=device.code))
        assert why.value.status == 403
    assert device.state() == "WAITING"


def test_what_the_approval_says_must_be_right(server):
    iot, device = server.boto(), pairing.Device(server)
    body, path = device.approval(parameters={"ThingName": "right"}), f"{PAIRINGS}/{device.id}/approve"
    iot.create_provisioning_template(templateName="Off", provisioningRoleArn=vouch.ROLE, enabled=False, templateBody=SERIAL_TEMPLATE)
    other = pairing.Device(server).fingerprint()
    rejected(server, 400, "pairing-key", "POST", path, dict(body, keyFingerprint=other))
    rejected(server, 400, "template-disabled", "POST", path, dict(body, templateName="Off", parameters={}))
    rejected(server, 404, "template-missing", "POST", path, dict(body, templateName="Nowhere"))
    assert "Serial" in rejected(server, 400, "pairing-parameter", "POST", path, dict(body, parameters={"ThingName": "a", "Serial": "b"}))
    rejected(server, 400, "pairing-parameter", "POST", path, dict(body, parameters={"AWS::IoT::Certificate::Id": "0" * 64}))
    rejected(server, 404, "pairing-missing", "POST", f"{PAIRINGS}/{uuid.uuid4()}/approve", body)
    rejected(server, 404, "pairing-missing", "GET", f"{PAIRINGS}/{uuid.uuid4()}")
    for wrong in ({"keyFingerprint": "00"}, {"keyFingerprint": None}, {"parameters": {"ThingName": 7}}, {"parameters": "x"}, {"thingName": "a b"},
                  {"thingName": "x" * 129}, {"templateName": "../x"}, {"parameters": {"ThingName": "x" * 4097}}):
        status, said = pairing.signed(server, "POST", path, {**body, **wrong})
        assert status == 400, (wrong, said)
    outcomes = {r["outcome"] for r in device.rows("pairing-refused")}
    assert {"pairing-key", "template-disabled", "template-missing", "pairing-parameter"} <= outcomes
    assert device.state() == "WAITING" and not device.rows("claim-created")
    own.call(server, "POST", path, body)


def test_limits_and_a_second_person_hold_for_pairings(server, user):
    server.vouch("user", "create", "careful")
    own.call(server, "PUT", "/_vouch/users/careful/policies/Own", {"policyDocument": json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["vouch:*", "iot:*"], "Resource": "*"}]})})
    key = own.call(server, "POST", "/_vouch/users/careful/access-keys")
    own.call(server, "PUT", "/_vouch/claim-limits/user/careful", {"approvalAbove": 0})
    device = pairing.Device(server)
    body, path = device.approval(parameters={"ThingName": "second"}), f"{PAIRINGS}/{device.id}/approve"
    said = rejected(server, 403, "approval-needed", "POST", path, body, key)
    request = re.search(r"Request ([0-9a-f-]{36})", said)[1]
    assert device.state() == "WAITING"
    own.call(server, "POST", f"/_vouch/claim-requests/{request}/approve", {})
    assert pairing.signed(server, "POST", path, body, key)[0] == 200
    other = pairing.Device(server)
    rejected(server, 403, "approval-needed", "POST", f"{PAIRINGS}/{other.id}/approve", other.approval(parameters={"ThingName": "second"}), key)
    own.call(server, "DELETE", "/_vouch/claim-limits/user/careful")
    own.call(server, "PUT", "/_vouch/claim-limits/user/careful", {"claimsPerHour": 1})
    rejected(server, 400, "limit-hour", "POST", f"{PAIRINGS}/{other.id}/approve", other.approval(parameters={"ThingName": "second"}), key)
    assert {r["outcome"] for r in other.rows("pairing-refused")} == {"approval-needed", "limit-hour"}


def test_a_denied_device_is_told_and_gets_nothing(server):
    device = pairing.Device(server)
    waiting = device.polling()
    body = device.approval()
    device.deny()
    assert waiting.answer()["state"] == "DENIED" and "certificatePem" not in waiting.answer()
    assert device.poll()["state"] == "DENIED" and device.state() == "DENIED"
    rejected(server, 409, "pairing-state", "POST", f"{PAIRINGS}/{device.id}/approve", body)
    rejected(server, 409, "pairing-state", "POST", f"{PAIRINGS}/{device.id}/deny", {})
    rejected(server, 404, "pairing-missing", "POST", f"{PAIRINGS}/{uuid.uuid4()}/deny", {})
    assert [r["event"] for r in device.rows()] == ["pairing-started", "pairing-denied", "pairing-refused", "pairing-refused"]


# ---- the key ----

def test_another_key_than_the_one_that_was_vouched_for_gets_nothing(server):
    device = pairing.Device(server)
    device.approve(parameters={"ThingName": "swap"})
    answer = device.poll()
    other = own.key_pair()[0]
    with pytest.raises(Exception):  # TLS: the certificate is not for this key
        mqtt.Client(server, vouch.Identity(server.home, answer["certificateId"], answer["certificatePem"], other)).connect("swap")
    with mqtt.Client(server, device.claim(answer)) as client:
        client.connect("swap")
        accepted, said = client.request(pairing.CSR, {"certificateSigningRequest": own.request_for(other)})
        assert not accepted and said["statusCode"] == 403, said
        accepted, said = client.request(mqtt.CREATE, {})  # nor one that the server makes
        assert not accepted and said["statusCode"] == 403, said
    rows = device.rows("provisioning-refused")
    assert {r["outcome"] for r in rows} == {"claim-key"} and len(rows) == 2
    assert device.state() == "FAILED" and device.get()["reason"] == "claim-key"
    assert device.poll()["certificateId"] == answer["certificateId"]  # the right key still may
    device.provision(answer, "swap")
    assert device.state() == "REGISTERED"


def test_the_claim_is_given_again_when_the_answer_was_lost(server):
    device = pairing.Device(server)
    device.approve(parameters={"ThingName": "again"})
    first, second = device.poll(), device.poll()
    assert first["certificatePem"] == second["certificatePem"] and first["state"] == second["state"] == "APPROVED"
    assert len(device.rows("claim-created")) == 1
    device.provision(second, "again")
    assert "certificatePem" not in device.poll()


def test_a_cancelled_claim_ends_the_pairing(server):
    device = pairing.Device(server)
    claim = device.approve(parameters={"ThingName": "cancelled"})["claimId"]
    own.call(server, "DELETE", f"/_vouch/claims/{claim}")
    said = device.poll()
    assert said["state"] == "FAILED" and said["reason"] == "claim-cancelled" and "certificatePem" not in said
    assert device.get()["state"] == "FAILED"
    assert "claim-cancelled" in {r["event"] for r in device.rows()}


def test_a_template_that_goes_takes_its_pairings_along(server):
    iot, device = server.boto(), pairing.Device(server)
    iot.create_provisioning_template(templateName="Gone", provisioningRoleArn=vouch.ROLE, enabled=True, templateBody=SERIAL_TEMPLATE)
    device.approve(template="Gone")
    iot.delete_provisioning_template(templateName="Gone")
    for _ in range(2):
        said = device.poll()
        assert said["state"] == "FAILED" and said["reason"] == "claim-cancelled" and "certificatePem" not in said
    assert [(r["outcome"], r["templateName"]) for r in device.rows("pairing-failed")] == [("claim-cancelled", "Gone")]


# ---- time ----

def gone(device):
    try:
        device.poll()
    except own.Refused as why:
        return why.reason == "pairing-missing"
    return False


def test_a_pairing_that_nobody_decides_expires(clock_server):
    server = clock_server
    device, looked = pairing.Device(server), pairing.Device(server)
    body = device.approval()
    looked.look()
    waiting = device.polling()
    time.sleep(0.2)
    server.advance_clock(601)
    assert waiting.answer(10)["state"] == "EXPIRED"  # at once, not at the end of its patience
    assert device.poll()["state"] == "EXPIRED" and looked.poll()["state"] == "EXPIRED"
    rejected(server, 409, "pairing-state", "POST", f"{PAIRINGS}/{device.id}/approve", body)
    rejected(server, 409, "pairing-state", "POST", f"{PAIRINGS}/{device.id}/deny", {})
    eventually(lambda: len(own.ledger(server, event="pairing-expired")) == 2)
    server.advance_clock(601)  # and is forgotten
    eventually(lambda: gone(device))


def test_a_claim_that_is_not_used_expires(clock_server):
    server = clock_server
    device, slow = pairing.Device(server), pairing.Device(server)
    device.approve(parameters={"ThingName": "late"})
    slow.approve(parameters={"ThingName": "slow"})
    answer = slow.poll()
    server.advance_clock(301)
    said = device.poll()
    assert said["state"] == "FAILED" and said["reason"] == "claim-expired" and "certificatePem" not in said and said["message"]
    with pytest.raises(Exception):
        mqtt.Client(server, slow.claim(answer)).connect("slow")
    eventually(lambda: [r["outcome"] for r in own.ledger(server, event="pairing-failed")] == ["claim-expired"] * 2)
    assert device.poll()["state"] == "FAILED"


def test_guesses_are_forgiven_after_an_hour(clock_server):
    server = clock_server
    wrong, device = pairing.codes(), pairing.Device(server)
    for _ in range(10):
        rejected(server, 404, "pairing-missing", "POST", PAIRINGS + "/lookup", {"userCode": next(wrong)})
    rejected(server, 429, "pairing-guesses", "POST", PAIRINGS + "/lookup", {"userCode": device.code})
    server.advance_clock(3601)
    later = pairing.Device(server)
    assert later.look()["pairingId"] == later.id


def test_polls_that_come_too_fast_are_slowed_down(server):
    device = pairing.Device(server)
    for _ in range(3):
        assert device.poll()["interval"] == 2
    why = pairing.refused(429, "pairing-slow-down", device.poll)
    assert "7 seconds" in why.message
    device.look()  # news are told, however fast somebody asked before
    time.sleep(2.1)
    pairing.refused(429, "pairing-slow-down", device.poll)  # seven seconds now


def test_of_two_polls_that_wait_the_newer_waits(server):
    device = pairing.Device(server)
    first = device.polling()
    time.sleep(0.3)
    second = device.polling()
    assert first.answer(5)["state"] == "WAITING"
    assert second.is_alive()
    device.look()
    assert second.answer(5)["state"] == "LOOKED_AT"


def test_a_poll_waits_as_long_as_it_says(server):
    device = pairing.Device(server)
    begun = time.monotonic()
    assert device.poll(wait=2)["state"] == "WAITING"
    assert 1.8 < time.monotonic() - begun < 6
    with pytest.raises(own.Refused) as why:
        device.poll(wait=21)
    assert why.value.status == 400


# ---- floods ----

def test_a_flood_of_starts_is_bounded_for_an_address(server):
    source = next(pairing.SOURCES)
    request = own.request_for(own.key_pair()[0])
    body = {"certificateSigningRequest": request, "serialNumber": "flood"}
    for _ in range(10):
        pairing.ask(server, PAIRINGS, body, source=source)
    pairing.refused(429, "pairing-throttled", pairing.ask, server, PAIRINGS, body, source=source)
    pairing.refused(429, "pairing-throttled", pairing.ask, server, PAIRINGS, {"certificateSigningRequest": "x", "serialNumber": "y"}, source=source)
    assert pairing.ask(server, PAIRINGS, body)["userCode"]  # another address
    rows = [r for r in refusals(server, "pairing-throttled", operation="StartPairing") if r["sourceIp"] == source]
    assert len(rows) == 1  # the first too many; the rest are for `vouch why`
    assert [(r["what"], r["reason"], r["serial"]) for r in why(server, source)] == [("pairing", "pairing-throttled", "y"), ("pairing", "pairing-throttled", "flood")]


def test_a_flood_from_one_network_leaves_room_for_others():
    """A hundred of a /24 together, whatever address of it asks."""
    with vouch.Server() as server:
        body = {"certificateSigningRequest": own.request_for(own.key_pair()[0]), "serialNumber": "flood"}
        done = []
        for i in range(102):
            try:
                done.append(bool(pairing.ask(server, PAIRINGS, body, source=f"127.250.7.{i // 8 + 1}")["userCode"]))
            except own.Refused as said:
                done.append(said.reason)
        assert done == [True] * 100 + ["pairing-throttled"] * 2
        assert pairing.ask(server, PAIRINGS, body, source="127.250.8.1")["userCode"]
        assert len(refusals(server, "pairing-throttled", operation="StartPairing")) == 1


def test_why_a_device_has_nothing(server, user):
    """Whoever asks by the serial that a device says is told what became of it, and what to do."""
    device = pairing.Device(server, name := serial())
    key = user((["vouch:GetPairing"], "*"))
    pairing.signed(server, "POST", f"{PAIRINGS}/{device.id}/approve", device.approval(), key)
    rejected(server, 400, "pairing-key", "POST", f"{PAIRINGS}/{device.id}/approve", device.approval(fingerprint="0" * 64))
    device.deny()
    told = why(server, name)
    assert [(r["what"], r["reason"], r["resource"]) for r in told] == [
        ("pairing", "pairing-denied", "DenyPairing"), ("pairing", "pairing-key", "ApprovePairing"), ("pairing", "policy-silent", "ApprovePairing")]
    assert told[0]["sourceIp"] == device.source and "user/admin" in told[0]["message"]
    assert all(r["serial"] == name and r["suggestion"] for r in told) and "turned the device away" in told[0]["suggestion"]
    for _ in range(3):
        device.poll()
    pairing.refused(429, "pairing-slow-down", lambda: [device.poll() for _ in range(3)])
    assert why(server, name)[0]["reason"] == "pairing-slow-down"
    text = json.dumps(told)
    assert device.code not in text and device.secret not in text


def test_what_a_refused_person_sends_is_not_kept_unread(server, user):
    """They may not, so nobody has judged the form of it."""
    device, key = pairing.Device(server), user((["vouch:GetPairing"], "*"))
    for name in ("x" * 200000, "a\n\x1b[2J"):
        assert pairing.signed(server, "POST", f"{PAIRINGS}/{device.id}/approve", device.approval(template=name), key)[0] == 403
    rows = device.rows("pairing-refused")
    assert len(rows) == 2 and not any(r.get("templateName") for r in rows) and len(json.dumps(rows)) < 3000


def test_a_flood_from_everywhere_is_bounded_in_memory_and_ledger():
    with vouch.Server() as server:
        server.prepare_workshop()
        request = own.request_for(own.key_pair()[0])
        body = {"certificateSigningRequest": request, "serialNumber": "s" * 128, "model": "m" * 128,
                "parameters": {f"p{i}": "v" * 256 for i in range(20)}}

        def resident():
            text = open(f"/proc/{server.process.pid}/status").read()
            return int(re.search(r"VmRSS:\s+(\d+)", text)[1])

        def flood(n):
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                return list(pool.map(lambda _: pairing.ask(server, PAIRINGS, body)["pairingId"], range(n)))
        flood(200)
        before = resident()
        assert len(set(flood(800))) == 800
        assert sanitized() or resident() - before < 40000, "memory grows with strangers"
        rows = own.ledger(server, event="pairing-started")
        assert 100 <= len(rows) < 400, len(rows)  # a hundred, and one a second
        assert sum(json.loads(r["detail"]).get("leftOut", 0) for r in rows) > 0 or len(rows) == 100
        device = pairing.Device(server)
        device.approve(parameters={"ThingName": "through"})
        assert device.poll()["state"] == "APPROVED"


def test_many_that_wait_hold_no_worker():
    with vouch.Server("--workers", "2") as server:
        devices = [pairing.Device(server) for _ in range(40)]
        waiting = [d.polling() for d in devices]
        time.sleep(1)
        begun = time.monotonic()
        own.call(server, "GET", PAIRINGS)
        assert time.monotonic() - begun < 2 and all(w.is_alive() for w in waiting)
        for device in devices:
            device.deny()
        assert {w.answer()["state"] for w in waiting} == {"DENIED"}


def test_a_server_that_stops_lets_those_who_wait_go():
    with vouch.Server() as server:
        devices = [pairing.Device(server) for _ in range(5)]
        waiting = [d.polling() for d in devices]
        time.sleep(0.5)
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 15
        for w in waiting:
            w.join(20)
            assert not w.is_alive()


# ---- what strangers say ----

def start(server, **body):
    whole = {"certificateSigningRequest": REQUEST(), "serialNumber": "x", **body}
    return pairing.ask(server, PAIRINGS, {k: v for k, v in whole.items() if v is not None})


REQUEST = lambda keep=[]: keep[0] if keep else keep.append(own.request_for(own.key_pair()[0])) or keep[0]  # noqa: E731


def openssl(*words, text=None):
    return subprocess.run(["openssl", *words], input=text, check=True, capture_output=True, text=True).stdout


def test_requests_for_certificates_are_judged(server):
    good = REQUEST()
    lines = good.strip().splitlines()
    broken = "\n".join(lines[:3] + [lines[3][::-1]] + lines[4:])
    weak = own.request_for(openssl("genrsa", "1024"))
    curve = own.request_for(own.key_pair("secp224r1")[0])
    edwards = own.request_for(openssl("genpkey", "-algorithm", "ed25519"))
    for wrong in ("", "x", "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n", broken, good + good, good * 10, "A" * 4096,
                  own.key_pair()[1], weak, curve, edwards, "\x00" * 64, good.replace("REQUEST", "REQUESX")):
        with pytest.raises(own.Refused) as why:
            start(server, certificateSigningRequest=wrong)
        assert why.value.status == 400, (wrong, why.value)
    for wrong in (None, 7, [good], {"a": good}, True):
        with pytest.raises(own.Refused) as why:
            start(server, certificateSigningRequest=wrong)
        assert why.value.status == 400, wrong
    for curve in ("P-256", "P-384"):
        assert start(server, certificateSigningRequest=own.request_for(own.key_pair(curve)[0]))["userCode"]


def test_a_request_for_somebody_elses_key_proves_nothing(server):
    """Signed by one key and naming another: nobody is asked to vouch for it."""
    mine, theirs = (x509.load_pem_x509_csr(own.request_for(own.key_pair()[0]).encode()) for _ in range(2))
    point = [r.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint) for r in (mine, theirs)]
    forged = mine.public_bytes(serialization.Encoding.DER).replace(point[0], point[1])
    pem = ssl.DER_cert_to_PEM_cert(forged).replace("CERTIFICATE", "CERTIFICATE REQUEST")
    assert x509.load_pem_x509_csr(pem.encode()).public_key().public_numbers() == theirs.public_key().public_numbers()
    why = pairing.refused(400, "csr-invalid", start, server, certificateSigningRequest=pem)
    assert "signature does not hold" in str(why)


def test_bodies_that_are_none(server):
    for body in (b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"serialNumber":"x"}', b"\xff\xfe", b'{"a":' * 50, b'{"serialNumber":"x","serialNumber":"y"}'):
        for path in (PAIRINGS, POLL):
            with pytest.raises(own.Refused) as why:
                pairing.ask(server, path, body)
            assert why.value.status == 400, (path, body)
    with pytest.raises(own.Refused) as why:
        pairing.ask(server, PAIRINGS, b'{"x":"' + b"a" * 300000 + b'"}')
    assert why.value.status == 413


def test_text_stays_text_and_controls_are_refused(server):
    evil = "<script>alert(1)</script>\"'&{{7*7}}${x}%s%n\u202e"
    device = pairing.Device(server, evil, evil, {"<img src=x onerror=alert(1)>": evil})
    seen = device.look()
    assert (seen["serialNumber"], seen["model"]) == (evil, evil) and seen["suggestedParameters"] == {"<img src=x onerror=alert(1)>": evil}
    assert json.loads(device.rows("pairing-started")[0]["detail"])["serialNumber"] == evil
    for name in ("serialNumber", "model"):
        for bad in ("a\nb", "a\x00b", "\x1b[31m", "a\x7f", "a\r", "x" * 129, "\u0085"):
            with pytest.raises(own.Refused) as why:
                start(server, **{name: bad})
            assert why.value.status == 400, (name, bad)
    with pytest.raises(own.Refused):
        start(server, serialNumber="")
    assert start(server, parameters={f"p{i}": "v" * 256 for i in range(20)})["userCode"]
    for bad in ({f"p{i}": "\U0001f600" * 256 for i in range(20)}, {"a\n": "b"}, {"a": "b\x1b"}, {"a": 7}, {"a": None}, {"": "b"}, {"x" * 129: "b"}, {"a": "b" * 257}, {f"p{i}": "" for i in range(21)}, "x", [1]):
        with pytest.raises(own.Refused) as why:
            start(server, parameters=bad)
        assert why.value.status == 400, bad
    assert start(server, model=None)["userCode"]


def test_secrets_are_told_to_nobody_else(server):
    device = pairing.Device(server)
    device.look()
    device.approve(parameters={"ThingName": "secret"})
    answer = device.poll()
    body = "".join(answer["certificatePem"].splitlines()[1:-1])
    shown = [server.log_text(), json.dumps(own.ledger(server)), json.dumps(device.get()), json.dumps(own.call(server, "GET", PAIRINGS))]
    for text in shown:
        assert device.secret not in text and body[:60] not in text and answer["certificatePem"].splitlines()[1] not in text
    for text in shown[:2]:
        assert device.code not in text and device.code.replace("-", "") not in text
    files = [p.read_bytes() for p in server.data.rglob("*") if p.is_file() and "ca/" not in str(p)]
    assert all(device.secret.encode() not in f for f in files)  # the registry keeps its digest


# ---- a server that dies ----

def fly_on(server):
    """Killed as by a power cut, and started again on the same folder."""
    ports = server.api.rsplit(":", 1)[1], server.mqtt_port
    server.kill()
    server.flags = [f for f in server.flags if not f.startswith(("--api", "--mqtt"))] + [f"--api=127.0.0.1:{ports[0]}", f"--mqtt=127.0.0.1:{ports[1]}"]
    server.start()


def test_a_killed_server_goes_on_in_every_state():
    with vouch.Server() as server:
        server.prepare_workshop()
        device = pairing.Device(server)
        waiting = device.polling()
        time.sleep(0.3)
        fly_on(server)
        waiting.join(10)
        assert waiting.failed is not None  # it polls again
        assert device.poll()["state"] == "WAITING"
        device.look()
        fly_on(server)
        assert device.poll(wait=20)["state"] == "LOOKED_AT"  # told at once: nobody remembers having told it
        device.approve(parameters={"ThingName": "phoenix"})
        fly_on(server)
        first = device.poll()
        assert first["state"] == "APPROVED"
        fly_on(server)
        answer = device.poll()
        assert answer["certificatePem"] == first["certificatePem"] and device.state() == "CLAIM_TAKEN"
        with mqtt.Client(server, device.claim(answer)) as client:
            client.connect("phoenix")
            eventually(lambda: device.state() == "CONNECTED")
        fly_on(server)
        with mqtt.Client(server, device.claim(answer)) as client:
            client.connect("phoenix")
            made = device.certificate(client)
        fly_on(server)
        assert device.state() == "CERTIFIED" and device.poll()["state"] == "APPROVED"
        with mqtt.Client(server, device.claim(answer)) as client:
            client.connect("phoenix")
            accepted, said = device.register(client, made, {})
            assert accepted, said
        fly_on(server)
        assert device.state() == "REGISTERED"
        with mqtt.Client(server, vouch.Identity(server.home, made["certificateId"], made["certificatePem"], device.private)) as client:
            client.connect("phoenix")
            eventually(lambda: device.state() == "DONE")
        fly_on(server)
        assert device.state() == "DONE" and device.dates() == pairing.STEPS
        denied = pairing.Device(server)
        denied.deny()
        fly_on(server)
        assert denied.poll()["state"] == "DENIED"
        assert server.vouch("ledger", "verify").returncode == 0


# ---- servers that share a database ----

def test_what_one_server_hears_the_others_tell(tmp_path):
    with postgres.Cluster() as cluster:
        url = cluster.schema("pairing")
        with vouch.Server("--store", url) as a:
            a.prepare_workshop()
            data = tmp_path / "data"
            shutil.copytree(a.data, data, ignore=shutil.ignore_patterns("run", "*.lock", "lock"))
            with vouch.Server("--store", url, data=data) as b:
                took = []
                for i in range(3):
                    device = pairing.Device(a)
                    device.server = b  # it polls there, and comes there
                    waiting = device.polling()
                    time.sleep(0.3)
                    begun = time.monotonic()
                    own.call(a, "POST", PAIRINGS + "/lookup", {"userCode": device.code})
                    assert waiting.answer()["state"] == "LOOKED_AT"
                    took.append(waiting.at - begun)
                    waiting = device.polling()
                    time.sleep(0.3)
                    body = device.approval(parameters={"ThingName": f"shared-{i}"})
                    begun = time.monotonic()
                    own.call(a, "POST", f"{PAIRINGS}/{device.id}/approve", body)
                    answer = waiting.answer()
                    took.append(waiting.at - begun)
                    assert answer["state"] == "APPROVED" and answer["mqttPort"] == b.mqtt_port
                assert min(took) < 0.5, took  # it was told; a look each second would take longer on the average
                _, identity = device.provision(answer, f"shared-{i}")
                with mqtt.Client(a, identity) as client:
                    client.connect(f"shared-{i}")
                    eventually(lambda: device.state() == "DONE")
                waits = pairing.Device(a)
                waits.server = b
                with concurrent.futures.ThreadPoolExecutor(8) as pool:
                    body = waits.approval(parameters={"ThingName": "either"})
                    done = list(pool.map(lambda s: pairing.signed(s, "POST", f"{PAIRINGS}/{waits.id}/approve", body)[0], [a, b] * 4))
                assert sorted(done) == [200] + [409] * 7


def test_pairings_move_with_the_registry(tmp_path):
    with vouch.Server() as old:
        old.prepare_workshop()
        device, decided = pairing.Device(old), pairing.Device(old)
        device.look()
        decided.approve(parameters={"ThingName": "moved"})
        before = device.get(), decided.get()
        old.stop()
        file = tmp_path / "registry"
        subprocess.run([vouch.BUILD / "vouch", "--data", old.data, "store", "export", *vouch.Stores.flags(old.data), file], check=True, capture_output=True)
        shutil.copytree(old.data, tmp_path / "data", ignore=shutil.ignore_patterns("run", "*.lock", "lock", "registry.db*", "messages.db*"))
        subprocess.run([vouch.BUILD / "vouch", "--data", tmp_path / "data", "store", "import", file], check=True, capture_output=True)
        with vouch.Server("--store", "sqlite", data=tmp_path / "data") as new:
            device.server = decided.server = new
            assert device.poll()["state"] == "LOOKED_AT" and (device.get(), decided.get()) == before
            decided.api = None
            decided.provision(decided.poll(), "moved")
            assert decided.state() == "REGISTERED"


# ---- the command line ----

def test_the_command_line_vouches(server):
    device = pairing.Device(server, "cli-1", "CLI")
    shown = json.loads(server.vouch("pair", "show", device.code.lower()).stdout)
    assert shown["pairingId"] == device.id and shown["state"] == "LOOKED_AT"
    assert device.id in server.vouch("pair", "list").stdout
    assert "cli-1" in server.vouch("--output", "table", "pair", "list").stdout
    done = server.vouch("pair", "approve", device.code, "--template", vouch.TEMPLATE, "--key", "00000000", check=False)
    assert done.returncode == 1 and shown["keyFingerprint"] in done.stderr and device.state() == "LOOKED_AT"
    done = server.vouch("pair", "approve", device.code, "--template", vouch.TEMPLATE, "--parameter", "ThingName=cli-1",
                        "--key", shown["keyFingerprint"][:16].upper())
    assert json.loads(done.stdout)["parameters"] == {"ThingName": "cli-1"}
    assert server.vouch("pair", "approve", device.id, "--template", vouch.TEMPLATE, check=False).returncode == 2
    other = pairing.Device(server)
    server.vouch("pair", "deny", other.id)
    assert json.loads(server.vouch("pair", "show", other.id).stdout)["state"] == "DENIED"
    for wrong in ("BCDF-GHJK", "x"):
        assert server.vouch("pair", "show", wrong, check=False).returncode == 2
    assert server.vouch("pair", "approve", other.id, check=False).returncode == 1


def test_the_command_line_shows_what_is_not_seen(server):
    """A serial that turns the text beside it, or hides in it, is spelled as JSON, and a "?" elsewhere."""
    evil = "SN-\u202e7\u200b"
    device = pairing.Device(server, evil, "\u2066x", {"\u202ename": "\ufeff"})
    for output in ("json", "table"):
        for words in (("show", device.code), ("list",)):
            said = server.vouch("--output", output, "pair", *words).stdout
            assert not set(said) & set("\u202e\u200b\u2066\ufeff"), (output, words)
            assert ("SN-\\u202e7\\u200b" if output == "json" else "SN-?7?") in said
    assert json.loads(server.vouch("pair", "show", device.code).stdout)["serialNumber"] == evil


def test_the_command_line_follows_to_the_end(server):
    device = pairing.Device(server, "cli-2")
    done = {}

    def run():
        done["it"] = server.vouch("pair", "approve", device.code, "--template", vouch.TEMPLATE, "--parameter", "ThingName=cli-2", "--wait", check=False)
    thread = threading.Thread(target=run)
    thread.start()
    said, identity = None, None
    answer = device.poll(wait=20)
    if answer["state"] == "LOOKED_AT":
        answer = device.poll(wait=20)
    said, identity = device.provision(answer, "cli-2")
    with mqtt.Client(server, identity) as client:
        client.connect("cli-2")
        thread.join(30)
    assert done["it"].returncode == 0, done["it"].stderr
    assert [line.split(": ")[1] for line in done["it"].stderr.splitlines()] == pairing.STEPS
    assert json.loads(done["it"].stdout)["state"] == "DONE"
    failed = pairing.Device(server)
    claim = failed.approve(parameters={"ThingName": "cli-3"})["claimId"]
    own.call(server, "DELETE", f"/_vouch/claims/{claim}")
    assert server.vouch("pair", "show", failed.id).returncode == 0


# ---- beside other things ----

def test_a_plain_claim_has_no_pairing(server):
    """Provisioning without pairing leaves no trace of it."""
    before = len(own.call(server, "GET", PAIRINGS + "?maxResults=250")["pairings"])
    claim = own.claim(server, parameters={"ThingName": "plain"})
    with mqtt.Client(server, claim) as client:
        client.connect("plain")
        accepted, made = client.request(mqtt.CREATE, {})
        assert accepted
        assert pairing.Device.register(client, made, {})[0]
    rows = [r for r in own.ledger(server) if r.get("claimId") == claim.id]
    assert rows and not any("pairingId" in (r.get("detail") or "") for r in rows)
    assert len(own.call(server, "GET", PAIRINGS + "?maxResults=250")["pairings"]) == before
