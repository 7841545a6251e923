"""A device asks for its successor under its own identity: same thing, same policies, the old one ends when the new one has come."""
import json
import threading

import pytest

import mqtt
import own
import vouch
from test_claims import ARN, connected, device_of, eventually, register, status
from test_workshop import provision

REGISTER = mqtt.register_topic(vouch.TEMPLATE)
MAY_ROTATE = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["iot:Connect", "iot:Receive"], "Resource": "*"},
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": [
        ARN + "topic/$aws/certificates/create/*", ARN + "topic/$aws/certificates/create-from-csr/*",
        ARN + f"topic/$aws/provisioning-templates/{vouch.TEMPLATE}/provision/*"]}]}


@pytest.fixture(scope="module")
def rotating(server):
    iot = server.boto()
    iot.create_policy(policyName="MayRotate", policyDocument=json.dumps(MAY_ROTATE))
    own.call(server, "PUT", f"/_vouch/templates/{vouch.TEMPLATE}/settings", {"rotation": True})
    return server


def device(server, thing, rotates=True):
    iot = server.boto()
    made = provision(server, server.claim(iot), thing)
    if rotates:
        iot.attach_policy(policyName="MayRotate", target=f"{ARN}cert/{made.id}")
    return made


def ask(client, csr=None, parameters=None):
    """Whether it was accepted, the answer, what was made."""
    accepted, made = client.request(mqtt.CREATE_CSR, {"certificateSigningRequest": csr}) if csr else client.request(mqtt.CREATE, {})
    assert accepted, made
    return (*client.request(REGISTER, {"certificateOwnershipToken": made["certificateOwnershipToken"], **(parameters or {})}), made)


def policies(iot, certificate):
    return sorted(p["policyName"] for p in iot.list_attached_policies(target=f"{ARN}cert/{certificate}")["policies"])


def test_the_successor_has_what_the_old_one_had(rotating):
    iot = rotating.boto()
    old = device(rotating, "rotor")
    iot.create_thing_group(thingGroupName="Spinning")
    iot.add_thing_to_thing_group(thingName="rotor", thingGroupName="Spinning")
    with connected(rotating, old, "rotor") as before:
        private, _ = own.key_pair()
        accepted, answer, made = ask(before, own.request_for(private))
        assert accepted and answer == {"deviceConfiguration": {}, "thingName": "rotor"}
        assert status(iot, made) == status(iot, {"certificateId": old.id}) == "ACTIVE"
        assert policies(iot, made["certificateId"]) == policies(iot, old.id) == ["MayRotate", "pubsub"]
        assert len(iot.list_thing_principals(thingName="rotor")["principals"]) == 2
        before.ping()  # nothing changed for the old one yet
        new = vouch.Identity(rotating.home, made["certificateId"], made["certificatePem"], private)
        with connected(rotating, new, "rotor-new") as after:
            eventually(lambda: status(iot, {"certificateId": old.id}) == "INACTIVE")
            assert before.expect_closed(timeout=2)
            after.ping()
            # And on from there.
            accepted, _, third = ask(after)
            assert accepted and status(iot, third) == "ACTIVE"
    assert iot.list_thing_groups_for_thing(thingName="rotor")["thingGroups"][0]["groupName"] == "Spinning"
    with pytest.raises((mqtt.Closed, AssertionError)):
        connected(rotating, old, "rotor")
    rows = own.ledger(rotating, event="certificate-rotated", thingName="rotor")
    assert rows[0]["certificateId"] == made["certificateId"] and old.id in rows[0]["detail"]
    assert [r["certificateId"] for r in own.ledger(rotating, event="certificate-retired")][0] == old.id


def test_another_thing_cannot_be_named(rotating):
    old = device(rotating, "modest")
    with connected(rotating, old, "modest") as client:
        accepted, answer, _ = ask(client, parameters={"parameters": {"ThingName": "somebody-else"}})
        assert accepted and answer["thingName"] == "modest"
    assert "somebody-else" not in [t["thingName"] for t in rotating.boto().list_things()["things"]]


