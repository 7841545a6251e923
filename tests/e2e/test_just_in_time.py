"""Devices whose certificates nobody registered: their authority is known, and brings them in at their first connection."""
import json
import ssl
import threading
import time

import pytest

import certs
import mqtt
import vouch
from test_api_iam import call
from test_provisioning import snapshot

TEMPLATE = {
    "Parameters": {"AWS::IoT::Certificate::CommonName": {"Type": "String"}, "AWS::IoT::Certificate::Organization": {"Type": "String"},
                   "AWS::IoT::Certificate::Id": {"Type": "String"}},
    "Resources": {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "AWS::IoT::Certificate::CommonName"},
                                                           "AttributePayload": {"maker": {"Ref": "AWS::IoT::Certificate::Organization"}}}},
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "ACTIVE"},
                        "OverrideSettings": {"Status": "DO_NOTHING"}},
        "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "pubsub"}}}}


def authority(server, name, automatic=True, **config):
    iot = server.boto()
    made = certs.Authority(name)
    code = iot.get_registration_code()["registrationCode"]
    more = {"registrationConfig": config} if config else {}
    iot.register_ca_certificate(caCertificate=made.pem, verificationCertificate=made.sign(code), setAsActive=True, allowAutoRegistration=automatic, **more)
    return made


def device(server, made, name):
    private = certs.key()
    pem = made.sign(name, private.public_key())
    return vouch.Identity(server.home, certs.identifier(pem), pem, certs.key_pem(private))


def refused(server, identity, client_id="first", **more):
    """The connection ends without a CONNACK that accepts."""
    try:
        with mqtt.Client(server, identity, **more) as client:
            client.connect(client_id)
    except (mqtt.Closed, AssertionError):
        return True
    return False


def status(server, identity, wanted, within=5):
    deadline = time.monotonic() + within
    while True:
        listed = {c["certificateId"]: c["status"] for c in server.boto().list_certificates(pageSize=250)["certificates"]}
        if listed.get(identity.id) == wanted:
            return
        assert time.monotonic() < deadline, (listed, wanted)
        time.sleep(0.02)


def test_a_template_provisions_at_the_first_connection(server):
    made = authority(server, "provisioning", templateBody=json.dumps(TEMPLATE), roleArn=vouch.ROLE)
    identity = device(server, made, "jit-1")
    assert refused(server, identity)
    status(server, identity, "ACTIVE")
    with mqtt.Client(server, identity) as client:
        client.connect("jit-1")
        client.ping()
    iot = server.boto()
    assert iot.describe_thing(thingName="jit-1")["attributes"] == {"maker": "Makers"}
    assert [p["policyName"] for p in iot.list_attached_policies(target=f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:cert/{identity.id}")["policies"]] == ["pubsub"]
    assert iot.describe_certificate(certificateId=identity.id)["certificateDescription"]["caCertificateId"] == made.id
    assert "just-in-time" in server.log_text() and f"certificate={identity.id}" in server.log_text()


def test_on_the_edge_too(server):
    made = authority(server, "edge", templateBody=json.dumps(TEMPLATE), roleArn=vouch.ROLE)
    identity = device(server, made, "jit-edge")
    edge = {"port": server.edge_port, "alpn": "x-amzn-mqtt-ca"}
    assert refused(server, identity, **edge)
    status(server, identity, "ACTIVE")
    assert not refused(server, identity, "jit-edge", **edge)


def test_a_named_template_must_be_enabled(server):
    iot = server.boto()
    iot.create_provisioning_template(templateName="jit-named", type="JITP", templateBody=json.dumps(TEMPLATE), provisioningRoleArn=vouch.ROLE, enabled=False)
    made = authority(server, "named", templateName="jit-named")
    identity = device(server, made, "jit-2")
    before = snapshot(iot)
    assert refused(server, identity)
    server.wait_log("reason=template-disabled")
    assert snapshot(iot) == before
    iot.update_provisioning_template(templateName="jit-named", enabled=True)
    assert refused(server, identity)
    status(server, identity, "ACTIVE")
    assert not refused(server, identity, "jit-2")


def test_without_a_template_it_waits_to_be_activated(server):
    made = authority(server, "registering")
    listener = listening(server)
    identity = device(server, made, "jit-3")
    assert refused(server, identity)
    status(server, identity, "PENDING_ACTIVATION")
    topic, payload = listener.message()
    event = json.loads(payload)
    assert topic == f"$aws/events/certificates/registered/{made.id}"
    assert (event["certificateId"], event["caCertificateId"], event["certificateStatus"], event["awsAccountId"]) == \
        (identity.id, made.id, "PENDING_ACTIVATION", vouch.ACCOUNT)
    listener.close()
    assert refused(server, identity)
    iot = server.boto()
    iot.update_certificate(certificateId=identity.id, newStatus="ACTIVE")
    iot.create_policy(policyName="jit-all", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}))
    iot.attach_policy(policyName="jit-all", target=f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:cert/{identity.id}")
    assert not refused(server, identity)


def listening(server):
    iot = server.boto()
    own = iot.create_keys_and_certificate(setAsActive=True)
    if "jit-listen" not in [p["policyName"] for p in iot.list_policies(pageSize=250)["policies"]]:
        iot.create_policy(policyName="jit-listen", policyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}))
    iot.attach_policy(policyName="jit-listen", target=own["certificateArn"])
    identity = vouch.Identity(server.home, own["certificateId"], own["certificatePem"], own["keyPair"]["PrivateKey"])
    client = mqtt.Client(server, identity)
    client.connect("listener")
    client.subscribe("$aws/events/certificates/registered/+")
    return client


