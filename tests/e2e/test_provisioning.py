"""Provisioning over MQTT: what is accepted, and each refusal with nothing changed behind it."""
import json
import ssl
import subprocess
import threading

import pytest

import mqtt
import vouch
from test_workshop import provision

REGISTER = mqtt.register_topic(vouch.TEMPLATE)


def snapshot(iot):
    """What must not change when a request is refused. Waiting certificates are left out."""
    return (sorted(t["thingName"] for t in iot.list_things()["things"]),
            sorted((c["certificateId"], c["status"]) for c in iot.list_certificates(pageSize=250)["certificates"]
                   if c["status"] != "PENDING_ACTIVATION"),
            sorted(p["policyName"] for p in iot.list_policies()["policies"]))


def claim_client(server, claim, client_id="installer-1"):
    client = mqtt.Client(server, claim)
    client.connect(client_id)
    return client


def created(client):
    accepted, made = client.request(mqtt.CREATE, b"")
    assert accepted, made
    return made


def rejected(client, topic, payload, status, code):
    accepted, answer = client.request(topic, payload)
    assert not accepted, answer
    assert set(answer) == {"statusCode", "errorCode", "errorMessage"}
    assert (answer["statusCode"], answer["errorCode"]) == (status, code), answer
    assert answer["errorMessage"] and len(answer["errorMessage"]) <= 512
    return answer["errorMessage"]


def test_answer_comes_without_a_subscription_and_with_every_field(server):
    claim = server.claim()
    with claim_client(server, claim) as client:
        made = created(client)
        assert set(made) == {"certificateId", "certificatePem", "privateKey", "certificateOwnershipToken"}
        assert 0 < len(made["certificateOwnershipToken"]) <= 500
        accepted, answer = client.request(REGISTER, {"certificateOwnershipToken": made["certificateOwnershipToken"], "more": {"x": 1},
                                                     "parameters": {"ThingName": "silent-1", "Undeclared": "ignored"},
                                                     "templateName": "ignored too"})
        assert accepted and answer == {"deviceConfiguration": {}, "thingName": "silent-1"}
        # A filter that was never subscribed is given up without complaint.
        client.send(mqtt.unsubscribe(9, "$aws/certificates/create-from-csr/json/+"))
        client.expect(mqtt.UNSUBACK)


@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_tls_versions(server, tls):
    claim = server.claim()
    with mqtt.Client(server, claim, tls=tls) as client:
        client.connect("tls")
        created(client)


def test_certificate_from_a_request(server):
    claim = server.claim()
    key, csr = server.home / "own.key", server.home / "own.csr"
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", csr,
                    "-subj", "/O=Acme/CN=unit-7"], check=True, capture_output=True)
    with claim_client(server, claim) as client:
        accepted, made = client.request(mqtt.CREATE_CSR, {"certificateSigningRequest": csr.read_text()})
        assert accepted and set(made) == {"certificateId", "certificatePem", "certificateOwnershipToken"}
        accepted, _ = client.request(REGISTER, {"certificateOwnershipToken": made["certificateOwnershipToken"],
                                                "parameters": {"ThingName": "own-key"}})
        assert accepted
    device = vouch.Identity(server.home, made["certificateId"], made["certificatePem"], key.read_text())
    subject = subprocess.run(["openssl", "x509", "-noout", "-subject", "-in", device.cert_file], capture_output=True, text=True).stdout
    assert "unit-7" in subject
    with mqtt.Client(server, device) as client:
        client.connect("own-key")