def test_an_answer_that_got_lost_costs_nothing(rotating):
    iot = rotating.boto()
    old = device(rotating, "forgetful")
    with connected(rotating, old, "forgetful") as client:
        _, _, lost = ask(client)
        _, _, kept = ask(client)
    assert status(iot, lost) == "INACTIVE" and status(iot, kept) == "ACTIVE"
    with connected(rotating, device_of(rotating, kept), "forgetful"):
        eventually(lambda: status(iot, {"certificateId": old.id}) == "INACTIVE")
    assert [status(iot, {"certificateId": p.rsplit("/", 1)[1]}) for p in iot.list_thing_principals(thingName="forgetful")["principals"]].count("ACTIVE") == 1


def test_without_the_policy_there_is_no_rotation(rotating):
    plain = device(rotating, "plain", rotates=False)
    with connected(rotating, plain, "plain") as client:
        client.send(mqtt.publish(mqtt.CREATE, b"{}", 1))
        assert client.expect_closed()


def test_without_the_templates_leave_there_is_no_rotation(rotating):
    iot = rotating.boto()
    old = device(rotating, "stuck")
    path = f"/_vouch/templates/{vouch.TEMPLATE}/settings"
    own.call(rotating, "PUT", path, {"rotation": False})
    try:
        with connected(rotating, old, "stuck") as client:
            accepted, answer, made = ask(client, parameters={"parameters": {"ThingName": "stuck"}})
            assert not accepted and answer["statusCode"] == 409
            assert status(iot, made) == "PENDING_ACTIVATION"
    finally:
        own.call(rotating, "PUT", path, {"rotation": True})


def test_the_old_one_may_stay_for_a_while():
    with vouch.Server("--test-clock") as server:
        iot = server.prepare_workshop()
        iot.create_policy(policyName="MayRotate", policyDocument=json.dumps(MAY_ROTATE))
        own.call(server, "PUT", f"/_vouch/templates/{vouch.TEMPLATE}/settings", {"rotation": True, "rotationGraceSeconds": 600})
        old = device(server, "patient")
        with connected(server, old, "patient") as client:
            _, _, made = ask(client)
            with connected(server, device_of(server, made), "patient-new"):
                eventually(lambda: own.ledger(server, event="certificate-succeeded"))
                assert status(iot, {"certificateId": old.id}) == "ACTIVE"
                # It has its successor now.
                accepted, answer, _ = ask(client)
                assert not accepted and (answer["statusCode"], answer["errorCode"]) == (403, "AccessDenied")
                assert "successor" in answer["errorMessage"]
                server.advance_clock(601)
                assert client.expect_closed(timeout=5)
        server.wait_log("certificate-inactive", 5)
        assert own.metric(server, "vouch_certificates_retired_total") == 1


def test_two_at_once_leave_one_successor(rotating):
    iot = rotating.boto()
    old = device(rotating, "hasty")
    clients = [connected(rotating, old, f"hasty-{i}") for i in range(3)]
    made = [c.request(mqtt.CREATE, {})[1] for c in clients]
    barrier, results = threading.Barrier(3), [None] * 3

    def race(i):
        barrier.wait()
        results[i] = clients[i].request(REGISTER, {"certificateOwnershipToken": made[i]["certificateOwnershipToken"]})

    threads = [threading.Thread(target=race, args=(i,)) for i in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    [c.close() for c in clients]
    assert all(ok for ok, _ in results), results
    assert [status(iot, m) for m in made].count("ACTIVE") == 1


def test_a_rotation_does_not_outlive_a_replacement(rotating):
    """Somebody vouched for a new device in the thing's place: whoever has the old key does not stay by rotating meanwhile."""
    iot = rotating.boto()
    old = device(rotating, "pushed-out")
    accepted, _, heir = register(connected(rotating, own.claim(rotating, thingName="pushed-out"), "pushed-out-claim"), "pushed-out")
    assert accepted
    with connected(rotating, old, "pushed-out") as thief:
        accepted, _, stolen = ask(thief)
        assert accepted and status(iot, stolen) == "ACTIVE"
    with connected(rotating, device_of(rotating, stolen), "pushed-out-thief") as thief:
        with connected(rotating, device_of(rotating, heir), "pushed-out") as rightful:
            eventually(lambda: status(iot, stolen) == "INACTIVE")
            assert thief.expect_closed(timeout=2)
            rightful.ping()
    assert status(iot, {"certificateId": old.id}) == "INACTIVE" and status(iot, heir) == "ACTIVE"
