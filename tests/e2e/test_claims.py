"""Bound claims, what a thief can do with one, taking over, and rotation: each refusal with its name."""
import json
import ssl
import threading
import time

import pytest

import mqtt
import own
import vouch
from test_workshop import provision

REGISTER = mqtt.register_topic(vouch.TEMPLATE)
ARN = f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:"


def reason(server, client_id, operation):
    """What the log says of the last request of a client."""
    lines = [line for line in server.log_text().splitlines() if " provisioning " in line and f"client={client_id} " in line and operation in line]
    return lines[-1].split(" reason=")[1].split()[0]


def connected(server, identity, client_id):
    client = mqtt.Client(server, identity)
    client.connect(client_id)
    return client


def register(client, thing=None, token=None, topic=REGISTER, **parameters):
    if thing:
        parameters["ThingName"] = thing
    made = None
    if not token:
        accepted, made = client.request(mqtt.CREATE, {})
        assert accepted, made
        token = made["certificateOwnershipToken"]
    return (*client.request(topic, {"certificateOwnershipToken": token, "parameters": parameters}), made)


def device_of(server, made):
    return vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["privateKey"])


def status(iot, made):
    return iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]["status"]


def eventually(what, timeout=10):
    deadline = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def denied(answer, *words):
    accepted, said = answer[0], answer[1]
    assert not accepted and (said["statusCode"], said["errorCode"]) == (403, "AccessDenied"), said
    assert all(w in said["errorMessage"] for w in words), said


# ---- bindings ----

def test_a_claim_for_one_thing_makes_no_other(server):
    claim = own.claim(server, thingName="bound-1")
    with connected(server, claim, "bound-1") as client:
        denied(register(client, "other-1"), "another thing")
        assert reason(server, "bound-1", "RegisterThing") == "claim-thing"
        accepted, answer, _ = register(client, "bound-1")
        assert accepted and answer["thingName"] == "bound-1"
    assert "other-1" not in [t["thingName"] for t in server.boto().list_things()["things"]]


def test_fixed_parameters_are_filled_in_and_kept(server):
    claim = own.claim(server, parameters={"ThingName": "fixed-1"})
    with connected(server, claim, "fixed") as client:
        denied(register(client, "free-1"), "ThingName", "another value")
        assert reason(server, "fixed", "RegisterThing") == "claim-parameter"
        accepted, answer, _ = register(client)  # the device need not know it
        assert accepted and answer["thingName"] == "fixed-1"


def test_a_claim_of_a_network_is_refused_elsewhere_by_name(server):
    claim = own.claim(server, source="192.0.2.0/24")
    with mqtt.Client(server, claim) as client:
        client.connect("elsewhere", expect=5)
    server.wait_log("reason=claim-source")
    eventually(lambda: own.ledger(server, event="claim-alarm", claimId=claim.id))
    assert own.ledger(server, event="claim-alarm", claimId=claim.id)[0]["outcome"] == "other-network"
    for network in ("127.0.0.0/8", "127.0.0.1", "0.0.0.0/0"):
        with connected(server, own.claim(server, source=network), "here") as client:
            client.ping()


@pytest.mark.parametrize("form", ["publicKey", "certificateSigningRequest"])
def test_a_claim_for_the_devices_own_key_is_worth_nothing_without_it(server, form):
    private, public = own.key_pair()
    given = public if form == "publicKey" else own.request_for(private)
    claim = own.claim(server, own_key=private, **{form: given})
    stranger = vouch.Identity(server.home, "stranger-" + form, claim.certificate, own.key_pair()[0])
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        mqtt.Client(server, stranger)
    with connected(server, claim, "own-key-" + form) as client:
        other, _ = own.key_pair()
        accepted, made = client.request(mqtt.CREATE_CSR, {"certificateSigningRequest": own.request_for(other)})
        assert accepted, made  # the permanent key may be another
        accepted, _ = client.request(REGISTER, {"certificateOwnershipToken": made["certificateOwnershipToken"],
                                                "parameters": {"ThingName": "own-key-" + form}})
        assert accepted
    bindings = own.call(server, "GET", f"/_vouch/claims/{claim.id}")["bindings"]
    assert len(bindings["key"]) == 64 and "sameKey" not in bindings