@pytest.mark.parametrize("how", ["not automatic", "inactive", "stranger", "same name", "self-signed", "expired", "template refuses", "thing taken"])
def test_who_is_not_brought_in(server, how):
    iot = server.boto()
    name = "out-" + how.replace(" ", "-")
    made = authority(server, name, automatic=how != "not automatic", templateBody=json.dumps(TEMPLATE), roleArn=vouch.ROLE)
    identity = device(server, made, name)
    if how == "inactive":
        iot.update_ca_certificate(certificateId=made.id, newStatus="INACTIVE")
    elif how in ("stranger", "same name"):
        identity = device(server, certs.Authority("somebody" if how == "stranger" else name), name)
    elif how == "self-signed":
        other = certs.Authority("self")
        identity = vouch.Identity(server.home, other.id, other.pem, certs.key_pem(other.key))
    elif how == "expired":
        private = certs.key()
        pem = made.sign(name, private.public_key(), start=-9, days=-1)
        identity = vouch.Identity(server.home, certs.identifier(pem), pem, certs.key_pem(private))
    elif how == "template refuses":
        identity = device(server, made, "not a thing name")
    elif how == "thing taken":
        first = device(server, made, name)
        assert refused(server, first)
        status(server, first, "ACTIVE")
    before = snapshot(iot)
    assert refused(server, identity)
    if how in ("template refuses", "thing taken"):
        server.wait_log("reason=parameter-invalid" if how == "template refuses" else "reason=thing-taken")
    time.sleep(0.2)
    assert snapshot(iot) == before
    assert identity.id not in [c["certificateId"] for c in iot.list_certificates(pageSize=250)["certificates"]]


def test_the_key_must_be_there(server):
    """Somebody's certificate without its key brings nothing in."""
    made = authority(server, "possession", templateBody=json.dumps(TEMPLATE), roleArn=vouch.ROLE)
    identity = device(server, made, "jit-stolen")
    other = device(server, made, "jit-other")
    with pytest.raises(ssl.SSLError):
        mqtt.Client(server, vouch.Identity(server.home, "mixed", identity.certificate, other.key))
    assert identity.id not in [c["certificateId"] for c in server.boto().list_certificates(pageSize=250)["certificates"]]
    assert refused(server, identity)
    status(server, identity, "ACTIVE")


def test_many_at_once_become_one(server):
    made = authority(server, "many", templateBody=json.dumps(TEMPLATE), roleArn=vouch.ROLE)
    identity = device(server, made, "jit-many")
    threads = [threading.Thread(target=refused, args=(server, identity, f"many-{n}")) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    status(server, identity, "ACTIVE")
    rows = [row for row in call(server, "GET", "/ledger?maxResults=250")["entries"] if row.get("certificateId") == identity.id]
    assert [row["event"] for row in rows if row["outcome"] == "ok"].count("certificate-provisioned") <= 1