def test_bad_requests_change_nothing(server):
    iot = server.boto()
    before = snapshot(iot)
    claim = server.claim(iot)
    with claim_client(server, claim) as client:
        token = created(client)["certificateOwnershipToken"]
        good = {"certificateOwnershipToken": token, "parameters": {"ThingName": "never-made"}}
        for payload in (b"{", b"[]", b'"x"', b"\xff\xfe", b'{"a":1,"a":2}', b"{}x", b"[" * 5000, b'{"x":' * 50 + b"1" + b"}" * 50):
            rejected(client, REGISTER, payload, 400, "InvalidPayload")
            rejected(client, mqtt.CREATE_CSR, payload, 400, "InvalidPayload")
        rejected(client, REGISTER, {**good, "parameters": "x"}, 400, "InvalidPayload")
        rejected(client, REGISTER, {**good, "certificateOwnershipToken": 7}, 400, "InvalidPayload")
        rejected(client, REGISTER, b" " * 20000, 400, "InvalidPayload")
        assert rejected(client, REGISTER, {**good, "certificateOwnershipToken": ""}, 400, "InvalidCertificateOwnershipToken") == \
            "Certificate ownership token cannot be empty."
        for bad in (token[:-1], token + "A", "x" * 600, token.swapcase()):
            rejected(client, REGISTER, {**good, "certificateOwnershipToken": bad}, 400, "InvalidCertificateOwnershipToken")
        rejected(client, REGISTER, {"parameters": {"ThingName": "x"}}, 400, "InvalidCertificateOwnershipToken")
        assert "ThingName" in rejected(client, REGISTER, {"certificateOwnershipToken": token}, 400, "InvalidParameters")
        rejected(client, REGISTER, {**good, "parameters": {"Other": "x"}}, 400, "InvalidParameters")
        rejected(client, REGISTER, {**good, "parameters": {"ThingName": 7}}, 400, "InvalidParameters")
        rejected(client, REGISTER, {**good, "parameters": {"ThingName": None}}, 400, "InvalidParameters")
        for name in ("", "has space", "slash/y", "x" * 129, "ünïcode", "a*b"):
            rejected(client, REGISTER, {**good, "parameters": {"ThingName": name}}, 400, "InvalidParameters")
        rejected(client, mqtt.CREATE_CSR, {}, 400, "InvalidCertificateSigningRequest")
        rejected(client, mqtt.CREATE_CSR, {"certificateSigningRequest": "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"},
                 400, "InvalidCertificateSigningRequest")
        rejected(client, mqtt.CREATE_CSR, {"certificateSigningRequest": "x" * 4097}, 400, "InvalidCertificateSigningRequest")
        assert snapshot(iot) == before
        # After all that the token still works.
        accepted, answer = client.request(REGISTER, good)
        assert accepted, answer


def test_weak_keys_are_refused(server):
    claim = server.claim()
    with claim_client(server, claim) as client:
        for algorithm in (["rsa:1024"], ["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"]):
            csr = subprocess.run(["openssl", "req", "-new", "-newkey", *algorithm, "-nodes", "-keyout", "/dev/null", "-subj", "/CN=weak"],
                                 capture_output=True, text=True, check=True).stdout
            rejected(client, mqtt.CREATE_CSR, {"certificateSigningRequest": csr}, 400, "InvalidCertificateSigningRequest")


def test_a_claim_is_good_for_one_registration(server):
    claim = server.claim()
    with claim_client(server, claim) as client:
        first, second = created(client), created(client)
        request = json.dumps({"certificateOwnershipToken": first["certificateOwnershipToken"], "parameters": {"ThingName": "once"}}).encode()
        accepted, answer = client.request(REGISTER, request)
        assert accepted
        # The same bytes again get the same answer, on this connection and on a later one of the same claim.
        assert client.request(REGISTER, request) == (True, answer)
        rejected(client, REGISTER, request + b" ", 400, "InvalidCertificateOwnershipToken")
        assert "used" in rejected(client, REGISTER, {"certificateOwnershipToken": second["certificateOwnershipToken"],
                                                     "parameters": {"ThingName": "twice"}}, 403, "AccessDenied")
        rejected(client, mqtt.CREATE, {}, 403, "AccessDenied")
    with claim_client(server, claim, "again") as client:
        assert client.request(REGISTER, request) == (True, answer)
        rejected(client, mqtt.CREATE, {}, 403, "AccessDenied")
    assert "twice" not in [t["thingName"] for t in server.boto().list_things()["things"]]