def test_a_claim_may_ask_for_the_same_key(server):
    private, public = own.key_pair()
    claim = own.claim(server, own_key=private, publicKey=public, sameKey=True)
    with connected(server, claim, "same-key") as client:
        denied(client.request(mqtt.CREATE_CSR, {"certificateSigningRequest": own.request_for(own.key_pair()[0])}), "own key")
        assert reason(server, "same-key", "CreateCertificateFromCsr") == "claim-key"
        denied(client.request(mqtt.CREATE, {}), "own key")
        assert reason(server, "same-key", "CreateKeysAndCertificate") == "claim-key"
        accepted, made = client.request(mqtt.CREATE_CSR, {"certificateSigningRequest": own.request_for(private)})
        assert accepted
        accepted, _ = client.request(REGISTER, {"certificateOwnershipToken": made["certificateOwnershipToken"],
                                                "parameters": {"ThingName": "same-key"}})
        assert accepted


def test_uses_and_life(clock_server):
    server = clock_server
    claim = own.claim(server, maxUses=2, lifetimeSeconds=3600)
    server.advance_clock(1800)
    server.admin_skew = 1800
    for n in (1, 2):
        with connected(server, claim, f"use-{n}") as client:
            accepted, _, _ = register(client, f"use-{n}")
            assert accepted
    with connected(server, claim, "use-3") as client:
        denied(client.request(mqtt.CREATE, {}), "used")
        server.advance_clock(1801)
        assert client.expect_closed(timeout=5)


