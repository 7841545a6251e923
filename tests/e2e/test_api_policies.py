"""Policies, templates and claims: each operation, and each error that it declares, by boto3."""
import json

import pytest

import vouch

DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]})
NO_ONE = "arn:aws:iot:us-east-1:123456789012:cert/" + "0" * 64
BODY = (vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text()


@pytest.fixture
def iot(server):
    return server.boto(parameter_validation=False)


def refused(name, status, call, **given):
    with pytest.raises(call.__self__.exceptions.ClientError) as raised:
        call(**given)
    error = raised.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (name, status), error
    assert error["Error"]["Message"]


def missing(call, **given):
    refused("ResourceNotFoundException", 404, call, **given)


def invalid(call, **given):
    refused("InvalidRequestException", 400, call, **given)


def test_policy_versions(iot):
    iot.create_policy(policyName="versions", policyDocument=DOCUMENT)
    for number in range(2, 6):
        made = iot.create_policy_version(policyName="versions", policyDocument=DOCUMENT, setAsDefault=number == 3)
        assert (made["policyVersionId"], made["isDefaultVersion"]) == (str(number), number == 3)
    refused("VersionsLimitExceededException", 409, iot.create_policy_version, policyName="versions", policyDocument=DOCUMENT)
    listed = iot.list_policy_versions(policyName="versions")["policyVersions"]
    assert [(v["versionId"], v["isDefaultVersion"]) for v in listed] == [("5", False), ("4", False), ("3", True), ("2", False), ("1", False)]
    assert iot.get_policy_version(policyName="versions", policyVersionId="4")["isDefaultVersion"] is False
    iot.set_default_policy_version(policyName="versions", policyVersionId="4")
    assert iot.get_policy(policyName="versions")["defaultVersionId"] == "4"
    refused("DeleteConflictException", 409, iot.delete_policy_version, policyName="versions", policyVersionId="4")
    refused("DeleteConflictException", 409, iot.delete_policy, policyName="versions")
    for number in "1235":
        iot.delete_policy_version(policyName="versions", policyVersionId=number)
    missing(iot.get_policy_version, policyName="versions", policyVersionId="5")
    # Numbers are not given again.
    assert iot.create_policy_version(policyName="versions", policyDocument=DOCUMENT)["policyVersionId"] == "6"
    iot.delete_policy_version(policyName="versions", policyVersionId="6")
    iot.delete_policy(policyName="versions")
    missing(iot.get_policy, policyName="versions")


def test_policy_refusals(iot):
    iot.create_policy(policyName="sound", policyDocument=DOCUMENT)
    refused("ResourceAlreadyExistsException", 409, iot.create_policy, policyName="sound", policyDocument=DOCUMENT)
    for document in ("", "{", "[]", '{"Version":"2012-10-17"}', DOCUMENT.replace("Allow", "Admit"), " " * 2048 + DOCUMENT * 2, DOCUMENT + DOCUMENT):
        error = "InvalidRequestException" if document == "" else "MalformedPolicyException"
        refused(error, 400, iot.create_policy, policyName="unsound", policyDocument=document)
        refused(error, 400, iot.create_policy_version, policyName="sound", policyDocument=document)
    missing(iot.get_policy, policyName="unsound")
    for call in (iot.get_policy, iot.delete_policy, iot.list_policy_versions, iot.list_targets_for_policy):
        missing(call, policyName="none")
        invalid(call, policyName="bad name")
    missing(iot.create_policy_version, policyName="none", policyDocument=DOCUMENT)
    for call in (iot.get_policy_version, iot.delete_policy_version, iot.set_default_policy_version):
        missing(call, policyName="none", policyVersionId="1")
        missing(call, policyName="sound", policyVersionId="9")
        invalid(call, policyName="sound", policyVersionId="one")
    assert len(iot.list_policy_versions(policyName="sound")["policyVersions"]) == 1


def test_attachments(iot):
    arn = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    for number in range(11):
        iot.create_policy(policyName=f"attached{number:02}", policyDocument=DOCUMENT)
    for number in range(10):
        iot.attach_policy(policyName=f"attached{number:02}", target=arn)
        iot.attach_policy(policyName=f"attached{number:02}", target=arn)
    refused("LimitExceededException", 410, iot.attach_policy, policyName="attached10", target=arn)
    first = iot.list_attached_policies(target=arn, pageSize=4)
    assert len(first["policies"]) == 4
    rest = iot.list_attached_policies(target=arn, marker=first["nextMarker"])
    names = [policy["policyName"] for policy in first["policies"] + rest["policies"]]
    assert sorted(names) == [f"attached{number:02}" for number in range(10)]
    assert iot.list_targets_for_policy(policyName="attached03")["targets"] == [arn]
    refused("DeleteConflictException", 409, iot.delete_policy, policyName="attached03")
    iot.detach_policy(policyName="attached03", target=arn)
    iot.detach_policy(policyName="attached03", target=arn)
    assert iot.list_targets_for_policy(policyName="attached03")["targets"] == []
    iot.attach_policy(policyName="attached10", target=arn)
    for call in (iot.attach_policy, iot.detach_policy):
        missing(call, policyName="none", target=arn)
        invalid(call, policyName="attached10", target="arn:aws:s3:::bucket")
    missing(iot.attach_policy, policyName="attached10", target=NO_ONE)
    missing(iot.list_attached_policies, target=NO_ONE)
    invalid(iot.list_attached_policies, target=arn, pageSize=251)
    invalid(iot.list_attached_policies, target=arn, marker="AAAA")


def template(iot, name, **more):
    return iot.create_provisioning_template(templateName=name, templateBody=BODY, provisioningRoleArn=vouch.ROLE, enabled=True, **more)


def test_template_versions(iot):
    template(iot, "Versions")
    for number in range(2, 6):
        made = iot.create_provisioning_template_version(templateName="Versions", templateBody=BODY, setAsDefault=number == 3)
        assert (made["versionId"], made["isDefaultVersion"]) == (number, number == 3)
    refused("VersionsLimitExceededException", 409, iot.create_provisioning_template_version, templateName="Versions", templateBody=BODY)
    listed = iot.list_provisioning_template_versions(templateName="Versions")["versions"]
    assert {v["versionId"]: v["isDefaultVersion"] for v in listed} == {1: False, 2: False, 3: True, 4: False, 5: False}
    shown = iot.describe_provisioning_template_version(templateName="Versions", versionId=2)
    assert shown["templateBody"] == BODY and shown["isDefaultVersion"] is False
    iot.update_provisioning_template(templateName="Versions", defaultVersionId=5, description="newer", enabled=False)
    shown = iot.describe_provisioning_template(templateName="Versions")
    assert (shown["defaultVersionId"], shown["description"], shown["enabled"]) == (5, "newer", False)
    refused("DeleteConflictException", 409, iot.delete_provisioning_template_version, templateName="Versions", versionId=5)
    refused("DeleteConflictException", 409, iot.delete_provisioning_template, templateName="Versions")
    for number in range(1, 5):
        iot.delete_provisioning_template_version(templateName="Versions", versionId=number)
    missing(iot.describe_provisioning_template_version, templateName="Versions", versionId=4)
    iot.delete_provisioning_template(templateName="Versions")
    missing(iot.describe_provisioning_template, templateName="Versions")


def test_template_refusals(iot):
    template(iot, "Sound")
    names = [t["templateName"] for t in iot.list_provisioning_templates()["templates"]]
    assert "Sound" in names
    for call in (iot.describe_provisioning_template, iot.delete_provisioning_template, iot.update_provisioning_template,
                 iot.list_provisioning_template_versions, iot.create_provisioning_claim):
        missing(call, templateName="None")
        invalid(call, templateName="bad name")
    missing(iot.create_provisioning_template_version, templateName="None", templateBody=BODY)
    for call in (iot.describe_provisioning_template_version, iot.delete_provisioning_template_version):
        missing(call, templateName="None", versionId=1)
        missing(call, templateName="Sound", versionId=7)
        invalid(call, templateName="Sound", versionId="x")
    missing(iot.update_provisioning_template, templateName="Sound", defaultVersionId=7)
    invalid(iot.create_provisioning_template_version, templateName="Sound", templateBody="{}")
    invalid(iot.update_provisioning_template, templateName="Sound", provisioningRoleArn="nobody")
    for body in ("", "{", "{}", BODY.replace('"Ref"', '"Fn::Nothing"')):
        invalid(iot.create_provisioning_template, templateName="Unsound", templateBody=body, provisioningRoleArn=vouch.ROLE)
    missing(iot.describe_provisioning_template, templateName="Unsound")
    assert len(iot.list_provisioning_template_versions(templateName="Sound")["versions"]) == 1


def test_a_disabled_template_gives_no_claims(iot):
    template(iot, "Closed")
    iot.update_provisioning_template(templateName="Closed", enabled=False)
    invalid(iot.create_provisioning_claim, templateName="Closed")
