"""Certificates and authorities over the control plane, each operation with what it refuses; the older policy calls."""
import datetime
import json
import re
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

import certs
import mqtt
import vouch

MISSING = "0" * 64
ROLE = vouch.ROLE
JITP_BODY = json.dumps({"Resources": {"certificate": {"Type": "AWS::IoT::Certificate", "Properties": {
    "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "ACTIVE"}}}})


def arn(identifier, kind="cert"):
    return f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:{kind}/{identifier}"


def refused(iot, code, call, **inputs):
    """The call fails with this error, and says something. Gives the whole response."""
    with pytest.raises(iot.exceptions.ClientError) as caught:
        call(**inputs)
    error = caught.value.response["Error"]
    assert error["Code"] == code, caught.value.response
    assert error["Message"]
    return caught.value.response


@pytest.fixture(scope="module")
def iot(server):
    return server.boto(parameter_validation=False)


@pytest.fixture(scope="module")
def authority(iot):
    """A registered, ACTIVE authority."""
    return registered(iot, certs.Authority("Shared Authority"))


def proof(iot, ca, **more):
    return ca.sign(iot.get_registration_code()["registrationCode"], **more)


def registered(iot, ca, **more):
    iot.register_ca_certificate(caCertificate=ca.pem, verificationCertificate=proof(iot, ca), **{"setAsActive": True, **more})
    return ca


def policy(iot, name, statement=None):
    document = {"Version": "2012-10-17", "Statement": statement or [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}
    iot.create_policy(policyName=name, policyDocument=json.dumps(document))


def status(iot, identifier):
    return iot.describe_certificate(certificateId=identifier)["certificateDescription"]["status"]


def listed(iot, operation, member, size, **inputs):
    """All items of a marker list, gathered page by page."""
    items, marker = [], {}
    while True:
        page = getattr(iot, operation)(pageSize=size, **inputs, **marker)
        assert len(page[member]) <= size
        items += page[member]
        if "nextMarker" not in page:
            return items
        assert page["nextMarker"]
        marker = {"marker": page["nextMarker"]}


# ---- made by us


def test_create_keys_and_certificate(iot):
    made = iot.create_keys_and_certificate()
    assert made["certificateArn"] == arn(made["certificateId"])
    assert made["certificateId"] == certs.identifier(made["certificatePem"])
    private = serialization.load_pem_private_key(made["keyPair"]["PrivateKey"].encode(), None)
    certificate = x509.load_pem_x509_certificate(made["certificatePem"].encode())
    assert certs.public_pem(private.public_key()) == certs.public_pem(certificate.public_key()) == made["keyPair"]["PublicKey"]
    assert certificate.not_valid_after == datetime.datetime(2049, 12, 31, 23, 59, 59)
    assert status(iot, made["certificateId"]) == "INACTIVE"
    assert status(iot, iot.create_keys_and_certificate(setAsActive=True)["certificateId"]) == "ACTIVE"
    again = iot.create_keys_and_certificate()
    assert again["certificateId"] != made["certificateId"] and again["keyPair"] != made["keyPair"]
    described = iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]
    assert described["certificateMode"] == "DEFAULT" and "caCertificateId" not in described
    assert abs(described["validity"]["notBefore"].timestamp() - certificate.not_valid_before.replace(tzinfo=datetime.timezone.utc).timestamp()) < 1


def test_create_certificate_from_csr(iot):
    private = certs.key()
    text = certs.request(private, "my-device")
    made = iot.create_certificate_from_csr(certificateSigningRequest=text, setAsActive=True)
    certificate = x509.load_pem_x509_certificate(made["certificatePem"].encode())
    assert certs.public_pem(certificate.public_key()) == certs.public_pem(private.public_key())
    assert made["certificateId"] == certs.identifier(made["certificatePem"]) and made["certificateArn"] == arn(made["certificateId"])
    assert status(iot, made["certificateId"]) == "ACTIVE"
    # The same request again makes another certificate, as AWS says.
    assert iot.create_certificate_from_csr(certificateSigningRequest=text)["certificateId"] != made["certificateId"]
    for bad in ("", "x", "x" * 4097, text.replace("MI", "MJ", 1), text[:200], certs.request(certs.rsa_key(1024))):
        refused(iot, "InvalidRequestException", iot.create_certificate_from_csr, certificateSigningRequest=bad)
    refused(iot, "InvalidRequestException", iot.create_certificate_from_csr)


# ---- made by others


def test_register_certificate(iot, authority):
    one = authority.sign("one")
    made = iot.register_certificate(certificatePem=one)
    assert made == {**made, "certificateId": certs.identifier(one), "certificateArn": arn(certs.identifier(one))}
    described = iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]
    assert described["status"] == "INACTIVE" and described["caCertificateId"] == authority.id
    assert described["certificateMode"] == "DEFAULT" and described["customerVersion"] == 1
    assert certs.identifier(described["certificatePem"]) == made["certificateId"]
    for inputs, expected in (({"setAsActive": True}, "ACTIVE"), ({"status": "ACTIVE"}, "ACTIVE"), ({"status": "INACTIVE"}, "INACTIVE"),
                             ({"status": "REGISTER_INACTIVE"}, "INACTIVE"), ({"status": "INACTIVE", "setAsActive": True}, "INACTIVE"),
                             ({"caCertificatePem": authority.pem}, "INACTIVE")):
        made = iot.register_certificate(certificatePem=authority.sign("more"), **inputs)
        assert status(iot, made["certificateId"]) == expected, inputs


def test_register_certificate_refusals(iot, authority):
    one = authority.sign("taken")
    identifier = iot.register_certificate(certificatePem=one)["certificateId"]
    taken = refused(iot, "ResourceAlreadyExistsException", iot.register_certificate, certificatePem=one)
    assert taken["resourceId"] == identifier and taken["resourceArn"] == arn(identifier)
    stranger = certs.Authority("Stranger")
    impostor = certs.Authority("Shared Authority")  # the name, not the key
    other = registered(iot, certs.Authority("Other"))
    for text in (stranger.sign("s"), impostor.sign("i"), "nonsense", one + one, one[:300], authority.sign("old", days=-1, start=-2),
                 authority.sign("weak", public=certs.rsa_key(1024).public_key()), authority.sign("sha1", algorithm=hashes.SHA1())):
        refused(iot, "CertificateValidationException", iot.register_certificate, certificatePem=text)
    for text in (stranger.pem, other.pem, "nonsense"):
        refused(iot, "CertificateValidationException", iot.register_certificate, certificatePem=authority.sign("x"), caCertificatePem=text)
    refused(iot, "CertificateValidationException", iot.register_certificate, certificatePem=stranger.sign("x"), caCertificatePem=stranger.pem)
    for word in ("PENDING_ACTIVATION", "PENDING_TRANSFER", "REVOKED"):
        refused(iot, "CertificateStateException", iot.register_certificate, certificatePem=authority.sign("x"), status=word)
    refused(iot, "InvalidRequestException", iot.register_certificate, certificatePem=authority.sign("x"), status="GOOD")
    refused(iot, "InvalidRequestException", iot.register_certificate, certificatePem="x" * 65537)
    refused(iot, "InvalidRequestException", iot.register_certificate)


def test_register_certificate_needs_an_active_authority(iot):
    ca = registered(iot, certs.Authority("Sleeper"), setAsActive=False)
    text = ca.sign("x")
    refused(iot, "CertificateStateException", iot.register_certificate, certificatePem=text)
    iot.update_ca_certificate(certificateId=ca.id, newStatus="ACTIVE")
    assert iot.register_certificate(certificatePem=text)["certificateId"] == certs.identifier(text)


def test_authorities_of_one_key_are_told_apart_by_pem(iot):
    """Same name, same key, two certificates."""
    private = certs.key()
    first, second = (registered(iot, certs.Authority("Twin", private)) for _ in range(2))
    assert first.id != second.id
    refused(iot, "CertificateConflictException", iot.register_certificate, certificatePem=first.sign("x"))
    for ca in (first, second):
        made = iot.register_certificate(certificatePem=first.sign("x"), caCertificatePem=ca.pem)
        assert iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]["caCertificateId"] == ca.id
    # The same name with different keys is no conflict: the signature tells.
    third, fourth = (registered(iot, certs.Authority("Namesake")) for _ in range(2))
    for ca in (third, fourth):
        made = iot.register_certificate(certificatePem=ca.sign("y"))
        assert iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]["caCertificateId"] == ca.id


def test_register_certificate_without_ca(server, iot):
    own = certs.Authority("self", authority=False)
    made = iot.register_certificate_without_ca(certificatePem=own.pem, status="ACTIVE")
    assert made["certificateId"] == own.id and made["certificateArn"] == arn(own.id)
    described = iot.describe_certificate(certificateId=own.id)["certificateDescription"]
    assert described["certificateMode"] == "SNI_ONLY" and described["status"] == "ACTIVE" and "caCertificateId" not in described
    assert refused(iot, "ResourceAlreadyExistsException", iot.register_certificate_without_ca, certificatePem=own.pem)["resourceId"] == own.id
    other = certs.Authority("other").sign("by nobody known")
    assert status(iot, iot.register_certificate_without_ca(certificatePem=other)["certificateId"]) == "INACTIVE"
    for text in ("nonsense", other[:100], certs.Authority("old", days=-1, start=-2).pem):
        refused(iot, "CertificateValidationException", iot.register_certificate_without_ca, certificatePem=text)
    refused(iot, "CertificateStateException", iot.register_certificate_without_ca, certificatePem=certs.Authority("z").pem, status="PENDING_TRANSFER")
    refused(iot, "InvalidRequestException", iot.register_certificate_without_ca)
    # And it opens the gateway.
    policy(iot, "registered-device")
    iot.attach_policy(policyName="registered-device", target=arn(own.id))
    with mqtt.Client(server, vouch.Identity(server.home, own.id, own.pem, certs.key_pem(own.key))) as client:
        client.connect("anyone")
        client.ping()
        iot.update_certificate(certificateId=own.id, newStatus="INACTIVE")
        client.expect_closed(timeout=1.5)


# ---- status and deletion


def test_update_certificate(iot):
    made = iot.create_keys_and_certificate()
    identifier, before = made["certificateId"], iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]
    iot.update_certificate(certificateId=identifier, newStatus="ACTIVE")
    iot.update_certificate(certificateId=identifier, newStatus="ACTIVE")
    after = iot.describe_certificate(certificateId=identifier)["certificateDescription"]
    assert after["status"] == "ACTIVE" and after["customerVersion"] == before["customerVersion"] + 1
    assert after["generationId"] != before["generationId"] and after["lastModifiedDate"] >= before["lastModifiedDate"]
    for word in ("PENDING_TRANSFER", "PENDING_ACTIVATION", "REGISTER_INACTIVE", "NONSENSE"):
        refused(iot, "InvalidRequestException", iot.update_certificate, certificateId=identifier, newStatus=word)
    iot.update_certificate(certificateId=identifier.upper(), newStatus="INACTIVE")
    iot.update_certificate(certificateId=identifier, newStatus="REVOKED")
    for word in ("ACTIVE", "INACTIVE"):
        refused(iot, "CertificateStateException", iot.update_certificate, certificateId=identifier, newStatus=word)
    assert status(iot, identifier) == "REVOKED"
    refused(iot, "ResourceNotFoundException", iot.update_certificate, certificateId=MISSING, newStatus="ACTIVE")
    refused(iot, "InvalidRequestException", iot.update_certificate, certificateId="xyz", newStatus="ACTIVE")


def test_delete_certificate(iot):
    identifier = iot.create_keys_and_certificate(setAsActive=True)["certificateId"]
    policy(iot, "delete-cert")
    iot.attach_policy(policyName="delete-cert", target=arn(identifier))
    iot.create_thing(thingName="delete-cert")
    iot.attach_thing_principal(thingName="delete-cert", principal=arn(identifier))
    message = refused(iot, "CertificateStateException", iot.delete_certificate, certificateId=identifier)["Error"]["Message"]
    assert message == f"Certificate must be deactivated (not ACTIVE) before deletion. Id: {identifier}"
    refused(iot, "CertificateStateException", iot.delete_certificate, certificateId=identifier, forceDelete=True)
    iot.update_certificate(certificateId=identifier, newStatus="INACTIVE")
    for force in (True, False):
        message = refused(iot, "DeleteConflictException", iot.delete_certificate, certificateId=identifier, forceDelete=force)["Error"]["Message"]
        assert message == f"Things must be detached before deletion (arn: {arn(identifier)})"
    iot.detach_thing_principal(thingName="delete-cert", principal=arn(identifier))
    message = refused(iot, "DeleteConflictException", iot.delete_certificate, certificateId=identifier)["Error"]["Message"]
    assert message == f"Certificate policies must be detached before deletion (arn: {arn(identifier)})"
    iot.delete_certificate(certificateId=identifier, forceDelete=True)
    for call in (iot.describe_certificate, iot.delete_certificate):
        refused(iot, "ResourceNotFoundException", call, certificateId=identifier)
    assert iot.list_targets_for_policy(policyName="delete-cert")["targets"] == []
    iot.delete_policy(policyName="delete-cert")


# ---- the older policy calls


def test_principal_policies(iot):
    ids = [iot.create_keys_and_certificate()["certificateId"] for _ in range(3)]
    for i in range(5):
        policy(iot, f"older-{i}")
        iot.attach_principal_policy(policyName=f"older-{i}", principal=arn(ids[0]))
        iot.attach_principal_policy(policyName=f"older-{i}", principal=arn(ids[0]))
    names = [f"older-{i}" for i in range(5)]
    assert [p["policyName"] for p in listed(iot, "list_principal_policies", "policies", 2, principal=arn(ids[0]))] == names
    down = listed(iot, "list_principal_policies", "policies", 2, principal=arn(ids[0]), ascendingOrder=False)
    assert [p["policyName"] for p in down] == names[::-1] and down[0]["policyArn"] == arn("older-4", "policy")
    # One set of attachments with the newer calls.
    assert [p["policyName"] for p in iot.list_attached_policies(target=arn(ids[0]))["policies"]] == names
    for identifier in ids[1:]:
        iot.attach_policy(policyName="older-0", target=arn(identifier))
    principals = listed(iot, "list_policy_principals", "principals", 1, policyName="older-0")
    assert principals == sorted(arn(i) for i in ids)
    assert listed(iot, "list_policy_principals", "principals", 2, policyName="older-0", ascendingOrder=False) == principals[::-1]
    marker = iot.list_policy_principals(policyName="older-0", pageSize=1)["nextMarker"]
    for inputs in ({"policyName": "older-0", "ascendingOrder": False}, {"policyName": "older-1"}):
        refused(iot, "InvalidRequestException", iot.list_policy_principals, marker=marker, **inputs)
    iot.detach_principal_policy(policyName="older-0", principal=arn(ids[0]))
    iot.detach_principal_policy(policyName="older-0", principal=arn(ids[0]))
    assert len(iot.list_policy_principals(policyName="older-0")["principals"]) == 2


def test_principal_policies_refusals(iot):
    principal = arn(iot.create_keys_and_certificate()["certificateId"])
    policy(iot, "legacy")
    for call in (iot.attach_principal_policy, iot.detach_principal_policy):
        refused(iot, "ResourceNotFoundException", call, policyName="no-such", principal=principal)
        refused(iot, "InvalidRequestException", call, policyName="legacy", principal="not an arn")
        refused(iot, "InvalidRequestException", call, policyName="legacy", principal=arn("x", "thing"))
    refused(iot, "ResourceNotFoundException", iot.attach_principal_policy, policyName="legacy", principal=arn(MISSING))
    refused(iot, "ResourceNotFoundException", iot.list_principal_policies, principal=arn(MISSING))
    refused(iot, "InvalidRequestException", iot.list_principal_policies, principal="nobody")
    refused(iot, "ResourceNotFoundException", iot.list_policy_principals, policyName="no-such")
    refused(iot, "InvalidRequestException", iot.list_policy_principals, policyName="bad name")
    refused(iot, "InvalidRequestException", iot.list_policy_principals, policyName="legacy", pageSize=251)
    for i in range(10):
        policy(iot, f"full-{i}")
        iot.attach_principal_policy(policyName=f"full-{i}", principal=principal)
    refused(iot, "LimitExceededException", iot.attach_principal_policy, policyName="legacy", principal=principal)


# ---- authorities


def test_registration_code(iot):
    code = iot.get_registration_code()["registrationCode"]
    assert re.fullmatch("[0-9a-f]{64}", code) and iot.get_registration_code()["registrationCode"] == code
    iot.delete_registration_code()
    refused(iot, "ResourceNotFoundException", iot.delete_registration_code)
    # Without a code nothing is proof of anything.
    ca = certs.Authority("No Code")
    refused(iot, "RegistrationCodeValidationException", iot.register_ca_certificate, caCertificate=ca.pem, verificationCertificate=ca.sign(code))
    assert iot.get_registration_code()["registrationCode"] != code


def test_register_ca_certificate(iot):
    ca = certs.Authority("Whole")
    before = time.time() - 2
    made = iot.register_ca_certificate(caCertificate=ca.pem, verificationCertificate=proof(iot, ca), setAsActive=True, allowAutoRegistration=True,
                                       registrationConfig={"templateBody": JITP_BODY, "roleArn": ROLE})
    assert made["certificateId"] == ca.id and made["certificateArn"] == arn(ca.id, "cacert")
    answer = iot.describe_ca_certificate(certificateId=ca.id)
    described = answer["certificateDescription"]
    assert answer["registrationConfig"] == {"templateBody": JITP_BODY, "roleArn": ROLE}
    assert described["status"] == "ACTIVE" and described["autoRegistrationStatus"] == "ENABLE" and described["ownedBy"] == vouch.ACCOUNT
    assert certs.identifier(described["certificatePem"]) == ca.id and described["customerVersion"] == 1
    assert described["creationDate"].timestamp() >= before and described["lastModifiedDate"] == described["creationDate"]
    assert described["validity"]["notAfter"].replace(tzinfo=None) == ca.certificate.not_valid_after
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", described["generationId"])
    plain = certs.Authority("Plain")
    iot.register_ca_certificate(caCertificate=plain.pem, verificationCertificate=proof(iot, plain))
    answer = iot.describe_ca_certificate(certificateId=plain.id)
    assert answer["certificateDescription"]["status"] == "INACTIVE" and answer["certificateDescription"]["autoRegistrationStatus"] == "DISABLE"
    assert "registrationConfig" not in answer
    taken = refused(iot, "ResourceAlreadyExistsException", iot.register_ca_certificate, caCertificate=ca.pem, verificationCertificate=proof(iot, ca))
    assert taken["resourceId"] == ca.id and taken["resourceArn"] == arn(ca.id, "cacert")


def test_register_ca_certificate_sni_only(server, iot):
    ca = certs.Authority("Sni")
    refused(iot, "InvalidRequestException", iot.register_ca_certificate, caCertificate=ca.pem, verificationCertificate=proof(iot, ca), certificateMode="SNI_ONLY")
    iot.register_ca_certificate(caCertificate=ca.pem, certificateMode="SNI_ONLY", setAsActive=True)
    made = iot.register_certificate(certificatePem=ca.sign("x"))
    assert iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]["certificateMode"] == "SNI_ONLY"
    refused(iot, "InvalidRequestException", iot.register_ca_certificate, caCertificate=certs.Authority("Z").pem, certificateMode="OTHER")