def test_what_no_claim_can_be_bound_to(server):
    def bad(message, **body):
        assert message in own.refused(server, 400, "InvalidRequestException", "POST", "/_vouch/claims", {"templateName": vouch.TEMPLATE, **body})
    private, public = own.key_pair()
    bad("thingName", thingName="no spaces")
    bad("network", source="10.0.0.0/33")
    bad("network", source="everywhere")
    bad("maxUses", maxUses=0)
    bad("lifetimeSeconds", lifetimeSeconds=0)
    bad("lifetimeSeconds", lifetimeSeconds=86401)
    bad("public key", publicKey="-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    bad("publicKey", publicKey=private)
    bad("exclude", publicKey=public, certificateSigningRequest=own.request_for(private))
    bad("sameKey", sameKey=True)
    bad("AWS::IoT", parameters={"AWS::IoT::Certificate::Id": "x"})
    bad("parameters", parameters={str(i): "x" for i in range(51)})
    assert "NoSuch" in own.refused(server, 404, "ResourceNotFoundException", "POST", "/_vouch/claims", {"templateName": "NoSuch"})


def test_a_shorter_maximum_of_life():
    with vouch.Server("--claim-life-max", "600") as server:
        server.prepare_workshop()
        said = own.refused(server, 400, "InvalidRequestException", "POST", "/_vouch/claims",
                           {"templateName": vouch.TEMPLATE, "lifetimeSeconds": 601})
        assert "600 seconds" in said
        assert own.claim(server, lifetimeSeconds=600).expiration - time.time() > 590


def test_a_bound_claim_needs_both_permissions(server):
    template = ARN + "provisioningtemplate/" + vouch.TEMPLATE
    half = own.user(server, "half", ("vouch:CreateClaim", template))
    other = own.user(server, "other-half", ("iot:CreateProvisioningClaim", template))
    both = own.user(server, "both", (["iot:CreateProvisioningClaim", "vouch:CreateClaim"], template))
    for key in (half, other):
        own.refused(server, 403, "AccessDeniedException", "POST", "/_vouch/claims", {"templateName": vouch.TEMPLATE}, key)
    assert own.claim(server, both).id


def test_cancelling_cuts_the_session_at_once(server):
    claim = own.claim(server, maxUses=5)
    with connected(server, claim, "cut") as client:
        client.ping()
        own.call(server, "DELETE", f"/_vouch/claims/{claim.id}")
        assert client.expect_closed(timeout=1)
    with pytest.raises((mqtt.Closed, AssertionError)):
        connected(server, claim, "cut")
    assert own.call(server, "GET", f"/_vouch/claims/{claim.id}")["state"] == "CANCELLED"
    own.refused(server, 404, "ResourceNotFoundException", "DELETE", "/_vouch/claims/" + "0" * 64)
    listed = own.call(server, "GET", "/_vouch/claims?maxResults=250")["claims"]
    assert claim.id in [c["claimId"] for c in listed]


def test_a_plain_claim_is_as_aws_makes_it(server):
    claim = server.claim()
    shown = own.call(server, "GET", f"/_vouch/claims/{claim.id}")
    assert shown["bindings"] == {} and shown["maxUses"] == 1 and shown["alarms"] == []
    assert shown["expiration"] - shown["creationDate"] == pytest.approx(300, abs=1)


def test_the_command_line(server, tmp_path):
    private, public = own.key_pair()
    (tmp_path / "key.pub").write_text(public)
    made = json.loads(server.vouch("claim", "create", "--template", vouch.TEMPLATE, "--out", str(tmp_path / "claim"), "--thing-name", "by-hand",
                                   "--parameter", "ThingName=by-hand", "--uses", "3", "--ttl", "900", "--source", "127.0.0.1",
                                   "--public-key", str(tmp_path / "key.pub")).stdout)
    files = {p.name for p in (tmp_path / "claim").iterdir()}
    assert files == {"claim.pem.crt", "root-ca.pem", "bundle.json"}
    shown = json.loads(server.vouch("claim", "show", made["certificateId"]).stdout)
    assert shown["bindings"]["thingName"] == "by-hand" and shown["bindings"]["parameters"] == {"ThingName": "by-hand"}
    assert shown["maxUses"] == 3
    claim = vouch.Identity(server.home, "by-hand", (tmp_path / "claim" / "claim.pem.crt").read_text(), private)
    with connected(server, claim, "by-hand") as client:
        assert register(client)[0]
    server.vouch("claim", "cancel", made["certificateId"])
    assert json.loads(server.vouch("claim", "get", made["certificateId"]).stdout)["state"] == "CANCELLED"


# ---- in other hands ----

def watcher(server):
    """A device that may see the server's events."""
    iot = server.boto()
    watch = provision(server, server.claim(iot), "watcher")
    iot.create_policy(policyName="Watch", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["iot:Connect", "iot:Subscribe", "iot:Receive", "iot:Publish"], "Resource": "*"}]}))
    iot.attach_policy(policyName="Watch", target=f"{ARN}cert/{watch.id}")
    client = connected(server, watch, "watcher")
    assert client.subscribe("$vouch/events/claims/#") in ([0], [1])
    return client


def test_alarms_are_events_metrics_and_ledger_rows():
    with vouch.Server() as server:
        server.prepare_workshop()
        with watcher(server) as client:
            claim = server.claim()
            with connected(server, claim, "first-hand") as first:
                accepted, _, _ = register(first, "first-hand")
                assert accepted
            with connected(server, claim, "second-hand") as second:
                denied(second.request(mqtt.CREATE, {}), "used")
                denied(second.request(mqtt.CREATE, {}), "used")
            seen = {}
            for _ in range(2):
                topic, payload = client.message(10)
                event = json.loads(payload)
                assert topic == "$vouch/events/claims/" + event["eventType"]
                seen[event["eventType"]] = event
            assert set(seen) == {"second-use", "unknown-client"}
            assert seen["unknown-client"]["firstClientId"] == "first-hand" and seen["unknown-client"]["clientId"] == "second-hand"
            assert seen["second-use"]["claimId"] == claim.id
            with pytest.raises(TimeoutError):
                client.message(0.5)  # each but once
            kinds = sorted(r["outcome"] for r in own.ledger(server, event="claim-alarm", claimId=claim.id))
            assert kinds == ["second-use", "unknown-client"]
            assert own.metric(server, 'vouch_claim_alarms_total{kind="second-use"}') == 1
            assert sorted(own.call(server, "GET", f"/_vouch/claims/{claim.id}")["alarms"]) == ["second-use", "unknown-client"]
            # No client speaks for the server, whatever its policy says.
            client.send(mqtt.publish("$vouch/events/claims/second-use", b"{}", 1))
            assert client.expect_closed()


