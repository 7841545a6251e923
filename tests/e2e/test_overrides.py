"""OverrideSettings against what exists: each cell of each property, by a device's registration and by RegisterThing."""
import json

import botocore.exceptions
import pytest

import mqtt
import own
import vouch
from test_claims import ARN, connected, register, status
from test_workshop import provision

OLD, NEW = {"kept": "old", "both": "old"}, {"both": "new", "added": "new"}
WORDS = ["DO_NOTHING", "REPLACE", "MERGE", "FAIL", None]
CONFLICT = "409"


@pytest.fixture(scope="module")
def meeting(server):
    iot = server.boto()
    for name in ("TypeOld", "TypeNew"):
        iot.create_thing_type(thingTypeName=name)
    for name in ("GroupOld", "GroupNew"):
        iot.create_thing_group(thingGroupName=name)
        iot.create_billing_group(billingGroupName=name)
    return server


def template(server, name, properties, settings, certificate=None):
    body = {"Parameters": {"ThingName": {"Type": "String"}}, "Resources": {
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, **(certificate or {})}},
        "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "pubsub"}},
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "ThingName"}, **properties}, **({"OverrideSettings": settings} if settings else {})}}}
    server.boto().create_provisioning_template(templateName=name, provisioningRoleArn=vouch.ROLE, enabled=True, templateBody=json.dumps(body))
    return mqtt.register_topic(name)


def thing_of(iot, name):
    found = iot.describe_thing(thingName=name)
    groups = [g["groupName"] for g in iot.list_thing_groups_for_thing(thingName=name)["thingGroups"]]
    return found["attributes"], found.get("thingTypeName"), sorted(groups), found.get("billingGroupName")


def existing(iot, name, **more):
    iot.create_thing(thingName=name, thingTypeName="TypeOld", attributePayload={"attributes": OLD}, billingGroupName="GroupOld", **more)
    iot.add_thing_to_thing_group(thingName=name, thingGroupName="GroupOld")
    return thing_of(iot, name)


def meet(server, name, properties, settings, thing=None):
    """What a registration of the existing thing says, and the thing afterwards."""
    iot = server.boto()
    topic = template(server, name, properties, settings)
    with connected(server, server.claim(iot, template=name), name) as client:
        accepted, answer, made = register(client, thing or name, topic=topic)
    expected = "ACTIVE" if accepted else "PENDING_ACTIVATION"
    assert status(iot, made) == expected
    attached = iot.list_thing_principals(thingName=thing or name)["principals"]
    assert (f"{ARN}cert/{made['certificateId']}" in attached) == accepted
    if not accepted:
        assert (answer["statusCode"], answer["errorCode"]) == (409, "ResourceConflictsException"), answer
    return CONFLICT if not accepted else thing_of(iot, thing or name)


def changed(before, place, value):
    return (*before[:place], value, *before[place + 1:])


@pytest.mark.parametrize("word", WORDS)
def test_attributes_that_differ(meeting, word):
    name = f"attributes-{word or 'absent'}".replace("_", "-")
    before = existing(meeting.boto(), name)
    expected = {"DO_NOTHING": before, "REPLACE": changed(before, 0, NEW), "MERGE": changed(before, 0, {**OLD, **NEW})}.get(word, CONFLICT)
    assert meet(meeting, name, {"AttributePayload": NEW}, {"AttributePayload": word} if word else None) == expected
    assert expected != CONFLICT or thing_of(meeting.boto(), name) == before


@pytest.mark.parametrize("word", ["DO_NOTHING", "REPLACE", "FAIL", None])
def test_a_type_that_differs(meeting, word):
    name = f"type-{word or 'absent'}".replace("_", "-")
    before = existing(meeting.boto(), name)
    expected = {"DO_NOTHING": before, "REPLACE": changed(before, 1, "TypeNew")}.get(word, CONFLICT)
    assert meet(meeting, name, {"ThingTypeName": "TypeNew"}, {"ThingTypeName": word} if word else None) == expected
    assert expected != CONFLICT or thing_of(meeting.boto(), name) == before


@pytest.mark.parametrize("word", WORDS)
def test_groups_that_differ(meeting, word):
    name = f"groups-{word or 'absent'}".replace("_", "-")
    before = existing(meeting.boto(), name)
    expected = {"DO_NOTHING": before, "REPLACE": changed(before, 2, ["GroupNew"]),
                "MERGE": changed(before, 2, ["GroupNew", "GroupOld"])}.get(word, CONFLICT)
    assert meet(meeting, name, {"ThingGroups": ["GroupNew"]}, {"ThingGroups": word} if word else None) == expected
    assert expected != CONFLICT or thing_of(meeting.boto(), name) == before


@pytest.mark.parametrize("word", ["DO_NOTHING", "REPLACE", "FAIL", None])
def test_what_is_equal_is_no_conflict(meeting, word):
    name = f"equal-{word or 'absent'}".replace("_", "-")
    before = existing(meeting.boto(), name)
    settings = {"AttributePayload": word, "ThingTypeName": word, "ThingGroups": word} if word else None
    assert meet(meeting, name, {"AttributePayload": OLD, "ThingTypeName": "TypeOld", "ThingGroups": ["GroupOld"]}, settings) == before


