"""Thing types, thing groups, billing groups, tags, search and connectivity over the control plane, each operation with what it refuses;
policies that devices get through their groups."""
import datetime
import json
import re
import time

import pytest

import mqtt
import vouch
from test_api_certificates import arn, refused
from test_api_things import raw
from test_workshop import provision

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
NOT_FOUND, EXISTS, INVALID = "ResourceNotFoundException", "ResourceAlreadyExistsException", "InvalidRequestException"
VERSION, LIMIT, DENIED = "VersionConflictException", "LimitExceededException", "AccessDeniedException"


@pytest.fixture(scope="module")
def iot(server):
    return server.boto(parameter_validation=False)


def listed(iot, operation, member, size, **inputs):
    """All items of a list with tokens, gathered page by page."""
    items, token = [], {}
    while True:
        page = getattr(iot, operation)(maxResults=size, **inputs, **token)
        assert len(page[member]) <= size
        items += page[member]
        if "nextToken" not in page:
            return items
        assert page["nextToken"]
        token = {"nextToken": page["nextToken"]}


def names(groups):
    return [g["groupName"] for g in groups]


def things(iot, *which):
    for name in which:
        iot.create_thing(thingName=name)


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": effect, "Action": action, "Resource": resource} for effect, action, resource in statements]})


# ---- thing types