def test_register_ca_certificate_refusals(iot):
    ca, other = certs.Authority("Refused"), certs.Authority("Refused Too")
    good = {"caCertificate": ca.pem, "verificationCertificate": proof(iot, ca)}

    def no(code, **changed):
        return refused(iot, code, iot.register_ca_certificate, **{k: v for k, v in {**good, **changed}.items() if v is not None})

    no("InvalidRequestException", verificationCertificate=None)
    no("InvalidRequestException", caCertificate=None)
    no("RegistrationCodeValidationException", verificationCertificate=ca.sign("f" * 64))
    no("RegistrationCodeValidationException", verificationCertificate=ca.sign(iot.get_registration_code()["registrationCode"][:-1]))
    no("CertificateValidationException", verificationCertificate=proof(iot, other))
    no("CertificateValidationException", verificationCertificate="nonsense")
    no("CertificateValidationException", verificationCertificate=proof(iot, ca, days=-1, start=-2))
    no("CertificateValidationException", caCertificate="nonsense")
    leaf = certs.Authority("Leaf", authority=False)
    no("CertificateValidationException", caCertificate=leaf.pem, verificationCertificate=proof(iot, leaf))
    old = certs.Authority("Old", days=-1, start=-2)
    no("CertificateValidationException", caCertificate=old.pem, verificationCertificate=proof(iot, old))
    no("ResourceNotFoundException", registrationConfig={"templateName": "no-such", "roleArn": ROLE})
    for config in ({}, {"templateBody": JITP_BODY}, {"templateBody": "{", "roleArn": ROLE}, {"templateBody": JITP_BODY, "roleArn": "x"},
                   {"templateBody": JITP_BODY, "templateName": "T", "roleArn": ROLE}, {"templateName": vouch.TEMPLATE}, {"templateName": "bad name"}):
        no("InvalidRequestException", registrationConfig=config)
    refused(iot, "ResourceNotFoundException", iot.describe_ca_certificate, certificateId=ca.id)
    private = certs.key()
    for _ in range(10):
        registered(iot, certs.Authority("Crowd", private))
    eleventh = certs.Authority("Crowd", private)
    refused(iot, "LimitExceededException", iot.register_ca_certificate, caCertificate=eleventh.pem, verificationCertificate=proof(iot, eleventh))
    refused(iot, "ResourceNotFoundException", iot.describe_ca_certificate, certificateId=eleventh.id)


