"""What a device must live through, made to happen: faults on provisioning topics, and a clock that goes where it is told."""
import json
import time

import pytest

import mqtt
import vouch
from test_api import send, signed
from test_api_iam import IR, LE, call
from test_provisioning import snapshot

REGISTER = mqtt.register_topic(vouch.TEMPLATE)


@pytest.fixture(scope="module")
def faulty():
    with vouch.Server("--test-clock") as running:
        running.prepare_workshop()
        yield running


def client_of(server, client_id="device-1"):
    client = mqtt.Client(server, server.claim())
    client.connect(client_id)
    return client


def fault(server, kind, **more):
    return call(server, "POST", "/test/faults", {"kind": kind, **more})["faultId"]


def test_without_the_test_clock_there_are_none(server):
    for method, body in (("POST", {"kind": "drop"}), ("GET", None), ("DELETE", None)):
        call(server, method, "/test/faults", body, expect=(404, "UnknownOperationException"))


def test_faults_are_listed_and_cleared(faulty):
    for bad in ({}, {"kind": "x"}, {"kind": "drop", "count": 0}, {"kind": "delay", "delayMs": -1}, {"kind": "drop", "operation": "Other"}):
        call(faulty, "POST", "/test/faults", bad, expect=IR)
    number = fault(faulty, "delay", delayMs=5, count=3, operation="RegisterThing", clientId="nobody")
    assert call(faulty, "GET", "/test/faults")["faults"] == [
        {"faultId": number, "kind": "delay", "operation": "RegisterThing", "clientId": "nobody", "delayMs": 5, "count": 3}]
    for _ in range(63):
        fault(faulty, "drop", clientId="nobody")
    call(faulty, "POST", "/test/faults", {"kind": "drop"}, expect=LE)
    call(faulty, "DELETE", "/test/faults")
    assert call(faulty, "GET", "/test/faults")["faults"] == []


def test_a_request_is_refused_as_too_fast_so_often_as_asked(faulty):
    fault(faulty, "throttle", count=2)
    fault(faulty, "throttle", clientId="somebody else")
    with client_of(faulty) as client:
        for _ in range(2):
            accepted, answer = client.request(mqtt.CREATE, b"")
            assert not accepted and (answer["statusCode"], answer["errorCode"]) == (429, "Throttled")
        assert client.request(mqtt.CREATE, b"")[0]
    call(faulty, "DELETE", "/test/faults")


def test_an_answer_that_is_dropped_was_given(faulty):
    with client_of(faulty) as client:
        token = client.request(mqtt.CREATE, b"")[1]["certificateOwnershipToken"]
        request = json.dumps({"certificateOwnershipToken": token, "parameters": {"ThingName": "dropped"}}).encode()
        fault(faulty, "drop", operation="RegisterThing")
        client.publish(REGISTER, request)
        with pytest.raises(TimeoutError):
            client.message(timeout=1)
        client.ping()
        assert "dropped" in [thing["thingName"] for thing in faulty.boto().list_things()["things"]]
        # What a device does then: the same bytes again get the answer.
        assert client.request(REGISTER, request) == (True, {"deviceConfiguration": {}, "thingName": "dropped"})


def test_an_answer_comes_late(faulty):
    with client_of(faulty) as client:
        fault(faulty, "delay", operation="CreateKeysAndCertificate", delayMs=700)
        started = time.monotonic()
        client.publish(mqtt.CREATE, b"")
        assert client.request(mqtt.CREATE_CSR, {"certificateSigningRequest": "x"})[0] is False
        assert client.message()[0].endswith("/accepted") and time.monotonic() - started >= 0.65  # loops count in milliseconds of their own


def test_what_is_kept_back_is_given_up_with_the_server():
    with vouch.Server("--test-clock") as server:
        server.prepare_workshop()
        with client_of(server) as client:
            fault(server, "delay", delayMs=600000)
            client.publish(mqtt.CREATE, b"")
            client.ping()
            server.wait_log("operation=CreateKeysAndCertificate result=accepted")