def test_thing_type_life(iot):
    made = iot.create_thing_type(thingTypeName="bulb:1", thingTypeProperties={"thingTypeDescription": "words", "searchableAttributes": ["a", "b"]})
    assert made["thingTypeName"] == "bulb:1" and made["thingTypeArn"] == arn("bulb:1", "thingtype") and UUID.fullmatch(made["thingTypeId"])
    described = iot.describe_thing_type(thingTypeName="bulb:1")
    assert described["thingTypeProperties"] == {"thingTypeDescription": "words", "searchableAttributes": ["a", "b"]}
    assert described["thingTypeId"] == made["thingTypeId"] and described["thingTypeArn"] == made["thingTypeArn"]
    metadata = described["thingTypeMetadata"]
    assert metadata["deprecated"] is False and "deprecationDate" not in metadata
    assert abs((metadata["creationDate"] - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) < 60
    taken = refused(iot, EXISTS, iot.create_thing_type, thingTypeName="bulb:1")
    assert taken["resourceId"] == "bulb:1" and taken["resourceArn"] == made["thingTypeArn"]
    iot.deprecate_thing_type(thingTypeName="bulb:1")
    assert iot.describe_thing_type(thingTypeName="bulb:1")["thingTypeMetadata"]["deprecated"] is True
    assert "deprecationDate" in iot.describe_thing_type(thingTypeName="bulb:1")["thingTypeMetadata"]
    refused(iot, INVALID, iot.create_thing, thingName="late", thingTypeName="bulb:1")
    iot.deprecate_thing_type(thingTypeName="bulb:1", undoDeprecate=True)
    assert iot.describe_thing_type(thingTypeName="bulb:1")["thingTypeMetadata"]["deprecated"] is False
    iot.create_thing(thingName="in-time", thingTypeName="bulb:1")


def test_thing_type_is_deleted_five_minutes_after_deprecation(clock_server):
    iot = clock_server.boto(parameter_validation=False)
    iot.create_thing_type(thingTypeName="relic")
    iot.create_thing(thingName="one", thingTypeName="relic")
    refused(iot, INVALID, iot.delete_thing_type, thingTypeName="relic")
    iot.deprecate_thing_type(thingTypeName="relic")
    refused(iot, INVALID, iot.delete_thing_type, thingTypeName="relic")
    clock_server.advance_clock(290)
    # boto3 does not know of the moved clock, so these are signed by hand.
    when = lambda: datetime.datetime.utcnow() + datetime.timedelta(seconds=clock_server.advanced)  # noqa: E731
    assert at(clock_server, when(), "DELETE", "/thing-types/relic") == (400, INVALID)
    clock_server.advance_clock(20)
    assert at(clock_server, when(), "DELETE", "/thing-types/relic") == (400, INVALID)  # a thing has it
    assert at(clock_server, when(), "DELETE", "/things/one") == (200, "")
    assert at(clock_server, when(), "DELETE", "/thing-types/relic") == (200, "")
    assert at(clock_server, when(), "DELETE", "/thing-types/relic") == (404, NOT_FOUND)


def at(server, when, method, path):
    from test_api import send, signed
    answer = send(server, signed(server, method, path, when=when))
    return answer[0], (answer[1]["x-amzn-ErrorType"] or "").split(":")[0]


def test_thing_type_update(server, iot):
    iot.create_thing_type(thingTypeName="changed", thingTypeProperties={"thingTypeDescription": "old", "searchableAttributes": ["a"]})
    body = json.dumps({"thingTypeProperties": {"searchableAttributes": ["x", "y"], "mqtt5Configuration": {
        "propagatingAttributes": [{"userPropertyKey": "k", "thingAttribute": "a"}]}}}).encode()
    assert raw(server, "PATCH", "/thing-types/changed", body=body)[:2] == (200, "")
    after = raw(server, "GET", "/thing-types/changed")[2]["thingTypeProperties"]
    assert after == {"thingTypeDescription": "old", "searchableAttributes": ["x", "y"],
                     "mqtt5Configuration": {"propagatingAttributes": [{"userPropertyKey": "k", "thingAttribute": "a"}]}}
    assert raw(server, "PATCH", "/thing-types/none", body=body)[:2] == (404, NOT_FOUND)
    bad = json.dumps({"thingTypeProperties": {"searchableAttributes": ["a", "b", "c", "d"]}}).encode()
    assert raw(server, "PATCH", "/thing-types/changed", body=bad)[:2] == (400, INVALID)


def test_thing_types_listed_and_refused(server, iot):
    for i in range(5):
        iot.create_thing_type(thingTypeName=f"list-{i}")
    found = [t["thingTypeName"] for t in listed(iot, "list_thing_types", "thingTypes", 2)]
    assert found == sorted(found) and {f"list-{i}" for i in range(5)} <= set(found)
    assert [t["thingTypeName"] for t in iot.list_thing_types(thingTypeName="list-3")["thingTypes"]] == ["list-3"]
    assert iot.list_thing_types(thingTypeName="list")["thingTypes"] == []
    for call in (iot.describe_thing_type, iot.deprecate_thing_type, iot.delete_thing_type):
        refused(iot, NOT_FOUND, call, thingTypeName="none")
        refused(iot, INVALID, call, thingTypeName="bad name")
    refused(iot, INVALID, iot.create_thing_type, thingTypeName="x" * 129)
    for properties in ({"thingTypeDescription": "x" * 2029}, {"searchableAttributes": ["a", "b", "c", "d"]}, {"searchableAttributes": ["bad name"]},
                       {"thingTypeDescription": "\x01"}):
        refused(iot, INVALID, iot.create_thing_type, thingTypeName="refused", thingTypeProperties=properties)
    for body in (b'{"thingTypeProperties": "words"}', b'{"thingTypeProperties": {"searchableAttributes": "a"}}', b'{"tags": ["words"]}'):
        assert raw(server, "POST", "/thing-types/refused", body=body)[:2] == (400, INVALID)
    refused(iot, NOT_FOUND, iot.describe_thing_type, thingTypeName="refused")
    refused(iot, INVALID, iot.list_thing_types, maxResults=251)
    refused(iot, INVALID, iot.list_thing_types, nextToken="AAAA")


# ---- thing groups


def test_thing_group_life(iot):
    made = iot.create_thing_group(thingGroupName="world", thingGroupProperties={
        "thingGroupDescription": "all", "attributePayload": {"attributes": {"planet": "earth", "none": ""}}})
    assert made["thingGroupName"] == "world" and made["thingGroupArn"] == arn("world", "thinggroup") and UUID.fullmatch(made["thingGroupId"])
    iot.create_thing_group(thingGroupName="europe", parentGroupName="world")
    iot.create_thing_group(thingGroupName="france", parentGroupName="europe")
    root = iot.describe_thing_group(thingGroupName="world")
    assert root["thingGroupProperties"] == {"thingGroupDescription": "all", "attributePayload": {"attributes": {"planet": "earth"}}}
    assert root["version"] == 1 and root["thingGroupId"] == made["thingGroupId"] and set(root["thingGroupMetadata"]) == {"creationDate"}
    leaf = iot.describe_thing_group(thingGroupName="france")
    assert leaf["thingGroupMetadata"]["parentGroupName"] == "europe"
    assert leaf["thingGroupMetadata"]["rootToParentThingGroups"] == [
        {"groupName": n, "groupArn": arn(n, "thinggroup")} for n in ("world", "europe")]
    assert leaf["thingGroupProperties"] == {}
    taken = refused(iot, EXISTS, iot.create_thing_group, thingGroupName="world")
    assert taken["resourceArn"] == made["thingGroupArn"]
    said = refused(iot, INVALID, iot.delete_thing_group, thingGroupName="europe")["Error"]["Message"]
    assert "child groups" in said
    refused(iot, VERSION, iot.delete_thing_group, thingGroupName="france", expectedVersion=7)
    iot.delete_thing_group(thingGroupName="france", expectedVersion=1)
    iot.delete_thing_group(thingGroupName="france")  # gone already: no error
    iot.delete_thing_group(thingGroupName="europe")
    refused(iot, NOT_FOUND, iot.describe_thing_group, thingGroupName="france")


def test_thing_group_update(iot):
    iot.create_thing_group(thingGroupName="updated", thingGroupProperties={"thingGroupDescription": "old", "attributePayload": {"attributes": {"a": "1"}}})
    update = lambda **more: iot.update_thing_group(thingGroupName="updated", **more)["version"]  # noqa: E731
    properties = lambda: iot.describe_thing_group(thingGroupName="updated")["thingGroupProperties"]  # noqa: E731
    assert update(thingGroupProperties={"attributePayload": {"attributes": {"b": "2"}, "merge": True}}) == 2
    assert properties() == {"thingGroupDescription": "old", "attributePayload": {"attributes": {"a": "1", "b": "2"}}}
    assert update(thingGroupProperties={"attributePayload": {"attributes": {"c": "3"}}}, expectedVersion=2) == 3
    assert properties() == {"thingGroupDescription": "old", "attributePayload": {"attributes": {"c": "3"}}}
    assert update(thingGroupProperties={"thingGroupDescription": "new"}) == 4
    assert properties() == {"thingGroupDescription": "new", "attributePayload": {"attributes": {"c": "3"}}}
    refused(iot, VERSION, iot.update_thing_group, thingGroupName="updated", thingGroupProperties={}, expectedVersion=2)
    refused(iot, NOT_FOUND, iot.update_thing_group, thingGroupName="none", thingGroupProperties={})
    refused(iot, INVALID, iot.update_thing_group, thingGroupName="updated")
    refused(iot, INVALID, iot.update_thing_group, thingGroupName="updated", thingGroupProperties={"attributePayload": {"attributes": {"bad name": "1"}}})
    assert iot.describe_thing_group(thingGroupName="updated")["version"] == 4


def test_thing_groups_refused(iot):
    refused(iot, INVALID, iot.create_thing_group, thingGroupName="child", parentGroupName="none")
    refused(iot, INVALID, iot.create_thing_group, thingGroupName="child", parentGroupName="child")
    refused(iot, INVALID, iot.create_thing_group, thingGroupName="bad name")
    refused(iot, INVALID, iot.create_thing_group, thingGroupName="child", thingGroupProperties={"attributePayload": {
        "attributes": {f"a{i}": "1" for i in range(51)}}})
    refused(iot, NOT_FOUND, iot.describe_thing_group, thingGroupName="child")
    parent = {}
    for level in range(7):
        iot.create_thing_group(thingGroupName=f"level-{level}", **parent)
        parent = {"parentGroupName": f"level-{level}"}
    refused(iot, INVALID, iot.create_thing_group, thingGroupName="level-7", **parent)
    assert len(iot.describe_thing_group(thingGroupName="level-6")["thingGroupMetadata"]["rootToParentThingGroups"]) == 6
    for call in (iot.describe_thing_group, iot.delete_thing_group, iot.list_things_in_thing_group):
        refused(iot, INVALID, call, thingGroupName="bad name")


def test_a_group_has_a_hundred_children(iot):
    iot.create_thing_group(thingGroupName="many")
    for i in range(100):
        iot.create_thing_group(thingGroupName=f"many-{i:03}", parentGroupName="many")
    refused(iot, INVALID, iot.create_thing_group, thingGroupName="many-100", parentGroupName="many")
    assert len(listed(iot, "list_thing_groups", "thingGroups", 30, parentGroup="many")) == 100


def test_thing_groups_listed(iot):
    for name, parent in (("l", {}), ("l:a", {"parentGroupName": "l"}), ("l:a:b", {"parentGroupName": "l:a"}), ("l2", {})):
        iot.create_thing_group(thingGroupName=name, **parent)
    found = listed(iot, "list_thing_groups", "thingGroups", 2, namePrefixFilter="l")
    assert [n for n in names(found) if not n.startswith("level")] == ["l", "l2", "l:a", "l:a:b"]
    assert found[0]["groupArn"] == arn("l", "thinggroup")
    assert names(iot.list_thing_groups(parentGroup="l")["thingGroups"]) == ["l:a", "l:a:b"]
    assert names(iot.list_thing_groups(parentGroup="l", recursive=False)["thingGroups"]) == ["l:a"]
    assert names(iot.list_thing_groups(namePrefixFilter="l:", recursive=True)["thingGroups"]) == ["l:a", "l:a:b"]
    assert names(iot.list_thing_groups(namePrefixFilter="l:", recursive=False)["thingGroups"]) == []
    refused(iot, NOT_FOUND, iot.list_thing_groups, parentGroup="none")
    refused(iot, INVALID, iot.list_thing_groups, maxResults=0)
    token = iot.list_thing_groups(maxResults=1, namePrefixFilter="l")["nextToken"]
    refused(iot, INVALID, iot.list_thing_groups, nextToken=token, namePrefixFilter="m")
    refused(iot, INVALID, iot.list_thing_types, nextToken=token)


# ---- members


@pytest.fixture(scope="module")
def tree(iot):
    """m, below it m1 and m2, beside it n."""
    for name, parent in (("m", {}), ("m1", {"parentGroupName": "m"}), ("m2", {"parentGroupName": "m"}), ("n", {})):
        iot.create_thing_group(thingGroupName=name, **parent)
    things(iot, "t1", "t2", "t3")
    return iot


def test_things_in_groups(tree):
    iot = tree
    iot.add_thing_to_thing_group(thingGroupName="m1", thingName="t1")
    iot.add_thing_to_thing_group(thingGroupName="m1", thingName="t1")
    iot.add_thing_to_thing_group(thingGroupArn=arn("m2", "thinggroup"), thingArn=arn("t2", "thing"))
    iot.add_thing_to_thing_group(thingGroupName="m", thingName="t3", thingArn=arn("t3", "thing"), overrideDynamicGroups=True)
    assert iot.list_things_in_thing_group(thingGroupName="m")["things"] == ["t3"]
    assert listed(iot, "list_things_in_thing_group", "things", 2, thingGroupName="m", recursive=True) == ["t1", "t2", "t3"]
    assert iot.list_thing_groups_for_thing(thingName="t1")["thingGroups"] == [{"groupName": "m1", "groupArn": arn("m1", "thinggroup")}]
    # Never two groups of one hierarchy.
    for group in ("m", "m2"):
        said = refused(iot, INVALID, iot.add_thing_to_thing_group, thingGroupName=group, thingName="t1")
        assert "hierarchy" in said["Error"]["Message"]
    iot.add_thing_to_thing_group(thingGroupName="n", thingName="t1")
    assert names(listed(iot, "list_thing_groups_for_thing", "thingGroups", 1, thingName="t1")) == ["m1", "n"]
    for _ in range(2):
        iot.remove_thing_from_thing_group(thingGroupName="n", thingName="t1")
    assert names(iot.list_thing_groups_for_thing(thingName="t1")["thingGroups"]) == ["m1"]


def test_things_in_groups_refused(tree):
    iot = tree
    for call in (iot.add_thing_to_thing_group, iot.remove_thing_from_thing_group):
        refused(iot, NOT_FOUND, call, thingGroupName="none", thingName="t1")
        refused(iot, NOT_FOUND, call, thingGroupName="n", thingName="none")
        said = refused(iot, INVALID, call, thingGroupName="n")["Error"]["Message"]
        assert said == "Both thingName and thingArn cannot be null"
        refused(iot, INVALID, call, thingName="t1")
        refused(iot, INVALID, call, thingGroupName="n", thingName="t1", thingArn=arn("t2", "thing"))
        refused(iot, INVALID, call, thingGroupArn=arn("n", "billinggroup"), thingName="t1")
        refused(iot, INVALID, call, thingGroupName="bad name", thingName="t1")
    refused(iot, NOT_FOUND, iot.list_things_in_thing_group, thingGroupName="none")
    refused(iot, NOT_FOUND, iot.list_thing_groups_for_thing, thingName="none")
    refused(iot, INVALID, iot.list_thing_groups_for_thing, thingName="t1", maxResults=251)


def test_groups_of_a_thing_updated(server, tree):
    iot = tree
    things(iot, "mover")
    iot.update_thing_groups_for_thing(thingName="mover", thingGroupsToAdd=["m1", "n"])
    assert names(iot.list_thing_groups_for_thing(thingName="mover")["thingGroups"]) == ["m1", "n"]
    iot.update_thing_groups_for_thing(thingName="mover", thingGroupsToAdd=["m2"], thingGroupsToRemove=["m1"])
    assert names(iot.list_thing_groups_for_thing(thingName="mover")["thingGroups"]) == ["m2", "n"]
    # All or nothing.
    refused(iot, NOT_FOUND, iot.update_thing_groups_for_thing, thingName="mover", thingGroupsToAdd=["none"], thingGroupsToRemove=["n"])
    refused(iot, INVALID, iot.update_thing_groups_for_thing, thingName="mover", thingGroupsToAdd=["m"], thingGroupsToRemove=["n"])
    assert names(iot.list_thing_groups_for_thing(thingName="mover")["thingGroups"]) == ["m2", "n"]
    refused(iot, NOT_FOUND, iot.update_thing_groups_for_thing, thingName="none", thingGroupsToAdd=["n"])
    refused(iot, INVALID, iot.update_thing_groups_for_thing, thingGroupsToAdd=["n"])
    refused(iot, INVALID, iot.update_thing_groups_for_thing, thingName="mover", thingGroupsToAdd=["n"] * 11)
    for body in (b'{"thingName": "mover", "thingGroupsToAdd": "n"}', b'{"thingName": "mover", "thingGroupsToAdd": [7]}'):
        assert raw(server, "PUT", "/thing-groups/updateThingGroupsForThing", body=body)[:2] == (400, INVALID)


def test_a_thing_is_in_ten_groups(iot):
    things(iot, "joiner")
    for i in range(11):
        iot.create_thing_group(thingGroupName=f"ten-{i}")
    iot.update_thing_groups_for_thing(thingName="joiner", thingGroupsToAdd=[f"ten-{i}" for i in range(10)])
    refused(iot, INVALID, iot.add_thing_to_thing_group, thingGroupName="ten-10", thingName="joiner")
    iot.delete_thing_group(thingGroupName="ten-0")  # with its member
    iot.add_thing_to_thing_group(thingGroupName="ten-10", thingName="joiner")


def test_membership_needs_both_permissions(server, tree):
    iot = tree
    things(iot, "guarded")
    both = [arn("n", "thinggroup"), arn("guarded", "thing")]
    for given, allowed in ((both[:1], False), (both[1:], False), (both, True)):
        user = limited(server, f"member-{len(given)}-{int(given[0] == both[0])}", [
            {"Effect": "Allow", "Action": ["iot:AddThingToThingGroup", "iot:UpdateThingGroupsForThing"], "Resource": given}])
        for call in (lambda: user.add_thing_to_thing_group(thingGroupName="n", thingName="guarded"),
                     lambda: user.add_thing_to_thing_group(thingGroupArn=both[0], thingArn=both[1]),
                     lambda: user.update_thing_groups_for_thing(thingName="guarded", thingGroupsToAdd=["n"])):
            if allowed:
                call()
            else:
                refused(user, DENIED, call)
    assert names(iot.list_thing_groups_for_thing(thingName="guarded")["thingGroups"]) == ["n"]


# ---- billing groups


def test_billing_group_life(iot):
    made = iot.create_billing_group(billingGroupName="south", billingGroupProperties={"billingGroupDescription": "words"})
    assert made["billingGroupArn"] == arn("south", "billinggroup") and UUID.fullmatch(made["billingGroupId"])
    described = iot.describe_billing_group(billingGroupName="south")
    assert described["billingGroupProperties"] == {"billingGroupDescription": "words"} and described["version"] == 1
    assert described["billingGroupId"] == made["billingGroupId"] and "creationDate" in described["billingGroupMetadata"]
    assert refused(iot, EXISTS, iot.create_billing_group, billingGroupName="south")["resourceArn"] == made["billingGroupArn"]
    assert iot.update_billing_group(billingGroupName="south", billingGroupProperties={"billingGroupDescription": "new"}, expectedVersion=1)["version"] == 2
    refused(iot, VERSION, iot.update_billing_group, billingGroupName="south", billingGroupProperties={}, expectedVersion=1)
    refused(iot, NOT_FOUND, iot.update_billing_group, billingGroupName="none", billingGroupProperties={})
    refused(iot, INVALID, iot.update_billing_group, billingGroupName="south")
    things(iot, "billed")
    iot.add_thing_to_billing_group(billingGroupName="south", thingName="billed")
    assert iot.describe_thing(thingName="billed")["billingGroupName"] == "south"
    assert iot.list_things_in_billing_group(billingGroupName="south")["things"] == ["billed"]
    refused(iot, INVALID, iot.delete_billing_group, billingGroupName="south")
    iot.create_billing_group(billingGroupName="west")
    iot.add_thing_to_billing_group(billingGroupArn=arn("west", "billinggroup"), thingArn=arn("billed", "thing"))
    assert iot.describe_thing(thingName="billed")["billingGroupName"] == "west"
    for _ in range(2):
        iot.remove_thing_from_billing_group(billingGroupName="west", thingName="billed")
    assert "billingGroupName" not in iot.describe_thing(thingName="billed")
    refused(iot, VERSION, iot.delete_billing_group, billingGroupName="south", expectedVersion=1)
    iot.delete_billing_group(billingGroupName="south", expectedVersion=2)
    iot.delete_billing_group(billingGroupName="south")
    refused(iot, NOT_FOUND, iot.describe_billing_group, billingGroupName="south")


def test_billing_groups_listed_and_refused(iot):
    for i in range(3):
        iot.create_billing_group(billingGroupName=f"bill-{i}")
        things(iot, f"payer-{i}")
        iot.add_thing_to_billing_group(billingGroupName="bill-0", thingName=f"payer-{i}")
    assert names(listed(iot, "list_billing_groups", "billingGroups", 2, namePrefixFilter="bill-")) == ["bill-0", "bill-1", "bill-2"]
    assert listed(iot, "list_things_in_billing_group", "things", 2, billingGroupName="bill-0") == ["payer-0", "payer-1", "payer-2"]
    for call in (iot.add_thing_to_billing_group, iot.remove_thing_from_billing_group):
        refused(iot, NOT_FOUND, call, billingGroupName="none", thingName="payer-0")
        refused(iot, NOT_FOUND, call, billingGroupName="bill-0", thingName="none")
        refused(iot, INVALID, call, billingGroupName="bill-0")
        refused(iot, INVALID, call, thingName="payer-0")
        refused(iot, INVALID, call, billingGroupArn=arn("bill-0", "thinggroup"), thingName="payer-0")
    refused(iot, NOT_FOUND, iot.list_things_in_billing_group, billingGroupName="none")
    refused(iot, INVALID, iot.create_billing_group, billingGroupName="bad name")
    refused(iot, INVALID, iot.list_billing_groups, maxResults=251)


# ---- tags


def tags(iot, resource):
    return {t["Key"]: t["Value"] for t in iot.list_tags_for_resource(resourceArn=resource)["tags"]}


def given(**pairs):
    return [{"Key": k, "Value": v} for k, v in pairs.items()]


def test_tags_at_creation_and_later(iot):
    body = (vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text()
    iot.create_policy(policyName="tagged", policyDocument=document(("Allow", "iot:Connect", "*")), tags=given(team="a"))
    iot.create_provisioning_template(templateName="Tagged", provisioningRoleArn=vouch.ROLE, templateBody=body, tags=given(team="a"))
    iot.create_thing_type(thingTypeName="tagged", tags=given(team="a"))
    iot.create_thing_group(thingGroupName="tagged", tags=given(team="a"))
    iot.create_billing_group(billingGroupName="tagged", tags=given(team="a"))
    for kind, name in (("policy", "tagged"), ("provisioningtemplate", "Tagged"), ("thingtype", "tagged"), ("thinggroup", "tagged"), ("billinggroup", "tagged")):
        resource = arn(name, kind)
        assert tags(iot, resource) == {"team": "a"}
        iot.tag_resource(resourceArn=resource, tags=given(team="b", **{"cost center": "x@y.z/1"}) + [{"Key": "empty"}])
        assert tags(iot, resource) == {"team": "b", "cost center": "x@y.z/1", "empty": ""}
        iot.untag_resource(resourceArn=resource, tagKeys=["cost center", "unknown"])
        assert tags(iot, resource) == {"team": "b", "empty": ""}
    iot.delete_policy(policyName="tagged")
    refused(iot, NOT_FOUND, iot.list_tags_for_resource, resourceArn=arn("tagged", "policy"))
    iot.create_policy(policyName="tagged", policyDocument=document(("Allow", "iot:Connect", "*")))
    assert tags(iot, arn("tagged", "policy")) == {}


def test_tags_refused(iot):
    iot.create_thing_group(thingGroupName="labels")
    resource, none = arn("labels", "thinggroup"), arn("none", "thinggroup")
    refused(iot, NOT_FOUND, iot.tag_resource, resourceArn=none, tags=given(a="1"))
    refused(iot, NOT_FOUND, iot.untag_resource, resourceArn=none, tagKeys=["a"])
    refused(iot, NOT_FOUND, iot.list_tags_for_resource, resourceArn=none)
    for wrong in (arn("x", "thing"), "words", resource.replace(vouch.ACCOUNT, "999999999999")):
        refused(iot, INVALID, iot.tag_resource, resourceArn=wrong, tags=given(a="1"))
        refused(iot, INVALID, iot.list_tags_for_resource, resourceArn=wrong)
    for bad in ([], given(**{"x" * 129: "1"}), given(a="x" * 257), given(**{"a#b": "1"}), given(**{"aws:x": "1"}), given(a="1", A="2"),
                [{"Value": "1"}], given(**{f"k{i}": "1" for i in range(51)}), [{"Key": 7}]):
        refused(iot, INVALID, iot.tag_resource, resourceArn=resource, tags=bad)
    refused(iot, INVALID, iot.create_thing_group, thingGroupName="labels-2", tags=given(a="1", A="2"))
    refused(iot, NOT_FOUND, iot.describe_thing_group, thingGroupName="labels-2")
    refused(iot, INVALID, iot.untag_resource, resourceArn=resource, tagKeys=[])
    refused(iot, INVALID, iot.list_tags_for_resource, resourceArn=resource, nextToken="AAAA")
    iot.tag_resource(resourceArn=resource, tags=given(**{f"k{i}": "1" for i in range(50)}))
    refused(iot, LIMIT, iot.tag_resource, resourceArn=resource, tags=given(more="1"))
    assert len(tags(iot, resource)) == 50


def limited(server, name, statements):
    """A client of a user with one IAM policy."""
    server.vouch("user", "create", name)
    body = json.dumps({"policyDocument": json.dumps({"Version": "2012-10-17", "Statement": statements})}).encode()
    assert raw(server, "PUT", f"/_vouch/users/{name}/policies/own", body=body)[0] == 200
    made = raw(server, "POST", f"/_vouch/users/{name}/access-keys")[2]
    return server.boto(key=made, parameter_validation=False)


def test_tags_decide_permissions(server, iot):
    iot.create_thing_group(thingGroupName="red", tags=given(colour="red"))
    iot.create_thing_group(thingGroupName="blue", tags=given(colour="blue"))
    user = limited(server, "painter", [
        {"Effect": "Allow", "Action": "iot:DescribeThingGroup", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/colour": "red"}}},
        {"Effect": "Allow", "Action": "iot:CreateThingGroup", "Resource": "*", "Condition": {
            "StringEquals": {"aws:RequestTag/colour": "red"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["colour", "shade"]}}},
        {"Effect": "Allow", "Action": "iot:UntagResource", "Resource": "*", "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["shade"]}}}])
    user.describe_thing_group(thingGroupName="red")
    refused(user, DENIED, user.describe_thing_group, thingGroupName="blue")
    refused(user, DENIED, user.describe_thing_group, thingGroupName="none")
    iot.tag_resource(resourceArn=arn("blue", "thinggroup"), tags=given(colour="red"))
    user.describe_thing_group(thingGroupName="blue")
    user.create_thing_group(thingGroupName="red-1", tags=given(colour="red", shade="dark"))
    for bad in (given(colour="blue"), given(colour="red", other="1"), []):
        refused(user, DENIED, user.create_thing_group, thingGroupName="red-2", tags=bad)
    refused(user, DENIED, user.create_thing_group, thingGroupName="red-2")
    user.untag_resource(resourceArn=arn("red-1", "thinggroup"), tagKeys=["shade"])
    refused(user, DENIED, user.untag_resource, resourceArn=arn("red-1", "thinggroup"), tagKeys=["shade", "colour"])


# ---- search


@pytest.fixture(scope="module")
def searchable(iot):
    iot.create_thing_type(thingTypeName="probe")
    iot.create_thing_group(thingGroupName="find")
    for i in range(6):
        more = {"thingTypeName": "probe"} if i % 2 else {}
        iot.create_thing(thingName=f"find-{i}", attributePayload={"attributes": {"x": str(i % 3), "site": "north" if i < 3 else "south"}}, **more)
        if i < 2:
            iot.add_thing_to_thing_group(thingGroupName="find", thingName=f"find-{i}")
    return iot


@pytest.mark.parametrize("query,found", [
    ("thingName:find-*", [0, 1, 2, 3, 4, 5]),
    ("thingName:find-3", [3]),
    ("thingName:find-?", [0, 1, 2, 3, 4, 5]),
    ("thingName:nothing*", []),
    ("thingName:find-* AND attributes.x:1", [1, 4]),
    ("thingName:find-* attributes.x:1", [1, 4]),
    ("thingName:find-* AND NOT attributes.x:1", [0, 2, 3, 5]),
    ("thingTypeName:probe", [1, 3, 5]),
    ("thingTypeName:probe AND attributes.site:south", [3, 5]),
    ("thingGroupNames:find", [0, 1]),
    ("thingGroupNames:find AND thingTypeName:probe", [1]),
    ("attributes.site:nor*", [0, 1, 2]),
    ("(thingName:find-1 OR thingName:find-2) AND attributes.site:north", [1, 2]),
    ("thingName:find-* AND (attributes.x:0 OR attributes.x:2) AND NOT thingTypeName:probe", [0, 2]),
    ("thingName:find-* AND connectivity.connected:false", [0, 1, 2, 3, 4, 5]),
    ("thingName:find-* AND connectivity.connected:true", []),
    ('attributes.site:"north" AND thingName:find-2', [2]),
])
def test_search(searchable, query, found):
    answer = searchable.search_index(queryString=query)
    assert [t["thingName"] for t in answer["things"]] == [f"find-{i}" for i in found]
    assert "nextToken" not in answer


def test_search_results(searchable):
    iot = searchable
    thing = iot.search_index(indexName="AWS_Things", queryString="thingName:find-1", queryVersion="2017-09-30")["things"][0]
    assert thing == {"thingName": "find-1", "thingId": iot.describe_thing(thingName="find-1")["thingId"], "thingTypeName": "probe",
                     "thingGroupNames": ["find"], "attributes": {"x": "1", "site": "north"}, "connectivity": {"connected": False}}
    first = iot.search_index(queryString="thingName:find-*", maxResults=4)
    assert [t["thingName"] for t in first["things"]] == [f"find-{i}" for i in range(4)]
    rest = iot.search_index(queryString="thingName:find-*", maxResults=4, nextToken=first["nextToken"])
    assert [t["thingName"] for t in rest["things"]] == ["find-4", "find-5"] and "nextToken" not in rest
    refused(iot, INVALID, iot.search_index, queryString="thingName:other*", nextToken=first["nextToken"])
    assert len(iot.search_index(queryString="*", maxResults=500)["things"]) >= 6


def test_search_of_groups(searchable):
    iot = searchable
    iot.create_thing_group(thingGroupName="deep", parentGroupName="find", thingGroupProperties={
        "thingGroupDescription": "below", "attributePayload": {"attributes": {"level": "2"}}})
    for query in ("thingGroupName:dee*", "parentGroupNames:find", "attributes.level:2 AND thingGroupDescription:below"):
        assert iot.search_index(indexName="AWS_ThingGroups", queryString=query)["thingGroups"] == [
            {"thingGroupName": "deep", "thingGroupId": iot.describe_thing_group(thingGroupName="deep")["thingGroupId"],
             "thingGroupDescription": "below", "attributes": {"level": "2"}, "parentGroupNames": ["find"]}]
    page = iot.search_index(indexName="AWS_ThingGroups", queryString="*", maxResults=1)
    assert len(page["thingGroups"]) == 1 and page["nextToken"]


@pytest.mark.parametrize("query", ["thingName", "thingName:", "AND", "thingName:a AND", "(thingName:a", "thingName:a)", "thingName:\"a", "shadow.x:1",
                                   "thingName:[a TO b]", "attributes.x:>5", "attributes.:1", "a:1", "x" * 1001,
                                   "thingName:a thingName:b thingName:c thingName:d thingName:e thingName:f"])
def test_search_refuses_queries(iot, query):
    refused(iot, "InvalidQueryException", iot.search_index, queryString=query)


def test_search_refused(iot):
    refused(iot, NOT_FOUND, iot.search_index, indexName="AWS_Other", queryString="*")
    for bad in ({}, {"queryString": ""}, {"queryString": "*", "maxResults": 501}, {"queryString": "*", "maxResults": 0}, {"queryString": 7},
                {"queryString": "*", "nextToken": "AAAA"}):
        refused(iot, INVALID, iot.search_index, **bad)


# ---- devices: connectivity, and policies of groups


@pytest.fixture(scope="module")
def device(server, iot):
    """A provisioned device, and its own policy taken away."""
    identity = provision(server, server.claim(), "grouped")
    iot.detach_policy(policyName="pubsub", target=arn(identity.id))
    return identity


def eventually(check):
    deadline = time.monotonic() + 5
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def connectivity(server, thing):
    code, error, answer = raw(server, "POST", f"/things/{thing}/connectivity-data")
    assert code == 200, error
    return answer


def test_policies_of_groups(server, iot, device):
    for name, parent in (("site", {}), ("floor", {"parentGroupName": "site"}), ("attic", {"parentGroupName": "site"})):
        iot.create_thing_group(thingGroupName=name, **parent)
    iot.create_policy(policyName="enter", policyDocument=document(("Allow", "iot:Connect", "*")))
    iot.create_policy(policyName="speak", policyDocument=document(("Allow", "iot:Publish", arn("talk/*", "topic"))))
    iot.create_policy(policyName="quiet", policyDocument=document(("Deny", "iot:Publish", arn("talk/loud", "topic"))))
    with pytest.raises((AssertionError, mqtt.Closed)):
        mqtt.Client(server, device).connect("grouped")
    iot.attach_policy(policyName="enter", target=arn("site", "thinggroup"))
    iot.attach_policy(policyName="enter", target=arn("site", "thinggroup"))
    iot.attach_policy(policyName="speak", target=arn("floor", "thinggroup"))
    iot.add_thing_to_thing_group(thingGroupName="floor", thingName="grouped")
    # By no other client id than the thing's name.
    with pytest.raises((AssertionError, mqtt.Closed)):
        mqtt.Client(server, device).connect("other")
    with mqtt.Client(server, device) as client:
        client.connect("grouped")
        client.publish("talk/a", b"1")
        client.publish("talk/loud", b"1")
        # Live connections are judged by what is true now.
        iot.attach_policy(policyName="quiet", target=arn("site", "thinggroup"))
        client.publish("talk/a", b"1")
        client.send(mqtt.publish("talk/loud", b"1", 1, 99))
        client.expect_closed()
    iot.detach_policy(policyName="quiet", target=arn("site", "thinggroup"))
    with mqtt.Client(server, device) as client:
        client.connect("grouped")
        client.publish("talk/loud", b"1")
        iot.update_thing_groups_for_thing(thingName="grouped", thingGroupsToRemove=["floor"], thingGroupsToAdd=["attic"])
        client.send(mqtt.publish("talk/a", b"1", 1, 99))
        client.expect_closed()
    with mqtt.Client(server, device) as client:
        client.connect("grouped")  # by the policy of the group above
        iot.delete_thing_group(thingGroupName="attic")
        client.send(mqtt.publish("talk/a", b"1", 1, 99))
        client.expect_closed()
    with pytest.raises((AssertionError, mqtt.Closed)):
        mqtt.Client(server, device).connect("grouped")


def test_policies_of_groups_listed_and_refused(server, iot):
    iot.create_thing_group(thingGroupName="g-top")
    iot.create_thing_group(thingGroupName="g-low", parentGroupName="g-top")
    for name in ("gp1", "gp2", "gp3"):
        iot.create_policy(policyName=name, policyDocument=document(("Allow", "iot:Connect", "*")))
    top, low = arn("g-top", "thinggroup"), arn("g-low", "thinggroup")
    iot.attach_policy(policyName="gp1", target=top)
    iot.attach_policy(policyName="gp2", target=low)
    iot.attach_policy(policyName="gp3", target=low)
    refused(iot, LIMIT, iot.attach_policy, policyName="gp1", target=low)
    policies = lambda **more: [p["policyName"] for p in iot.list_attached_policies(target=low, **more)["policies"]]  # noqa: E731
    assert policies() == ["gp2", "gp3"]
    assert policies(recursive=True) == ["gp1", "gp2", "gp3"]
    page = iot.list_attached_policies(target=low, recursive=True, pageSize=2)
    assert [p["policyName"] for p in iot.list_attached_policies(target=low, recursive=True, pageSize=2, marker=page["nextMarker"])["policies"]] == ["gp3"]
    refused(iot, INVALID, iot.list_attached_policies, target=low, pageSize=2, marker=page["nextMarker"])
    refused(iot, NOT_FOUND, iot.attach_policy, policyName="gp1", target=arn("none", "thinggroup"))
    refused(iot, NOT_FOUND, iot.attach_policy, policyName="none", target=low)
    refused(iot, NOT_FOUND, iot.detach_policy, policyName="gp1", target=arn("none", "thinggroup"))
    refused(iot, NOT_FOUND, iot.list_attached_policies, target=arn("none", "thinggroup"))
    refused(iot, "DeleteConflictException", iot.delete_policy, policyName="gp1")
    # Certificates and groups are targets of one list.
    certificates = [iot.create_keys_and_certificate()["certificateArn"] for _ in range(2)]
    for target in certificates + [low]:
        if target != low:
            iot.attach_policy(policyName="gp1", target=target)
    iot.detach_policy(policyName="gp3", target=low)
    iot.attach_policy(policyName="gp1", target=low)
    targets, marker = [], {}
    while True:
        page = iot.list_targets_for_policy(policyName="gp1", pageSize=1, **marker)
        targets += page["targets"]
        if "nextMarker" not in page:
            break
        marker = {"marker": page["nextMarker"]}
    assert targets == sorted(certificates) + [low, top]
    assert iot.list_targets_for_policy(policyName="gp1")["targets"] == targets
    for size in (2, 3):
        first = iot.list_targets_for_policy(policyName="gp1", pageSize=size)
        assert first["targets"] + iot.list_targets_for_policy(policyName="gp1", pageSize=250, marker=first["nextMarker"])["targets"] == targets
    refused(iot, NOT_FOUND, iot.list_targets_for_policy, policyName="none")


def test_connectivity(server, iot):
    identity = provision(server, server.claim(), "seen")
    # Made through a claim with the thing's name for a client id: that was not the thing.
    assert connectivity(server, "seen") == {"thingName": "seen", "connected": False}
    before = time.time()
    client = mqtt.Client(server, identity)
    client.connect("seen")
    up = connectivity(server, "seen")
    assert up["connected"] is True and before - 1 < up["timestamp"] < time.time() + 1 and "disconnectReason" not in up
    assert [t["thingName"] for t in iot.search_index(queryString="connectivity.connected:true AND thingName:see*")["things"]] == ["seen"]
    client.disconnect()
    eventually(lambda: not connectivity(server, "seen")["connected"])
    assert connectivity(server, "seen")["disconnectReason"] == "CLIENT_INITIATED_DISCONNECT"
    first = mqtt.Client(server, identity)
    first.connect("seen")
    second = mqtt.Client(server, identity)
    second.connect("seen")  # takes over; the older one's end changes nothing
    first.expect_closed()
    time.sleep(0.2)
    assert connectivity(server, "seen")["connected"] is True
    second.close()
    eventually(lambda: connectivity(server, "seen").get("disconnectReason") == "CONNECTION_LOST")
    found = iot.search_index(queryString="connectivity.disconnectReason:CONNECTION_LOST AND thingName:seen")["things"][0]
    assert found["connectivity"]["connected"] is False and found["connectivity"]["timestamp"] > before * 1000
    assert raw(server, "POST", "/things/none/connectivity-data")[:2] == (404, NOT_FOUND)
    assert raw(server, "POST", "/things/bad%20name/connectivity-data")[:2] == (400, INVALID)


def test_connectivity_outlives_the_server():
    with vouch.Server() as server:
        iot = server.prepare_workshop(server.boto())
        identity = provision(server, server.claim(iot), "kept")
        client = mqtt.Client(server, identity)
        client.connect("kept")
        server.stop()
        client.close()
        server.start()
        down = connectivity(server, "kept")
        assert down["connected"] is False and down["disconnectReason"] == "SERVER_INITIATED_DISCONNECT" and down["timestamp"] > 0
        client = mqtt.Client(server, identity)
        client.connect("kept")
        time.sleep(7)  # stored every five seconds
        server.kill()
        client.close()
        server.start()
        assert connectivity(server, "kept")["connected"] is False


# ---- templates


TEMPLATE_GROUPS = {
    "Parameters": {"ThingName": {"Type": "String"}, "Type": {"Type": "String", "Default": "probe"}, "Group": {"Type": "String", "Default": "find"},
                   "Billing": {"Type": "String", "Default": "paid"}},
    "Resources": {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {
            "ThingName": {"Ref": "ThingName"}, "ThingTypeName": {"Ref": "Type"}, "ThingGroups": [{"Ref": "Group"}], "BillingGroup": {"Ref": "Billing"},
            "AttributePayload": {"made": "yes"}}},
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}}},
        "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "pubsub"}}}}


def template(iot, name, overrides=None, body=TEMPLATE_GROUPS):
    body = json.loads(json.dumps(body))
    if overrides:
        body["Resources"]["thing"]["OverrideSettings"] = overrides
    iot.create_provisioning_template(templateName=name, provisioningRoleArn=vouch.ROLE, enabled=True, templateBody=json.dumps(body))


def register(server, name, **parameters):
    with mqtt.Client(server, server.claim(template=name)) as client:
        client.connect("registrar")
        accepted, made = client.request(mqtt.CREATE, {})
        assert accepted, made
        accepted, answer = client.request(mqtt.register_topic(name), {
            "certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": parameters})
        return answer if accepted else (answer["statusCode"], answer["errorCode"])


def state(iot, thing):
    described = iot.describe_thing(thingName=thing)
    return (described.get("thingTypeName"), described.get("billingGroupName"), described["attributes"],
            names(iot.list_thing_groups_for_thing(thingName=thing)["thingGroups"]))


@pytest.fixture(scope="module")
def templated(searchable):
    iot = searchable
    iot.create_billing_group(billingGroupName="paid")
    iot.create_thing_type(thingTypeName="past")
    iot.deprecate_thing_type(thingTypeName="past")
    iot.create_thing_type(thingTypeName="second")
    for name in ("beside", "outside"):
        iot.create_thing_group(thingGroupName=name)
    template(iot, "Plain")
    return iot


def test_template_makes_a_thing_with_type_and_groups(server, templated):
    assert register(server, "Plain", ThingName="made-1") == {"deviceConfiguration": {}, "thingName": "made-1"}
    assert state(templated, "made-1") == ("probe", "paid", {"made": "yes"}, ["find"])


@pytest.mark.parametrize("parameters,refusal", [
    ({"Type": "none"}, (404, "ResourceNotFound")),
    ({"Group": "none"}, (404, "ResourceNotFound")),
    ({"Billing": "none"}, (404, "ResourceNotFound")),
    ({"Type": "past"}, (400, "InvalidParameters")),
])
def test_template_names_what_is_not_there(server, templated, parameters, refusal):
    assert register(server, "Plain", ThingName="unmade", **parameters) == refusal
    refused(templated, NOT_FOUND, templated.describe_thing, thingName="unmade")


@pytest.mark.parametrize("name,overrides,expected", [
    ("Absent", None, (409, "ResourceConflictsException")),
    ("Fail", {"ThingGroups": "FAIL", "ThingTypeName": "DO_NOTHING", "AttributePayload": "DO_NOTHING"}, (409, "ResourceConflictsException")),
    ("FailType", {"ThingGroups": "DO_NOTHING", "ThingTypeName": "FAIL", "AttributePayload": "DO_NOTHING"}, (409, "ResourceConflictsException")),
    ("Nothing", {"ThingGroups": "DO_NOTHING", "ThingTypeName": "DO_NOTHING", "AttributePayload": "DO_NOTHING"},
     ("second", "paid", {"old": "1"}, ["beside"])),
    ("Merge", {"ThingGroups": "MERGE", "ThingTypeName": "REPLACE", "AttributePayload": "MERGE"},
     ("probe", "paid", {"old": "1", "made": "yes"}, ["beside", "find"])),
    ("Replace", {"ThingGroups": "REPLACE", "ThingTypeName": "REPLACE", "AttributePayload": "REPLACE"},
     ("probe", "paid", {"made": "yes"}, ["find"])),
])
def test_template_overrides(server, templated, name, overrides, expected):
    iot, thing = templated, f"over-{name}"
    iot.create_thing(thingName=thing, thingTypeName="second", attributePayload={"attributes": {"old": "1"}})
    iot.add_thing_to_thing_group(thingGroupName="beside", thingName=thing)
    template(iot, f"Over{name}", overrides)
    before = state(iot, thing)
    answer = register(server, f"Over{name}", ThingName=thing)
    if isinstance(expected[0], int):
        assert answer == expected and state(iot, thing) == before
    else:
        assert answer == {"deviceConfiguration": {}, "thingName": thing}
        assert state(iot, thing) == expected


def test_template_leaves_a_billing_group_that_is_there(server, templated):
    templated.create_billing_group(billingGroupName="other-payer")
    templated.create_thing(thingName="payed-for", thingTypeName="probe", billingGroupName="other-payer",
                           attributePayload={"attributes": {"made": "yes"}})
    templated.add_thing_to_thing_group(thingGroupName="find", thingName="payed-for")
    assert register(server, "Plain", ThingName="payed-for") == {"deviceConfiguration": {}, "thingName": "payed-for"}
    assert state(templated, "payed-for")[1] == "other-payer"


def test_template_groups_keep_the_rules_of_hierarchies(server, templated):
    body = json.loads(json.dumps(TEMPLATE_GROUPS))
    body["Resources"]["thing"]["Properties"]["ThingGroups"] = ["find", "deep"]
    template(templated, "Nested", body=body)
    assert register(server, "Nested", ThingName="nested") == (409, "ResourceConflictsException")
    refused(templated, NOT_FOUND, templated.describe_thing, thingName="nested")


# ---- the command line


def test_vouch_commands(server, iot):
    run = lambda *words: json.loads(server.vouch(*words, "--output", "json").stdout or "{}")  # noqa: E731
    made = run("type", "create", "cli-type", "--description", "words", "--searchable", "a", "--searchable", "b", "--tag", "team=x")
    assert made["thingTypeArn"] == arn("cli-type", "thingtype") and tags(iot, made["thingTypeArn"]) == {"team": "x"}
    run("type", "update", "cli-type", "--description", "other")
    assert run("type", "get", "cli-type")["thingTypeProperties"] == {"thingTypeDescription": "other", "searchableAttributes": ["a", "b"]}
    run("type", "deprecate", "cli-type")
    assert iot.describe_thing_type(thingTypeName="cli-type")["thingTypeMetadata"]["deprecated"] is True
    run("type", "deprecate", "cli-type", "--undo")
    assert "cli-type" in [t["thingTypeName"] for t in run("type", "list")["thingTypes"]]
    assert server.vouch("type", "delete", "cli-type", check=False).returncode == 2
    run("thing-group", "create", "cli-top", "--description", "d", "--attribute", "a=1", "--tag", "k=v")
    run("thing-group", "create", "cli-low", "--parent", "cli-top")
    run("thing-group", "update", "cli-top", "--attribute", "b=2")
    assert run("thing-group", "get", "cli-top")["thingGroupProperties"] == {
        "thingGroupDescription": "d", "attributePayload": {"attributes": {"a": "1", "b": "2"}}}
    assert names(run("thing-group", "list", "--prefix", "cli-")["thingGroups"]) == ["cli-low", "cli-top"]
    assert names(run("thing-group", "list", "--parent", "cli-top")["thingGroups"]) == ["cli-low"]
    run("thing", "create", "cli-thing")
    run("thing-group", "add", "cli-low", "cli-thing")
    assert run("thing-group", "things", "cli-top")["things"] == [] and run("thing-group", "things", "cli-top", "--recursive")["things"] == ["cli-thing"]
    assert names(run("thing-group", "of", "cli-thing")["thingGroups"]) == ["cli-low"]
    run("policy", "attach", "pubsub", arn("cli-top", "thinggroup"))
    run("policy", "detach", "pubsub", arn("cli-top", "thinggroup"))
    run("thing-group", "remove", "cli-low", "cli-thing")
    run("thing-group", "delete", "cli-low")
    run("billing-group", "create", "cli-bill", "--description", "d", "--tag", "k=v")
    assert run("billing-group", "get", "cli-bill")["billingGroupProperties"] == {"billingGroupDescription": "d"}
    run("billing-group", "add", "cli-bill", "cli-thing")
    assert run("billing-group", "things", "cli-bill")["things"] == ["cli-thing"]
    run("billing-group", "remove", "cli-bill", "cli-thing")
    assert names(run("billing-group", "list", "--prefix", "cli")["billingGroups"]) == ["cli-bill"]
    run("tag", "set", arn("cli-bill", "billinggroup"), "--tag", "a=1", "--tag", "b=2")
    run("tag", "remove", arn("cli-bill", "billinggroup"), "--key", "a", "--key", "k")
    assert run("tag", "list", arn("cli-bill", "billinggroup"))["tags"] == [{"Key": "b", "Value": "2"}]
    run("billing-group", "delete", "cli-bill")
    assert run("thing", "connectivity", "cli-thing") == {"thingName": "cli-thing", "connected": False}
    things(iot, *(f"cli-many-{i:03}" for i in range(103)))
    assert [t["thingName"] for t in run("search", "thingName:cli-many*")["things"]] == [f"cli-many-{i:03}" for i in range(103)]
    assert server.vouch("search", "thingName", check=False).returncode == 2


def test_the_aws_cli(server):
    aws = server.aws
    aws("iot", "create-thing-group", "--thing-group-name", "aws-group", "--tags", "Key=team,Value=a")
    aws("iot", "create-thing", "--thing-name", "aws-thing")
    aws("iot", "add-thing-to-thing-group", "--thing-group-name", "aws-group", "--thing-name", "aws-thing")
    assert aws("iot", "list-things-in-thing-group", "--thing-group-name", "aws-group") == {"things": ["aws-thing"]}
    assert aws("iot", "list-tags-for-resource", "--resource-arn", arn("aws-group", "thinggroup")) == {"tags": [{"Key": "team", "Value": "a"}]}
    assert aws("iot", "search-index", "--query-string", "thingGroupNames:aws-group")["things"][0]["thingName"] == "aws-thing"