def test_update_ca_certificate(iot):
    ca = registered(iot, certs.Authority("Changing"))
    iot.create_provisioning_template(templateName="jitp-for-ca", templateBody=JITP_BODY, provisioningRoleArn=ROLE, type="JITP")

    def now():
        answer = iot.describe_ca_certificate(certificateId=ca.id)
        described = answer["certificateDescription"]
        return described["status"], described["autoRegistrationStatus"], answer.get("registrationConfig")

    first = iot.describe_ca_certificate(certificateId=ca.id)["certificateDescription"]
    iot.update_ca_certificate(certificateId=ca.id)
    assert iot.describe_ca_certificate(certificateId=ca.id)["certificateDescription"] == first
    iot.update_ca_certificate(certificateId=ca.id, newStatus="INACTIVE")
    assert now() == ("INACTIVE", "DISABLE", None)
    iot.update_ca_certificate(certificateId=ca.id, newAutoRegistrationStatus="ENABLE", registrationConfig={"templateName": "jitp-for-ca"})
    assert now() == ("INACTIVE", "ENABLE", {"templateName": "jitp-for-ca"})
    assert [c["certificateId"] for c in iot.list_ca_certificates(templateName="jitp-for-ca")["certificates"]] == [ca.id]
    iot.update_ca_certificate(certificateId=ca.id, newStatus="ACTIVE", registrationConfig={"templateBody": JITP_BODY, "roleArn": ROLE})
    assert now() == ("ACTIVE", "ENABLE", {"templateBody": JITP_BODY, "roleArn": ROLE})
    last = iot.describe_ca_certificate(certificateId=ca.id)["certificateDescription"]
    assert last["customerVersion"] == first["customerVersion"] + 3 and last["generationId"] != first["generationId"]
    refused(iot, "InvalidRequestException", iot.update_ca_certificate, certificateId=ca.id, removeAutoRegistration=True, newAutoRegistrationStatus="ENABLE")
    refused(iot, "InvalidRequestException", iot.update_ca_certificate, certificateId=ca.id, removeAutoRegistration=True,
            registrationConfig={"templateName": "jitp-for-ca"})
    iot.update_ca_certificate(certificateId=ca.id, removeAutoRegistration=True)
    assert now() == ("ACTIVE", "DISABLE", None)
    for word in ("REVOKED", "x"):
        refused(iot, "InvalidRequestException", iot.update_ca_certificate, certificateId=ca.id, newStatus=word)
    refused(iot, "InvalidRequestException", iot.update_ca_certificate, certificateId=ca.id, newAutoRegistrationStatus="MAYBE")
    refused(iot, "ResourceNotFoundException", iot.update_ca_certificate, certificateId=ca.id, registrationConfig={"templateName": "no-such"})
    refused(iot, "ResourceNotFoundException", iot.update_ca_certificate, certificateId=MISSING, newStatus="ACTIVE")