def test_a_token_is_its_claims_own(server):
    one, two = server.claim(), server.claim()
    with claim_client(server, one, "one") as first, claim_client(server, two, "two") as second:
        token = created(first)["certificateOwnershipToken"]
        request = {"certificateOwnershipToken": token, "parameters": {"ThingName": "stolen"}}
        rejected(second, REGISTER, request, 400, "InvalidCertificateOwnershipToken")
        accepted, _ = first.request(REGISTER, request)
        assert accepted


def test_a_claim_may_do_nothing_else(server):
    def refused(act):
        claim = server.claim()
        with claim_client(server, claim) as client:
            act(client)
            assert client.expect_closed()

    other = mqtt.register_topic("OtherTemplate")
    refused(lambda c: c.send(mqtt.publish(other, b"{}", 1)))
    refused(lambda c: c.send(mqtt.publish("device-client-fp/x", b"{}", 1)))
    refused(lambda c: c.send(mqtt.publish(mqtt.CREATE + "/accepted", b"{}", 1)))
    refused(lambda c: c.send(mqtt.publish(mqtt.CREATE, b"{}", 1, retain=True)))
    refused(lambda c: c.send(mqtt.publish("$aws/certificates/create", b"{}", 1)))
    for filter_ in ("#", "$aws/#", "+/x", other + "/accepted", "device-client-fp/x"):
        claim = server.claim()
        with claim_client(server, claim) as client:
            assert client.subscribe(filter_) == [0x80]
            assert client.expect_closed()
    claim = server.claim()
    with mqtt.Client(server, claim) as client:
        client.connect("with-will", will=("x", b"bye", 0, False), expect=5)
    for bad in ("$aws", "a+b", "a#b", "a*b"):
        with mqtt.Client(server, server.claim()) as client:
            client.connect(bad, expect=2)


