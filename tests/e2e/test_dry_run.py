"""Templates tried out before a device meets them, and compared version by version."""
import json
import os
import sqlite3

import pytest

import hooks
import vouch
from test_api_iam import IR, NF, call
from test_hooks import ARN, BODY, ledger
from test_provisioning import snapshot

FULL = {
    "Parameters": {"Name": {"Type": "String"}, "Place": {"Type": "String", "Default": "Oslo"}},
    "Mappings": {"Url": {"Oslo": {"U": "https://oslo.example"}, "Rome": {"U": "https://rome.example"}}},
    "Resources": {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Fn::Join": ["-", ["dev", {"Ref": "Name"}]]}, "AttributePayload": {"place": {"Ref": "Place"}},
                                                           "ThingGroups": ["tried"], "ThingTypeName": "tried"}},
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Inactive"}},
        "named": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "pubsub"}},
        "written": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyDocument": {
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": {"Fn::Sub": "arn:aws:iot:us-east-1:123456789012:client/${Name}"}}]}}}},
    "DeviceConfiguration": {"url": {"Fn::FindInMap": ["Url", {"Ref": "Place"}, "U"]}}}


def create(server, name, body, arn=None):
    more = {"preProvisioningHook": {"payloadVersion": "2020-04-01", "targetArn": arn}} if arn else {}
    server.boto().create_provisioning_template(templateName=name, provisioningRoleArn=vouch.ROLE, enabled=True,
                                               templateBody=body if isinstance(body, str) else json.dumps(body), **more)


@pytest.fixture(scope="module")
def tried(server):
    create(server, "tried", FULL)
    return server


def everything(server):
    """All that a trial could have written; waiting certificates are in here too."""
    iot = server.boto()
    return (snapshot(iot), len(iot.list_certificates(pageSize=250)["certificates"]), len(ledger(server)))


def attempt(server, *words, refused=False):
    done = server.vouch("template", "try", *words, check=False)
    assert done.returncode == (2 if refused else 0), done
    return json.loads(done.stdout)


def test_a_trial_shows_what_would_be_made_and_writes_nothing(tried):
    iot = tried.boto()
    missing = everything(tried)
    said = attempt(tried, "tried", "--parameter", "Name=7", refused=True)
    assert said["outcome"] == "thing-type-missing" and said["versionId"] == 1
    assert everything(tried) == missing
    iot.create_thing_type(thingTypeName="tried")
    assert attempt(tried, "tried", "--parameter", "Name=7", refused=True)["outcome"] == "group-missing"
    iot.create_thing_group(thingGroupName="tried")
    before = everything(tried)
    said = attempt(tried, "tried", "--parameter", "Name=7", "--parameter", "Place=Rome")
    assert said["outcome"] == "ok" and said["deviceConfiguration"] == {"url": "https://rome.example"} and "hook" not in said
    made = {resource["logicalName"]: resource for resource in said["resources"]}
    assert made["thing"] == {"logicalName": "thing", "type": "AWS::IoT::Thing", "action": "create", "name": "dev-7", "thingTypeName": "tried",
                             "attributes": {"place": "Rome"}, "thingGroups": ["tried"]}
    assert made["certificate"]["status"] == "INACTIVE"
    assert made["named"]["action"] == "use" and made["named"]["name"] == "pubsub"
    assert made["written"]["action"] == "create" and "client/7" in made["written"]["policyDocument"] and len(made["written"]["name"]) == 40
    assert everything(tried) == before


@pytest.mark.parametrize("words, outcome, field", [((), "parameter-unresolved", ""), (("--parameter", "Name=a b"), "parameter-invalid", "/Resources/thing/Properties/ThingName"),
                                                   (("--parameter", "Name=7", "--parameter", "Place=Mars"), "parameter-invalid", "/DeviceConfiguration/url"),
                                                   (("--parameter", "Name=*"), "parameter-invalid", "")])
def test_a_trial_says_what_a_registration_would_be_refused_for(tried, words, outcome, field):
    before = everything(tried)
    said = attempt(tried, "tried", *words, refused=True)
    assert said["outcome"] == outcome and said["message"] and said.get("field", "").startswith(field), said
    assert everything(tried) == before


def test_a_trial_meets_what_is_there(tried):
    iot = tried.boto()
    iot.create_thing_type(thingTypeName="tried") if "tried" not in [t["thingTypeName"] for t in iot.list_thing_types()["thingTypes"]] else None
    iot.create_thing_group(thingGroupName="tried") if "tried" not in [g["groupName"] for g in iot.list_thing_groups()["thingGroups"]] else None
    iot.create_thing(thingName="dev-there", attributePayload={"attributes": {"place": "Berlin"}})
    said = attempt(tried, "tried", "--parameter", "Name=there", refused=True)
    assert said["outcome"] == "thing-conflict" and "dev-there" in said["message"]
    own = iot.create_keys_and_certificate(setAsActive=True)
    said = attempt(tried, "tried", "--parameter", "Name=8", "--certificate-id", own["certificateId"])
    assert [resource["name"] for resource in said["resources"] if resource["logicalName"] == "certificate"] == [own["certificateId"]]
    call(tried, "POST", "/templates/tried/try", {"certificateId": "0" * 64}, expect=NF)
    call(tried, "POST", "/templates/none/try", {}, expect=NF)
    call(tried, "POST", "/templates/tried/try", {"versionId": 99}, expect=NF)
    call(tried, "POST", "/templates/tried/try", {"parameters": {"Name": 7}}, expect=IR)