def test_delete_ca_certificate(iot):
    ca = registered(iot, certs.Authority("Leaving"))
    device = iot.register_certificate(certificatePem=ca.sign("stays"))["certificateId"]
    message = refused(iot, "CertificateStateException", iot.delete_ca_certificate, certificateId=ca.id)["Error"]["Message"]
    assert ca.id in message
    iot.update_ca_certificate(certificateId=ca.id, newStatus="INACTIVE")
    iot.delete_ca_certificate(certificateId=ca.id)
    for call in (iot.delete_ca_certificate, iot.describe_ca_certificate):
        refused(iot, "ResourceNotFoundException", call, certificateId=ca.id)
        refused(iot, "InvalidRequestException", call, certificateId="xyz")
    assert iot.describe_certificate(certificateId=device)["certificateDescription"]["caCertificateId"] == ca.id
    registered(iot, ca)  # may come back


def test_list_ca_certificates(iot):
    made = [registered(iot, certs.Authority(f"Listed {i}")).id for i in range(3)]
    newest = [c["certificateId"] for c in listed(iot, "list_ca_certificates", "certificates", 2)]
    assert newest[:3] == made[::-1] and len(newest) == len(set(newest))
    items = listed(iot, "list_ca_certificates", "certificates", 2, ascendingOrder=True)
    assert [c["certificateId"] for c in items] == newest[::-1]
    assert items[-1]["certificateArn"] == arn(made[2], "cacert") and items[-1]["status"] == "ACTIVE" and items[-1]["creationDate"]
    assert iot.list_ca_certificates(templateName="never-used")["certificates"] == []
    refused(iot, "InvalidRequestException", iot.list_ca_certificates, pageSize=0)
    marker = iot.list_ca_certificates(pageSize=1)["nextMarker"]
    for inputs in ({"templateName": "other"}, {"ascendingOrder": True}):
        refused(iot, "InvalidRequestException", iot.list_ca_certificates, marker=marker, **inputs)