def test_template_switched_off_and_deleted(server):
    iot = server.boto()
    body = (vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text()
    iot.create_provisioning_template(templateName="Fleeting", provisioningRoleArn=vouch.ROLE, templateBody=body, enabled=True)
    claim = server.claim(iot, "Fleeting")
    topic = mqtt.register_topic("Fleeting")
    with claim_client(server, claim, "fleeting") as client:
        request = {"certificateOwnershipToken": created(client)["certificateOwnershipToken"], "parameters": {"ThingName": "fleeting"}}
        iot.update_provisioning_template(templateName="Fleeting", enabled=False)
        rejected(client, topic, request, 403, "AccessDenied")
        rejected(client, mqtt.CREATE, {}, 403, "AccessDenied")
        iot.update_provisioning_template(templateName="Fleeting", enabled=True)
        iot.delete_provisioning_template(templateName="Fleeting")
        # Its claims end with it.
        assert client.expect_closed(timeout=2)
    with pytest.raises((mqtt.Closed, AssertionError)):
        claim_client(server, claim, "fleeting")
    with pytest.raises(iot.exceptions.ClientError):
        iot.describe_thing(thingName="fleeting")


def test_policy_that_is_missing_fails_the_whole(server):
    iot = server.boto()
    body = json.loads((vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text())
    body["Resources"]["policy"]["Properties"]["PolicyName"] = "NoSuchPolicy"
    iot.create_provisioning_template(templateName="NoPolicy", provisioningRoleArn=vouch.ROLE, templateBody=json.dumps(body), enabled=True)
    before = snapshot(iot)
    claim = server.claim(iot, "NoPolicy")
    with claim_client(server, claim) as client:
        made = created(client)
        request = {"certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {"ThingName": "half"}}
        rejected(client, mqtt.register_topic("NoPolicy"), request, 404, "ResourceNotFound")
        assert snapshot(iot) == before
        status = iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]["status"]
        assert status == "PENDING_ACTIVATION"
        iot.create_policy(policyName="NoSuchPolicy", policyDocument=vouch.policy_text("pubsub-policy.json"))
        accepted, _ = client.request(mqtt.register_topic("NoPolicy"), request)
        assert accepted


def test_claim_ends_after_five_minutes(clock_server):
    server = clock_server
    live, idle = server.claim(), server.claim()
    with claim_client(server, live, "live") as client:
        client.ping()
        server.advance_clock(301)
        # The session ends with the claim ...
        assert client.expect_closed(timeout=2)
    # ... and the claim opens nothing afterwards.
    with pytest.raises((mqtt.Closed, AssertionError)):
        claim_client(server, idle, "idle")
    server.wait_log("claim-expired")


def test_token_and_its_certificate_end_after_an_hour(clock_server):
    server = clock_server
    iot = server.boto()
    # A registered device may provision too, by its policy, and its session outlives the token.
    device = provision(server, server.claim(iot), "hour")
    iot.create_policy(policyName="ByClaim", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["iot:Connect", "iot:Publish", "iot:Receive"], "Resource": "*"}]}))
    iot.attach_policy(policyName="ByClaim", target=f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:cert/{device.id}")
    with mqtt.Client(server, device) as client:
        client.connect("hour")
        made = created(client)
        server.advance_clock(3601)
        rejected(client, REGISTER, {"certificateOwnershipToken": made["certificateOwnershipToken"],
                                    "parameters": {"ThingName": "too-late"}}, 400, "InvalidCertificateOwnershipToken")


def test_two_at_once_with_one_claim_leave_one(server):
    claim = server.claim()
    clients = [claim_client(server, claim, f"racer-{i}") for i in range(4)]
    tokens = [created(c)["certificateOwnershipToken"] for c in clients]
    results, barrier = [None] * 4, threading.Barrier(4)

    def race(i):
        barrier.wait()
        results[i] = clients[i].request(REGISTER, {"certificateOwnershipToken": tokens[i], "parameters": {"ThingName": f"racer-{i}"}})

    threads = [threading.Thread(target=race, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    assert sorted(accepted for accepted, _ in results) == [False, False, False, True], results
    things = [t["thingName"] for t in server.boto().list_things()["things"]]
    assert len([t for t in things if t.startswith("racer-")]) == 1


def test_cbor_in_and_out(server):
    claim = server.claim()
    with claim_client(server, claim) as client:
        client.publish("$aws/certificates/create/cbor", b"\xa0")
        topic, answer = client.message()
        assert topic == "$aws/certificates/create/cbor/accepted" and answer[:1] == b"\xa4" and b"certificateOwnershipToken" in answer
        client.publish("$aws/certificates/create/cbor", b"\xa1\x61")
        topic, answer = client.message()
        assert topic == "$aws/certificates/create/cbor/rejected" and b"InvalidPayload" in answer


def test_permanent_identity_of_another_template_is_not_needed(server):
    """A registered device with the right policy can provision on: AWS's "provisioning by claim"."""
    iot = server.boto()
    device = provision(server, server.claim(iot), "by-claim")
    iot.create_policy(policyName="ByClaim", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["iot:Connect", "iot:Publish", "iot:Receive", "iot:Subscribe"], "Resource": "*"}]}))
    arn = f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:cert/{device.id}"
    iot.attach_policy(policyName="ByClaim", target=arn)
    with mqtt.Client(server, device) as client:
        client.connect("by-claim")
        made = created(client)
        accepted, answer = client.request(REGISTER, {"certificateOwnershipToken": made["certificateOwnershipToken"],
                                                     "parameters": {"ThingName": "by-claim-2"}})
        assert accepted, answer


def test_no_secret_in_the_log(server):
    claim = server.claim()
    with claim_client(server, claim) as client:
        made = created(client)
        rejected(client, REGISTER, {"certificateOwnershipToken": made["certificateOwnershipToken"] + "x"}, 400, "InvalidCertificateOwnershipToken")
    text = server.log_text()
    assert "PRIVATE KEY" not in text
    assert made["certificateOwnershipToken"] not in text
    assert made["privateKey"].splitlines()[1] not in text
    assert server.admin["secretAccessKey"] not in text