@pytest.mark.skipif(os.environ.get("VOUCH_STORE", "sqlite") != "sqlite", reason="reads the file")
def test_a_trial_of_a_replacement_changes_no_table(tried):
    iot = tried.boto()
    for group in ("Replaced", "Replacing"):
        iot.create_thing_group(thingGroupName=group)
    iot.create_thing(thingName="replaced", attributePayload={"attributes": {"place": "Oslo"}})
    iot.add_thing_to_thing_group(thingName="replaced", thingGroupName="Replaced")
    body = json.loads(json.dumps(FULL))
    body["Resources"]["thing"] = {"Type": "AWS::IoT::Thing", "OverrideSettings": {"AttributePayload": "REPLACE", "ThingGroups": "REPLACE"}, "Properties": {
        "ThingName": {"Ref": "Name"}, "AttributePayload": {"place": "Rome"}, "ThingGroups": ["Replacing"]}}
    create(tried, "replaces", body)

    def tables():
        with sqlite3.connect(f"file:{tried.data}/store/registry.db?mode=ro", uri=True) as db:
            names = [name for name, in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: sorted(map(repr, db.execute(f"SELECT * FROM {name}"))) for name in names}
    before = tables()
    assert attempt(tried, "replaces", "--parameter", "Name=replaced")["outcome"] == "ok"
    assert len(before) > 20 and tables() == before


def test_a_trial_asks_the_hook():
    folder = hooks.Folder()
    with vouch.Server("--hook-dir", str(folder.path), "--hook-timeout", "1500") as server:
        server.prepare_workshop()
        call(server, "PUT", "/hooks/asked", {"kind": "program", "target": folder.add("asked")})
        create(server, "asked", BODY, ARN + "asked")
        before = everything(server)
        said = attempt(server, "asked", "--parameter", "ThingName=x", "--parameter", "Mode=allow", "--client-id", "me")
        assert said["hook"]["allowed"] is True and said["hook"]["parameterOverrides"] == {"ThingName": "by-program"}
        assert said["resources"][0]["name"] == "by-program" and said["outcome"] == "ok"
        said = attempt(server, "asked", "--parameter", "ThingName=x", "--parameter", "Mode=slow", refused=True)
        assert said["outcome"] == "hook-timeout" and said["hook"]["allowed"] is False and "resources" not in said
        said = attempt(server, "asked", "--parameter", "ThingName=x", "--no-hook")
        assert "hook" not in said and said["resources"][0]["name"] == "x"
        assert everything(server) == before
    folder.close()


def test_versions_are_compared_place_by_place(tried):
    iot = tried.boto()
    other = json.loads(json.dumps(FULL))
    other["Resources"]["thing"]["Properties"]["ThingGroups"] = ["tried", "more"]
    other["Parameters"]["Place"]["Default"] = "Rome"
    other["Parameters"]["a/b~c"] = {"Type": "String"}
    del other["DeviceConfiguration"]
    version = iot.create_provisioning_template_version(templateName="tried", templateBody=json.dumps(other))["versionId"]
    same = iot.create_provisioning_template_version(templateName="tried", templateBody=json.dumps(FULL, indent=2, sort_keys=True))["versionId"]
    said = json.loads(tried.vouch("template", "diff", "tried", "1", str(version)).stdout)["differences"]
    assert {(d["path"], d["change"]): (d.get("from"), d.get("to")) for d in said} == {
        ("/Resources/thing/Properties/ThingGroups/1", "added"): (None, "more"),
        ("/Parameters/Place/Default", "changed"): ("Oslo", "Rome"),
        ("/Parameters/a~1b~0c", "added"): (None, {"Type": "String"}),
        ("/DeviceConfiguration", "removed"): ({"url": {"Fn::FindInMap": ["Url", {"Ref": "Place"}, "U"]}}, None)}
    lines = tried.vouch("--output", "table", "template", "diff", "tried", "1", str(version)).stdout.splitlines()
    assert '~ /Parameters/Place/Default "Oslo" -> "Rome"' in lines and '+ /Resources/thing/Properties/ThingGroups/1 "more"' in lines
    assert json.loads(tried.vouch("template", "diff", "tried", "1", str(same)).stdout)["differences"] == []
    for words in (("1", "77"), ("x", "1")):
        assert tried.vouch("template", "diff", "tried", *words, check=False).returncode in (1, 2)