def test_a_hook_times_out(faulty):
    before = snapshot(faulty.boto())
    with client_of(faulty) as client:
        token = client.request(mqtt.CREATE, b"")[1]["certificateOwnershipToken"]
        request = {"certificateOwnershipToken": token, "parameters": {"ThingName": "timed-out"}}
        fault(faulty, "hook-timeout", operation="RegisterThing")
        accepted, answer = client.request(REGISTER, request)
        assert not accepted and (answer["statusCode"], answer["errorCode"]) == (403, "AccessDenied") and "in time" in answer["errorMessage"]
        assert snapshot(faulty.boto()) == before and "reason=hook-timeout" in faulty.log_text()
        assert client.request(REGISTER, request)[0]


# ---- the clock

def provisioned(server, name):
    claim = server.claim()
    with mqtt.Client(server, claim) as client:
        client.connect(name)
        made = client.request(mqtt.CREATE, b"")[1]
        assert client.request(REGISTER, {"certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {"ThingName": name}})[0]
    return vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["privateKey"])


def refused_handshake(server, identity):
    try:
        with mqtt.Client(server, identity) as client:
            client.connect("late")
    except (mqtt.Closed, AssertionError):
        return True
    return False


def test_five_minutes_later_a_claim_has_ended(clock_server):
    claim = clock_server.claim()
    with mqtt.Client(clock_server, claim) as client:
        client.connect("early")
        client.ping()
        clock_server.advance_clock(299)
        assert client.request(mqtt.CREATE, b"")[0]
        clock_server.advance_clock(62)
        assert client.expect_closed()
    assert refused_handshake(clock_server, claim)
    clock_server.advance_clock(-361)
    assert not refused_handshake(clock_server, claim)


def test_an_hour_later_tokens_and_waiting_certificates_have_ended(clock_server):
    claim = clock_server.claim()
    with mqtt.Client(clock_server, claim) as client:
        client.connect("slow")
        token = client.request(mqtt.CREATE, b"")[1]["certificateOwnershipToken"]
        clock_server.advance_clock(3601)
        assert client.expect_closed()
    clock_server.advance_clock(-3601)
    # Back before its end the token is good again, for whoever still has the claim.
    with mqtt.Client(clock_server, claim) as client:
        client.connect("slow")
        assert client.request(REGISTER, {"certificateOwnershipToken": token, "parameters": {"ThingName": "in-time"}})[0]
    assert "too-late" not in [thing["thingName"] for thing in clock_server.boto().list_things()["things"]]


def test_past_the_end_of_a_certificate_and_back(clock_server):
    device = provisioned(clock_server, "ages")
    with mqtt.Client(clock_server, device) as client:
        client.connect("ages")
        # The certificates of devices end with 2049.
        years = 2050 - 2026 + 1
        for _ in range(years // 9 + 1):
            clock_server.advance_clock(9 * 365 * 86400)
        assert client.expect_closed()
    assert refused_handshake(clock_server, device)
    for _ in range(years // 9 + 1):
        clock_server.advance_clock(-9 * 365 * 86400)
    with mqtt.Client(clock_server, device) as client:
        client.connect("ages")
        client.ping()


def test_back_in_time_nothing_is_valid_yet(clock_server):
    device, claim = provisioned(clock_server, "young"), clock_server.claim()
    with mqtt.Client(clock_server, device) as client:
        client.connect("young")
        clock_server.advance_clock(-86400)
        assert client.expect_closed()
    assert refused_handshake(clock_server, device) and refused_handshake(clock_server, claim)
    assert "certificate-not-yet-valid" in clock_server.log_text()
    # What is made in that time is good in that time.
    provisioned_then = call_then(clock_server)
    with mqtt.Client(clock_server, provisioned_then) as client:
        client.connect("earlier")
    clock_server.advance_clock(86400)
    with mqtt.Client(clock_server, device) as client:
        client.connect("young")
    with mqtt.Client(clock_server, claim) as client:
        client.connect("claimed")
        assert client.request(mqtt.CREATE, b"")[0]


def call_then(server):
    """A claim asked for by a client whose clock is the server's."""
    import datetime

    import botocore.auth
    original = botocore.auth.datetime.datetime

    class Moved(original):
        @classmethod
        def utcnow(cls):
            return original.utcnow() + datetime.timedelta(seconds=server.advanced)
    botocore.auth.datetime.datetime = Moved
    try:
        return provisioned(server, "earlier")
    finally:
        botocore.auth.datetime.datetime = original