def test_what_is_empty_is_taken_away_by_replace_alone(meeting):
    before = existing(meeting.boto(), "emptied")
    empty = {"AttributePayload": {}, "ThingGroups": []}
    assert meet(meeting, "emptied-absent", empty, None, "emptied") == before
    meeting.boto().detach_thing_principal(thingName="emptied", principal=meeting.boto().list_thing_principals(thingName="emptied")["principals"][0])
    words = {"ATTRIBUTE_PAYLOAD": "replace", "THING_GROUPS": "Replace"}  # both spellings, any case
    assert meet(meeting, "emptied-replace", empty, words, "emptied") == changed(changed(before, 0, {}), 2, [])


def test_a_billing_group_stays(meeting):
    before = existing(meeting.boto(), "billed")
    assert meet(meeting, "billed", {"BillingGroup": "GroupNew"}, None) == before


@pytest.mark.parametrize("place, settings", [("thing", {"ThingTypeName": "MERGE"}), ("certificate", {"Status": "MERGE"}), ("policy", {"PolicyName": "REPLACE"}),
                                             ("thing", {"BillingGroup": "REPLACE"}), ("thing", {"AttributePayload": "PERHAPS"})])
def test_a_setting_that_is_none_is_refused_with_the_template(meeting, place, settings):
    body = json.loads((vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text())
    types = {"thing": "AWS::IoT::Thing", "certificate": "AWS::IoT::Certificate", "policy": "AWS::IoT::Policy"}
    next(r for r in body["Resources"].values() if r["Type"] == types[place])["OverrideSettings"] = settings
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        meeting.boto().create_provisioning_template(templateName="never", provisioningRoleArn=vouch.ROLE, templateBody=json.dumps(body))
    assert refused.value.response["Error"]["Code"] == "InvalidRequestException" and "OverrideSettings" in str(refused.value)


@pytest.mark.parametrize("word, expected", [("DO_NOTHING", "INACTIVE"), ("REPLACE", "ACTIVE"), ("FAIL", CONFLICT), (None, "ACTIVE")])
def test_the_status_of_a_certificate_that_exists(meeting, word, expected):
    iot = meeting.boto()
    made = iot.create_keys_and_certificate(setAsActive=False)
    resource = {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": made["certificateId"], "Status": "ACTIVE"}}
    if word:
        resource["OverrideSettings"] = {"Status": word}
    body = json.dumps({"Resources": {"certificate": resource, "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "pubsub"}}}})
    if expected == CONFLICT:
        with pytest.raises(iot.exceptions.ConflictingResourceUpdateException):
            iot.register_thing(templateBody=body)
    else:
        iot.register_thing(templateBody=body)
    assert status(iot, made) == ("INACTIVE" if expected == CONFLICT else expected)
    attached = iot.list_attached_policies(target=made["certificateArn"])["policies"]
    assert len(attached) == (0 if expected == CONFLICT else 1)


def test_policies_are_added_to_those_that_are_attached(meeting):
    iot = meeting.boto()
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName="TrustedUserProvisioningPolicy", target=made["certificateArn"])
    body = json.dumps({"Resources": {"certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": made["certificateId"]}},
                                     "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "pubsub"}}}})
    for _ in range(2):
        iot.register_thing(templateBody=body)
    assert sorted(p["policyName"] for p in iot.list_attached_policies(target=made["certificateArn"])["policies"]) == ["TrustedUserProvisioningPolicy", "pubsub"]


def test_an_exclusive_certificate_is_not_given_to_another_thing(meeting):
    iot = meeting.boto()
    made = iot.create_keys_and_certificate(setAsActive=True)
    def body(name):
        return json.dumps({"Resources": {
            "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": made["certificateId"], "ThingPrincipalType": "EXCLUSIVE_THING"}},
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "pubsub"}},
            "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": name}}}})
    iot.register_thing(templateBody=body("only"))
    with pytest.raises(botocore.exceptions.ClientError):
        iot.register_thing(templateBody=body("another"))
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_thing(thingName="another")


def test_a_device_of_the_thing_and_a_template_that_fails_leave_the_old_one(meeting):
    """Taking over and the override both speak: what the template refuses ends no certificate."""
    iot = meeting.boto()
    old = provision(meeting, meeting.claim(iot), "both-speak")
    iot.update_thing(thingName="both-speak", attributePayload={"attributes": OLD})
    topic = template(meeting, "BothSpeak", {"AttributePayload": NEW}, {"AttributePayload": "FAIL"})
    own.call(meeting, "PUT", "/_vouch/templates/BothSpeak/settings", {"onActive": "replace-now"})
    with connected(meeting, meeting.claim(iot, template="BothSpeak"), "both-speak-2") as client:
        accepted, answer, _ = register(client, "both-speak", topic=topic)
    assert not accepted and answer["statusCode"] == 409
    assert status(iot, {"certificateId": old.id}) == "ACTIVE"