def test_a_claim_for_several_devices_is_used_by_several(server):
    claim = own.claim(server, maxUses=12)
    clients = [connected(server, claim, f"crew-{i}") for i in range(12)]
    made = [c.request(mqtt.CREATE, {}) for c in clients]  # more at once than one device may have waiting
    assert all(ok for ok, _ in made)
    for i, client in enumerate(clients):
        assert register(client, f"crew-{i}", token=made[i][1]["certificateOwnershipToken"])[0]
        client.close()
    shown = own.call(server, "GET", f"/_vouch/claims/{claim.id}")
    assert (shown["uses"], shown["state"], shown["alarms"]) == (12, "SPENT", [])


def test_an_event_needs_permission_like_any_topic(server):
    device = provision(server, server.claim(), "blind")
    with connected(server, device, "blind") as client:
        assert client.subscribe("$vouch/events/claims/#") == [0x80]


def test_two_devices_with_one_claim_become_one(server):
    claim = own.claim(server, thingName="only-one")
    clients = [connected(server, claim, f"twin-{i}") for i in range(2)]
    tokens = [c.request(mqtt.CREATE, {})[1]["certificateOwnershipToken"] for c in clients]
    results, barrier = [None, None], threading.Barrier(2)

    def race(i):
        barrier.wait()
        results[i] = clients[i].request(REGISTER, {"certificateOwnershipToken": tokens[i], "parameters": {"ThingName": "only-one"}})

    threads = [threading.Thread(target=race, args=(i,)) for i in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    [c.close() for c in clients]
    assert sorted(ok for ok, _ in results) == [False, True]
    assert len(server.boto().list_thing_principals(thingName="only-one")["principals"]) == 1
    eventually(lambda: own.ledger(server, event="claim-alarm", claimId=claim.id, outcome="second-use"))


# ---- taking over ----

@pytest.fixture
def takeover(server):
    """Sets what happens to a thing that has a certificate; back to the default afterwards."""
    def put(**settings):
        return own.call(server, "PUT", f"/_vouch/templates/{vouch.TEMPLATE}/settings", settings)
    yield put
    put(onActive="default", rotation=False, rotationGraceSeconds=0)


def again(server, thing, claim=None):
    """The same device once more: its answer, and what was made."""
    with connected(server, claim or server.claim(), "again-" + thing) as client:
        accepted, answer, made = register(client, thing)
    return accepted, answer, made


def test_deny_is_the_default_for_a_claim_that_names_no_thing(server):
    iot = server.boto()
    old = provision(server, server.claim(iot), "taken")
    accepted, answer, made = again(server, "taken")
    assert not accepted and (answer["statusCode"], answer["errorCode"]) == (409, "ResourceConflictsException")
    assert status(iot, {"certificateId": old.id}) == "ACTIVE" and status(iot, made) == "PENDING_ACTIVATION"


def test_a_claim_for_the_thing_replaces_after_the_new_one_connected(server):
    iot = server.boto()
    old = provision(server, server.claim(iot), "replaced")
    accepted, _, made = again(server, "replaced", own.claim(server, thingName="replaced"))
    assert accepted and status(iot, made) == "ACTIVE"
    assert status(iot, {"certificateId": old.id}) == "ACTIVE"  # until the new one is seen
    with connected(server, old, "replaced") as before:
        with connected(server, device_of(server, made), "replaced"):
            eventually(lambda: status(iot, {"certificateId": old.id}) == "INACTIVE")
            assert before.expect_closed(timeout=2)
    assert len([t for t in iot.list_things()["things"] if t["thingName"] == "replaced"]) == 1
    row = own.ledger(server, event="certificate-retired", certificateId=old.id)[0]
    assert made["certificateId"] in row["detail"]


def test_keep_leaves_both_in_force(server, takeover):
    iot = server.boto()
    takeover(onActive="keep")
    old = provision(server, server.claim(iot), "kept")
    accepted, _, made = again(server, "kept")
    assert accepted
    with connected(server, device_of(server, made), "kept") as client:
        client.ping()
        assert status(iot, {"certificateId": old.id}) == status(iot, made) == "ACTIVE"


def test_replace_now_ends_the_old_one_with_the_registration(server, takeover):
    iot = server.boto()
    takeover(onActive="replace-now")
    old = provision(server, server.claim(iot), "now")
    with connected(server, old, "now") as before:
        accepted, _, made = again(server, "now")
        assert accepted and status(iot, {"certificateId": old.id}) == "INACTIVE"
        assert before.expect_closed(timeout=2)
    assert status(iot, made) == "ACTIVE"


def test_settings_of_a_template(server, takeover):
    path = f"/_vouch/templates/{vouch.TEMPLATE}/settings"
    assert own.call(server, "GET", path) == {"templateName": vouch.TEMPLATE, "onActive": "default", "rotation": False, "rotationGraceSeconds": 0}
    assert takeover(onActive="deny", rotation=True)["rotation"] is True
    assert takeover(rotationGraceSeconds=60) == {"templateName": vouch.TEMPLATE, "onActive": "deny", "rotation": True, "rotationGraceSeconds": 60}
    own.refused(server, 400, "InvalidRequestException", "PUT", path, {"onActive": "perhaps"})
    for method, body in (("GET", None), ("PUT", {"onActive": "keep"})):
        own.refused(server, 404, "ResourceNotFoundException", method, "/_vouch/templates/NoSuch/settings", body)
    claim = own.claim(server, thingName="denied-too")
    provision(server, server.claim(), "denied-too")
    accepted, answer, _ = again(server, "denied-too", claim)
    assert not accepted and answer["statusCode"] == 409


def test_many_registrations_of_one_thing_at_once_leave_one_certificate(server, takeover):
    """Without a certificate before: of many that name the thing, one gets it."""
    iot = server.boto()
    clients = [connected(server, server.claim(iot), f"crowd-{i}") for i in range(4)]
    made = [c.request(mqtt.CREATE, {})[1] for c in clients]
    results, barrier = [None] * 4, threading.Barrier(4)

    def race(i):
        barrier.wait()
        results[i] = clients[i].request(REGISTER, {"certificateOwnershipToken": made[i]["certificateOwnershipToken"],
                                                   "parameters": {"ThingName": "crowd"}})[0]

    threads = [threading.Thread(target=race, args=(i,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    [c.close() for c in clients]
    assert sum(results) == 1
    assert [status(iot, m) for m in made].count("ACTIVE") == 1
    assert len(iot.list_thing_principals(thingName="crowd")["principals"]) == 1


def test_what_the_claim_fixes_wins_over_a_hook(server):
    """An allow-list that would send the device elsewhere."""
    body = (vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text()
    arn = f"arn:aws:lambda:{vouch.REGION}:{vouch.ACCOUNT}:function:Elsewhere"
    own.call(server, "PUT", "/_vouch/hooks/Elsewhere", {"kind": "allowlist", "target": "SerialNumber", "targetArn": arn})
    own.call(server, "POST", "/_vouch/hooks/Elsewhere/serials", {"serials": [{"serial": "77", "parameterOverrides": {"ThingName": "hooked-thing"}}]})
    server.boto().create_provisioning_template(templateName="Hooked", provisioningRoleArn=vouch.ROLE, templateBody=body, enabled=True,
                                               preProvisioningHook={"targetArn": arn})
    topic = mqtt.register_topic("Hooked")
    claim = own.claim(server, template="Hooked", parameters={"ThingName": "fixed-thing"})
    with connected(server, claim, "hooked") as client:
        accepted, answer, _ = register(client, SerialNumber="77", topic=topic)
        assert accepted and answer["thingName"] == "fixed-thing", answer
    with connected(server, server.claim(template="Hooked"), "unfixed") as client:
        accepted, answer, _ = register(client, "mine", SerialNumber="77", topic=topic)
        assert accepted and answer["thingName"] == "hooked-thing", answer