def test_list_certificates_by_ca(iot):
    ca, other = registered(iot, certs.Authority("Parent")), registered(iot, certs.Authority("Uncle"))
    made = [iot.register_certificate(certificatePem=ca.sign(f"child {i}"), setAsActive=i == 0)["certificateId"] for i in range(5)]
    iot.register_certificate(certificatePem=other.sign("cousin"))
    items = listed(iot, "list_certificates_by_ca", "certificates", 2, caCertificateId=ca.id)
    assert [c["certificateId"] for c in items] == made[::-1]
    assert [c["status"] for c in items] == ["INACTIVE"] * 4 + ["ACTIVE"] and {c["certificateMode"] for c in items} == {"DEFAULT"}
    assert [c["certificateId"] for c in listed(iot, "list_certificates_by_ca", "certificates", 3, caCertificateId=ca.id, ascendingOrder=True)] == made
    assert set(made) <= {c["certificateId"] for c in listed(iot, "list_certificates", "certificates", 250)}
    assert iot.list_certificates_by_ca(caCertificateId=MISSING)["certificates"] == []
    marker = iot.list_certificates_by_ca(caCertificateId=ca.id, pageSize=1)["nextMarker"]
    refused(iot, "InvalidRequestException", iot.list_certificates_by_ca, caCertificateId=other.id, marker=marker)
    refused(iot, "InvalidRequestException", iot.list_certificates_by_ca, caCertificateId="xyz")


# ---- what is written down


def test_every_change_is_in_the_ledger(server, iot):
    events = {row["event"] for row in json.loads(server.vouch("ledger", "list", "--output", "json").stdout)["entries"]}
    assert {"certificate-created", "certificate-registered", "certificate-status", "certificate-deleted", "ca-registered", "ca-updated", "ca-deleted",
            "registration-code-created", "registration-code-deleted", "policy-attached", "policy-detached"} <= events
