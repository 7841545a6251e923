"""Things, what they are attached to, and RegisterThing over the control plane, each operation with what it refuses."""
import json
import re
import urllib.parse

import pytest

import certs
import mqtt
import vouch
from test_api import send, signed
from test_api_certificates import MISSING, arn, policy, proof, refused, registered, status

EXCLUSIVE, SHARED = "EXCLUSIVE_THING", "NON_EXCLUSIVE_THING"


@pytest.fixture(scope="module")
def iot(server):
    return server.boto(parameter_validation=False)


@pytest.fixture(scope="module")
def typed(iot):
    """Thing types, of which one is deprecated, and a billing group."""
    for name in ("bulb", "lamp", "relic"):
        iot.create_thing_type(thingTypeName=name)
    iot.deprecate_thing_type(thingTypeName="relic")
    iot.create_billing_group(billingGroupName="north")
    return iot


def raw(server, method, path, headers=None, body=b""):
    """A signed request for what this boto3 does not know; status, error, document."""
    answer = send(server, signed(server, method, path, body, headers=headers))
    return answer[0], (answer[1]["x-amzn-ErrorType"] or "").split(":")[0], json.loads(answer[2] or b"{}")


def certificate(iot, active=False):
    return iot.create_keys_and_certificate(setAsActive=active)


# ---- things


def test_create_thing(typed):
    iot = typed
    made = iot.create_thing(thingName="made:1", thingTypeName="bulb", attributePayload={"attributes": {"model": "x", "none": ""}}, billingGroupName="north")
    assert made["thingArn"] == arn("made:1", "thing") and made["thingName"] == "made:1"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", made["thingId"])
    described = iot.describe_thing(thingName="made:1")
    assert described["attributes"] == {"model": "x"} and described["version"] == 1 and described["thingTypeName"] == "bulb"
    assert described["billingGroupName"] == "north" and described["thingId"] == made["thingId"] and described["defaultClientId"] == "made:1"
    # The same again is the same thing; anything else is not.
    same = {"thingName": "made:1", "thingTypeName": "bulb", "attributePayload": {"attributes": {"model": "x"}}, "billingGroupName": "north"}
    assert iot.create_thing(**same)["thingId"] == made["thingId"]
    for changed in ({"thingTypeName": "lamp"}, {"attributePayload": {"attributes": {"model": "y"}}}, {"attributePayload": {}}):
        taken = refused(iot, "ResourceAlreadyExistsException", iot.create_thing, **{**same, **changed})
        assert taken["resourceId"] == "made:1" and taken["resourceArn"] == arn("made:1", "thing")
    for dropped in ("thingTypeName", "billingGroupName"):
        refused(iot, "ResourceAlreadyExistsException", iot.create_thing, **{k: v for k, v in same.items() if k != dropped})
    assert iot.describe_thing(thingName="made:1")["version"] == 1


def test_create_thing_refusals(server, typed):
    iot = typed
    refused(iot, "ResourceNotFoundException", iot.create_thing, thingName="t", thingTypeName="no-such")
    refused(iot, "ResourceNotFoundException", iot.create_thing, thingName="t", billingGroupName="no-such")
    refused(iot, "InvalidRequestException", iot.create_thing, thingName="t", thingTypeName="relic")
    for name in ("bad name", "x" * 129, "a/b", "ä"):
        refused(iot, "InvalidRequestException", iot.create_thing, thingName=name)
    many = {f"a{i}": "v" for i in range(51)}
    for attributes in ({"bad name": "x"}, {"a": "bad value"}, {"a": "x" * 801}, {"a" * 129: "x"}, {"a": 7}, {"": "x"}, dict(list(many.items())[:4])):
        refused(iot, "InvalidRequestException", iot.create_thing, thingName="t", attributePayload={"attributes": attributes})
    refused(iot, "InvalidRequestException", iot.create_thing, thingName="t", thingTypeName="bulb", attributePayload={"attributes": many})
    for payload in ('{"attributePayload":"x"}', '{"attributePayload":{"attributes":[]}}', '{"attributePayload":{"attributes":{"a":null}}}',
                    '{"attributePayload":{"attributes":{"a":"1","a":"2"}}}', '{"thingTypeName":7}', "["):
        assert raw(server, "POST", "/things/t", body=payload.encode())[:2] == (400, "InvalidRequestException"), payload
    refused(iot, "ResourceNotFoundException", iot.describe_thing, thingName="t")
    iot.create_thing(thingName="fifty", thingTypeName="bulb", attributePayload={"attributes": dict(list(many.items())[:50])})
    iot.create_thing(thingName="three", attributePayload={"attributes": dict(list(many.items())[:3])})


def test_update_thing(typed):
    iot = typed
    iot.create_thing(thingName="up", attributePayload={"attributes": {"a": "1", "b": "2"}})

    def now():
        described = iot.describe_thing(thingName="up")
        return described["attributes"], described.get("thingTypeName"), described["version"]

    iot.update_thing(thingName="up", attributePayload={"attributes": {"b": "3", "c": "4"}, "merge": True})
    assert now() == ({"a": "1", "b": "3", "c": "4"}, None, 2)
    iot.update_thing(thingName="up", attributePayload={"attributes": {"a": ""}, "merge": True})
    assert now() == ({"b": "3", "c": "4"}, None, 3)
    iot.update_thing(thingName="up", attributePayload={"attributes": {"d": "5"}})
    assert now() == ({"d": "5"}, None, 4)
    iot.update_thing(thingName="up", thingTypeName="bulb", expectedVersion=4)
    assert now() == ({"d": "5"}, "bulb", 5)
    iot.update_thing(thingName="up", attributePayload={"attributes": {f"k{i}": "v" for i in range(49)}, "merge": True})
    assert len(now()[0]) == 50
    iot.update_thing(thingName="up", attributePayload={"attributes": {}, "merge": False}, removeThingType=True)
    assert now() == ({}, None, 7)
    iot.update_thing(thingName="up")
    assert now()[2] == 8


def test_update_thing_refusals(typed):
    iot = typed
    iot.create_thing(thingName="still", attributePayload={"attributes": {"a": "1"}})
    before = iot.describe_thing(thingName="still")
    for version in (2, 99):
        message = refused(iot, "VersionConflictException", iot.update_thing, thingName="still", expectedVersion=version)["Error"]["Message"]
        assert message == "The version for thing still does not match the expected version."
    refused(iot, "ResourceNotFoundException", iot.update_thing, thingName="no-such")
    refused(iot, "ResourceNotFoundException", iot.update_thing, thingName="still", thingTypeName="no-such")
    for inputs in ({"thingTypeName": "relic"}, {"thingTypeName": "bulb", "removeThingType": True}, {"attributePayload": {"attributes": {"x y": "1"}}},
                   {"attributePayload": {"attributes": {f"k{i}": "v" for i in range(3)}, "merge": True}}, {"expectedVersion": 0},
                   {"expectedVersion": "x"}):
        refused(iot, "InvalidRequestException", iot.update_thing, thingName="still", **inputs)
    after = iot.describe_thing(thingName="still")
    assert {k: after[k] for k in ("attributes", "version")} == {k: before[k] for k in ("attributes", "version")}


def test_updates_at_once_are_all_kept(server, iot):
    """Sixteen callers merge one attribute each; none is lost."""
    import concurrent.futures
    iot.create_thing_type(thingTypeName="crowded")
    iot.create_thing(thingName="crowded", thingTypeName="crowded")

    def one(i):
        for _ in range(20):
            try:
                return server.boto().update_thing(thingName="crowded", attributePayload={"attributes": {f"k{i}": "v"}, "merge": True})
            except iot.exceptions.VersionConflictException:
                pass

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(16)))
    described = iot.describe_thing(thingName="crowded")
    assert described["attributes"] == {f"k{i}": "v" for i in range(16)} and described["version"] == 17


def test_delete_thing(iot):
    iot.create_thing(thingName="gone")
    iot.update_thing(thingName="gone")
    refused(iot, "VersionConflictException", iot.delete_thing, thingName="gone", expectedVersion=1)
    principal = certificate(iot)["certificateArn"]
    iot.attach_thing_principal(thingName="gone", principal=principal)
    message = refused(iot, "InvalidRequestException", iot.delete_thing, thingName="gone")["Error"]["Message"]
    assert message == "Cannot delete. Thing gone is still attached to one or more principals"
    iot.detach_thing_principal(thingName="gone", principal=principal)
    iot.delete_thing(thingName="gone", expectedVersion=2)
    iot.delete_thing(thingName="gone")
    refused(iot, "ResourceNotFoundException", iot.describe_thing, thingName="gone")
    refused(iot, "InvalidRequestException", iot.delete_thing, thingName="bad name")


def test_list_things(typed):
    iot = typed
    for i in range(6):
        iot.create_thing(thingName=f"list-{i}", **({"thingTypeName": "lamp"} if i % 2 else {}),
                         attributePayload={"attributes": {"wing": f"w{i // 3}", "room": f"r{i}"}})

    def names(**inputs):
        found, token = [], {}
        while True:
            page = iot.list_things(maxResults=2, **inputs, **token)
            assert len(page["things"]) <= 2
            found += [t["thingName"] for t in page["things"]]
            if "nextToken" not in page:
                return found
            token = {"nextToken": page["nextToken"]}

    every = names()
    assert every == sorted(every) and {f"list-{i}" for i in range(6)} <= set(every)
    assert names(thingTypeName="lamp") == ["list-1", "list-3", "list-5"]
    assert names(attributeName="wing", attributeValue="w0") == ["list-0", "list-1", "list-2"]
    assert names(attributeName="wing", attributeValue="w") == []
    assert names(attributeName="wing", attributeValue="w", usePrefixAttributeValue=True) == [f"list-{i}" for i in range(6)]
    assert names(attributeName="wing", attributeValue="w1", thingTypeName="lamp") == ["list-3", "list-5"]
    assert names(thingTypeName="no-such") == [] and names(attributeName="nothing", attributeValue="x") == []
    item = iot.list_things(thingTypeName="lamp", maxResults=1)["things"][0]
    assert item == {"thingName": "list-1", "thingTypeName": "lamp", "thingArn": arn("list-1", "thing"), "attributes": {"wing": "w0", "room": "r1"}, "version": 1}
    token = iot.list_things(thingTypeName="lamp", maxResults=1)["nextToken"]
    for inputs in ({"thingTypeName": "bulb"}, {}, {"attributeName": "wing", "attributeValue": "w0"}):
        refused(iot, "InvalidRequestException", iot.list_things, nextToken=token, **inputs)
    for inputs in ({"attributeName": "wing"}, {"attributeValue": "w0"}, {"maxResults": 0}, {"maxResults": 251}, {"nextToken": "AAAA"}):
        refused(iot, "InvalidRequestException", iot.list_things, **inputs)


# ---- principals


def principals_v2(server, thing, query=""):
    code, error, body = raw(server, "GET", f"/things/{thing}/principals-v2{query}")
    assert code == 200, (error, body)
    return {p["principal"]: p["thingPrincipalType"] for p in body["thingPrincipalObjects"]}, body.get("nextToken")


def things_v2(server, principal, query=""):
    code, error, body = raw(server, "GET", f"/principals/things-v2{query}", {"x-amzn-principal": principal})
    assert code == 200, (error, body)
    return {t["thingName"]: t["thingPrincipalType"] for t in body["principalThingObjects"]}, body.get("nextToken")


def attach(server, thing, principal, kind):
    return raw(server, "PUT", f"/things/{thing}/principals?thingPrincipalType={kind}", {"x-amzn-principal": principal})[:2]


def test_attach_and_detach(server, iot):
    for name in ("att-1", "att-2"):
        iot.create_thing(thingName=name)
    one, two = (certificate(iot)["certificateArn"] for _ in range(2))
    for principal in (one, one, two):
        iot.attach_thing_principal(thingName="att-1", principal=principal)
    iot.attach_thing_principal(thingName="att-2", principal=one)
    assert sorted(iot.list_thing_principals(thingName="att-1")["principals"]) == sorted([one, two])
    assert iot.list_principal_things(principal=one)["things"] == ["att-1", "att-2"]
    assert principals_v2(server, "att-1") == ({one: SHARED, two: SHARED}, None)
    assert things_v2(server, one) == ({"att-1": SHARED, "att-2": SHARED}, None)
    iot.detach_thing_principal(thingName="att-1", principal=one)
    iot.detach_thing_principal(thingName="att-1", principal=one)
    assert iot.list_thing_principals(thingName="att-1")["principals"] == [two]
    for call in (iot.attach_thing_principal, iot.detach_thing_principal):
        refused(iot, "ResourceNotFoundException", call, thingName="no-such", principal=one)
        refused(iot, "ResourceNotFoundException", call, thingName="att-1", principal=arn(MISSING))
        refused(iot, "InvalidRequestException", call, thingName="att-1", principal="nobody")
        refused(iot, "InvalidRequestException", call, thingName="bad name", principal=one)
    refused(iot, "ResourceNotFoundException", iot.list_thing_principals, thingName="no-such")
    refused(iot, "ResourceNotFoundException", iot.list_principal_things, principal=arn(MISSING))


def test_exclusive_things(server, iot):
    for name in ("ex-1", "ex-2"):
        iot.create_thing(thingName=name)
    first, second, both = (certificate(iot)["certificateArn"] for _ in range(3))
    no = (400, "InvalidRequestException")
    assert attach(server, "ex-1", first, EXCLUSIVE) == (200, "")
    assert attach(server, "ex-1", first, EXCLUSIVE) == (200, "")
    # An exclusive certificate gets no other thing, the thing may have other certificates.
    assert attach(server, "ex-2", first, EXCLUSIVE) == no and attach(server, "ex-2", first, SHARED) == no
    refused(iot, "InvalidRequestException", iot.attach_thing_principal, thingName="ex-2", principal=first)
    assert attach(server, "ex-1", second, SHARED) == (200, "")
    for name in ("ex-1", "ex-2"):
        assert attach(server, name, both, SHARED) == (200, "")
    assert attach(server, "ex-2", both, EXCLUSIVE) == no
    assert attach(server, "ex-2", first, "SOMETIMES") == no
    assert principals_v2(server, "ex-1")[0] == {first: EXCLUSIVE, second: SHARED, both: SHARED}
    assert principals_v2(server, "ex-1", f"?thingPrincipalType={EXCLUSIVE}")[0] == {first: EXCLUSIVE}
    assert set(principals_v2(server, "ex-1", f"?thingPrincipalType={SHARED}")[0]) == {second, both}
    assert things_v2(server, first)[0] == {"ex-1": EXCLUSIVE} and things_v2(server, first, f"?thingPrincipalType={SHARED}")[0] == {}
    # Freed, it may go elsewhere.
    iot.detach_thing_principal(thingName="ex-1", principal=first)
    assert attach(server, "ex-2", first, EXCLUSIVE) == (200, "")


def test_v2_pages_and_refusals(server, iot):
    iot.create_thing(thingName="v2")
    arns = sorted(certificate(iot)["certificateArn"] for _ in range(3))
    for principal in arns:
        iot.attach_thing_principal(thingName="v2", principal=principal)
    seen, token = [], ""
    while token is not None:
        page, following = principals_v2(server, "v2", "?maxResults=2" + (f"&nextToken={urllib.parse.quote(token, safe='')}" if token else ""))
        seen += page
        if following:
            quoted = urllib.parse.quote(following, safe="")
            assert raw(server, "GET", f"/things/v2/principals-v2?maxResults=2&thingPrincipalType={SHARED}&nextToken={quoted}")[:2] == (400, "InvalidRequestException")
        token = following
    assert seen == arns
    names = [f"v2-{i}" for i in range(3)]
    for name in names:
        iot.create_thing(thingName=name)
        iot.attach_thing_principal(thingName=name, principal=arns[0])
    page, token = things_v2(server, arns[0], "?maxResults=3")
    rest, end = things_v2(server, arns[0], f"?maxResults=3&nextToken={urllib.parse.quote(token, safe='')}")
    assert list(page) + list(rest) == ["v2", *names] and end is None
    assert raw(server, "GET", "/things/no-such/principals-v2")[:2] == (404, "ResourceNotFoundException")
    assert raw(server, "GET", "/principals/things-v2", {"x-amzn-principal": arn(MISSING)})[:2] == (404, "ResourceNotFoundException")
    for path, headers in (("/things/v2/principals-v2?maxResults=0", {}), ("/things/v2/principals-v2?thingPrincipalType=x", {}),
                          ("/principals/things-v2", {}), ("/principals/things-v2", {"x-amzn-principal": "nobody"})):
        assert raw(server, "GET", path, headers)[:2] == (400, "InvalidRequestException"), path


def test_an_exclusive_thing_is_the_connections_thing(server, iot):
    """Whatever the client id, the policy variables are those of the exclusive thing, from the moment it is attached."""
    made = certificate(iot, active=True)
    iot.create_thing(thingName="sole", attributePayload={"attributes": {"room": "r7"}})
    topic = f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:topic"
    policy(iot, "by-thing", [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},
                             {"Effect": "Allow", "Action": "iot:Publish",
                              "Resource": [topic + "/${iot:Connection.Thing.ThingName}/up", topic + "/room/${iot:Connection.Thing.Attributes[room]}"]}])
    iot.attach_policy(policyName="by-thing", target=made["certificateArn"])
    iot.attach_thing_principal(thingName="sole", principal=made["certificateArn"])
    device = vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["keyPair"]["PrivateKey"])
    with mqtt.Client(server, device) as client:
        client.connect("another-name")
        client.publish("sole/up", b"1", qos=0)
        client.expect_closed()
    assert attach(server, "sole", made["certificateArn"], EXCLUSIVE) == (200, "")
    with mqtt.Client(server, device) as client:
        client.connect("another-name")
        client.publish("sole/up", b"1")
        client.publish("room/r7", b"1")
        client.ping()
        iot.detach_thing_principal(thingName="sole", principal=made["certificateArn"])
        client.publish("sole/up", b"1", qos=0)
        client.expect_closed()


# ---- RegisterThing


def body(certificate_properties, thing=None, policies=("reg-policy",), overrides=None):
    resources = {"the-certificate": {"Type": "AWS::IoT::Certificate", "Properties": certificate_properties}}
    if overrides:
        resources["the-certificate"]["OverrideSettings"] = overrides
    if thing:
        resources["the-thing"] = {"Type": "AWS::IoT::Thing", **thing}
    for i, name in enumerate(policies):
        resources[f"the-policy-{i}"] = {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": name} if isinstance(name, str) else {"PolicyDocument": name}}
    return json.dumps({"Parameters": {"Name": {"Type": "String"}, "CSR": {"Type": "String"}, "Room": {"Type": "String", "Default": "r0"}}, "Resources": resources})


NAMED = {"Properties": {"ThingName": {"Ref": "Name"}, "AttributePayload": {"room": {"Ref": "Room"}}}}


@pytest.fixture(scope="module")
def reg(iot):
    policy(iot, "reg-policy")
    return iot


def test_register_thing_by_request(reg):
    iot = reg
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]}
    private = certs.key()
    made = iot.register_thing(templateBody=body({"CertificateSigningRequest": {"Ref": "CSR"}, "Status": "ACTIVE"}, NAMED, ("reg-policy", document)),
                              parameters={"Name": "reg-csr", "CSR": certs.request(private), "Unused": "x"})
    identifier = certs.identifier(made["certificatePem"])
    assert set(made["resourceArns"]) == {"the-certificate", "the-thing", "the-policy-0", "the-policy-1"}
    assert made["resourceArns"]["the-certificate"] == arn(identifier) and made["resourceArns"]["the-thing"] == arn("reg-csr", "thing")
    assert made["resourceArns"]["the-policy-0"] == arn("reg-policy", "policy")
    hashed = made["resourceArns"]["the-policy-1"].rsplit("/", 1)[1]
    assert re.fullmatch("[0-9A-F]{40}", hashed) and json.loads(iot.get_policy(policyName=hashed)["policyDocument"]) == document
    assert status(iot, identifier) == "ACTIVE" and iot.describe_thing(thingName="reg-csr")["attributes"] == {"room": "r0"}
    assert iot.list_thing_principals(thingName="reg-csr")["principals"] == [arn(identifier)]
    assert {p["policyName"] for p in iot.list_attached_policies(target=arn(identifier))["policies"]} == {"reg-policy", hashed}
    # A further certificate for the same thing; the older one stays.
    again = iot.register_thing(templateBody=body({"CertificateSigningRequest": {"Ref": "CSR"}, "Status": "Inactive"}, NAMED),
                               parameters={"Name": "reg-csr", "CSR": certs.request(private)})
    assert status(iot, certs.identifier(again["certificatePem"])) == "INACTIVE"
    assert len(iot.list_thing_principals(thingName="reg-csr")["principals"]) == 2 and status(iot, identifier) == "ACTIVE"


def test_register_thing_by_id(server, reg):
    iot = reg
    made = certificate(iot)
    inputs = {"templateBody": body({"CertificateId": made["certificateId"].upper(), "ThingPrincipalType": EXCLUSIVE}, NAMED), "parameters": {"Name": "reg-id", "Room": "r5"}}
    answer = iot.register_thing(**inputs)
    assert answer["certificatePem"] == made["certificatePem"] and status(iot, made["certificateId"]) == "ACTIVE"
    assert iot.describe_thing(thingName="reg-id")["attributes"] == {"room": "r5"}
    assert principals_v2(server, "reg-id")[0] == {made["certificateArn"]: EXCLUSIVE}
    assert iot.register_thing(**inputs)["resourceArns"] == answer["resourceArns"]
    # Status of one that is in force or not, by the template's word for it.
    wanted = {"CertificateId": made["certificateId"], "Status": "INACTIVE"}
    assert iot.register_thing(templateBody=body(wanted, overrides={"Status": "DO_NOTHING"})) and status(iot, made["certificateId"]) == "ACTIVE"
    refused(iot, "ConflictingResourceUpdateException", iot.register_thing, templateBody=body(wanted, overrides={"Status": "FAIL"}))
    assert iot.register_thing(templateBody=body(wanted, overrides={"Status": "REPLACE"})) and status(iot, made["certificateId"]) == "INACTIVE"


def test_register_thing_by_pem(reg):
    iot = reg
    ca = registered(iot, certs.Authority("Registering"))
    text = ca.sign("device")
    identifier = certs.identifier(text)
    for _ in range(2):  # the second time it is registered already
        answer = iot.register_thing(templateBody=body({"CertificatePem": {"Ref": "CSR"}}, NAMED), parameters={"Name": "reg-pem", "CSR": text})
        assert answer["resourceArns"]["the-certificate"] == arn(identifier) and certs.identifier(answer["certificatePem"]) == identifier
    described = iot.describe_certificate(certificateId=identifier)["certificateDescription"]
    assert described["status"] == "ACTIVE" and described["caCertificateId"] == ca.id
    private = certs.key()
    twins = [registered(iot, certs.Authority("Registering Twin", private)) for _ in range(2)]
    text = twins[0].sign("twin's device")
    refused(iot, "ResourceRegistrationFailureException", iot.register_thing, templateBody=body({"CertificatePem": text}))
    answer = iot.register_thing(templateBody=body({"CertificatePem": text, "CACertificatePem": twins[1].pem}))
    assert iot.describe_certificate(certificateId=certs.identifier(text))["certificateDescription"]["caCertificateId"] == twins[1].id
    assert "the-thing" not in answer["resourceArns"]


def test_register_thing_refusals_change_nothing(reg):
    iot = reg
    csr = certs.request(certs.key())
    by_request = {"CertificateSigningRequest": {"Ref": "CSR"}}
    good = {"Name": "reg-no", "CSR": csr}
    before = len(iot.list_certificates(pageSize=250)["certificates"])

    def no(code, text, parameters=None):
        message = refused(iot, code, iot.register_thing, templateBody=text, parameters=good if parameters is None else parameters)["Error"]["Message"]
        refused(iot, "ResourceNotFoundException", iot.describe_thing, thingName="reg-no")
        return message

    assert "no-such" in no("ResourceRegistrationFailureException", body(by_request, NAMED, ("reg-policy", "no-such")))
    no("ResourceRegistrationFailureException", body(by_request, NAMED), {"Name": "reg-no", "CSR": "nonsense"})
    no("ResourceRegistrationFailureException", body({"CertificateId": MISSING}, NAMED))
    no("ResourceRegistrationFailureException", body({"CertificatePem": {"Ref": "CSR"}}, NAMED), {"Name": "reg-no", "CSR": certs.Authority("Nobody's").sign("x")})
    no("ResourceRegistrationFailureException", body({"CertificatePem": "nonsense"}, NAMED))
    no("ResourceRegistrationFailureException", body(by_request, {"Properties": {**NAMED["Properties"], "ThingTypeName": "no-such-type"}}))
    revoked = certificate(iot)["certificateId"]
    iot.update_certificate(certificateId=revoked, newStatus="REVOKED")
    no("ResourceRegistrationFailureException", body({"CertificateId": revoked, "Status": "ACTIVE"}, NAMED))
    assert "Cannot resolve reference value: Name" in no("InvalidRequestException", body(by_request, NAMED), {"CSR": csr})
    assert "Cannot resolve reference value: AWS::IoT::Certificate::Id" in no(
        "InvalidRequestException", body({"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}}, NAMED), {**good, "AWS::IoT::Certificate::Id": revoked})
    for text in ("", "{", "[]", "{}", body({}), body({**by_request, "CertificateId": MISSING}), body({**by_request, "CACertificatePem": "x"}),
                 body({**by_request, "Status": "SOMETIMES"}), json.dumps({**json.loads(body(by_request)), "Mappings": {}}), "x" * 10241):
        no("InvalidRequestException", text)
    no("InvalidRequestException", body(by_request, NAMED), {**good, "Name": "bad name"})
    no("InvalidRequestException", body(by_request, NAMED), {**good, "Name": 7})
    no("InvalidRequestException", body(by_request, NAMED), {**good, "Name": "reg-no\nx"})
    refused(iot, "InvalidRequestException", iot.register_thing)
    iot.create_thing(thingName="reg-old", attributePayload={"attributes": {"room": "else"}})
    refused(iot, "ConflictingResourceUpdateException", iot.register_thing, parameters={**good, "Name": "reg-old"},
            templateBody=body(by_request, {**NAMED, "OverrideSettings": {"AttributePayload": "FAIL"}}))
    assert iot.describe_thing(thingName="reg-old")["attributes"] == {"room": "else"}
    assert len(iot.list_certificates(pageSize=250)["certificates"]) == before + 1  # the revoked one
    iot.register_thing(parameters={**good, "Name": "reg-old"}, templateBody=body(by_request, {**NAMED, "OverrideSettings": {"AttributePayload": "REPLACE"}}))
    assert iot.describe_thing(thingName="reg-old")["attributes"] == {"room": "r0"}


def test_register_thing_needs_its_permission(server, reg):
    key = json.loads(server.vouch("user", "create", "no-register", "--allow-claims", vouch.TEMPLATE, "--output", "json").stdout)
    narrow = server.boto(key=key)
    refused(narrow, "AccessDeniedException", narrow.register_thing, templateBody=body({"CertificateId": MISSING}))
    refused(narrow, "AccessDeniedException", narrow.create_thing, thingName="x")


def test_every_change_is_in_the_ledger(server, reg):
    events = {row["event"] for row in json.loads(server.vouch("ledger", "list", "--output", "json").stdout)["entries"]}
    assert {"thing-created", "thing-updated", "thing-deleted", "thing-attached", "thing-detached", "thing-registered"} <= events


# ---- the same by the program


def test_vouch_does_the_same(server, iot, tmp_path):
    def run(*words):
        return json.loads(server.vouch(*words, "--output", "json").stdout or "{}")

    def usage(*words):
        assert server.vouch(*words, check=False).returncode == 1, words

    run("thing", "create", "cli", "--attribute", "a=1", "--attribute", "b=x=y")
    assert iot.describe_thing(thingName="cli")["attributes"] == {"a": "1", "b": "x=y"}
    run("thing", "update", "cli", "--attribute", "a=", "--attribute", "c=3", "--expected-version", "1")
    assert iot.describe_thing(thingName="cli")["attributes"] == {"b": "x=y", "c": "3"}
    run("thing", "update", "cli", "--attribute", "d=4", "--replace-attributes")
    assert iot.describe_thing(thingName="cli")["attributes"] == {"d": "4"}
    for words in (("--attribute", "a"), ("--attribute", "=1"), ("--attribute", "a=1", "--attribute", "a=2")):
        usage("thing", "create", "cli-2", *words)
    assert server.vouch("thing", "update", "cli", "--expected-version", "9", check=False).returncode == 2
    private = certs.key()
    (tmp_path / "csr").write_text(certs.request(private))
    made = run("cert", "create", "--csr", str(tmp_path / "csr"), "--active")
    assert status(iot, made["certificateId"]) == "ACTIVE" and "PRIVATE KEY" in run("cert", "create")["keyPair"]["PrivateKey"]
    run("thing", "attach", "cli", made["certificateId"], "--exclusive")
    assert principals_v2(server, "cli")[0] == {made["certificateArn"]: EXCLUSIVE}
    ca = certs.Authority("Program's")
    for name, text in (("ca", ca.pem), ("proof", ca.sign(run("authority", "code")["registrationCode"])), ("device", ca.sign("d")), ("own", certs.Authority("own").pem)):
        (tmp_path / name).write_text(text)
    assert run("authority", "register", str(tmp_path / "ca"), "--verification", str(tmp_path / "proof"), "--active")["certificateId"] == ca.id
    device = run("cert", "register", str(tmp_path / "device"), "--ca", str(tmp_path / "ca"), "--active")["certificateId"]
    assert [c["certificateId"] for c in run("authority", "certs", ca.id)["certificates"]] == [device] and status(iot, device) == "ACTIVE"
    assert status(iot, run("cert", "register", str(tmp_path / "own"), "--without-ca")["certificateId"]) == "INACTIVE"
    usage("cert", "register", str(tmp_path / "own"), "--without-ca", "--ca", str(tmp_path / "ca"))
    run("authority", "deactivate", ca.id)
    assert run("authority", "get", ca.id)["certificateDescription"]["status"] == "INACTIVE"
    run("authority", "activate", ca.id)
    assert run("authority", "list")["certificates"][0]["status"] == "ACTIVE"
    run("authority", "deactivate", ca.id)
    run("authority", "delete", ca.id)
    assert ca.id not in json.dumps(run("authority", "list"))
    (tmp_path / "template").write_text(body({"CertificateSigningRequest": {"Ref": "CSR"}}, NAMED, ()))
    made = run("thing", "register", str(tmp_path / "template"), "--parameter", "Name=cli-reg", "--parameter", "CSR=" + certs.request(private))
    assert made["resourceArns"]["the-thing"] == arn("cli-reg", "thing")


def found(iot, query):
    return sorted(thing["thingName"] for thing in iot.search_index(queryString=query)["things"])


def test_what_things_say_of_themselves_finds_them(iot):
    def listed(value):
        return [thing["thingName"] for thing in iot.list_things(attributeName="bay", attributeValue=value)["things"]]

    for n, bay in enumerate(("north", "north", "south")):
        iot.create_thing(thingName=f"bay-{n}", attributePayload={"attributes": {"bay": bay, "slot": str(n)}})
    assert found(iot, "attributes.bay:north") == listed("north") == ["bay-0", "bay-1"]
    assert found(iot, "attributes.bay:north AND attributes.slot:1") == ["bay-1"]
    assert found(iot, "attributes.bay:nor* AND thingName:bay-0") == ["bay-0"]
    assert found(iot, "NOT attributes.bay:north AND thingName:bay-*") == ["bay-2"]
    assert found(iot, "attributes.bay:\"nor*\"") == listed("nor*") == []
    # Changed, added to, taken away, and gone with the thing.
    iot.update_thing(thingName="bay-0", attributePayload={"attributes": {"bay": "south"}, "merge": True})
    assert listed("north") == found(iot, "attributes.bay:north") == ["bay-1"] and listed("south") == ["bay-0", "bay-2"]
    iot.update_thing(thingName="bay-1", attributePayload={"attributes": {"slot": "9"}, "merge": False})
    assert listed("north") == found(iot, "attributes.bay:north") == [] and found(iot, "attributes.slot:9") == ["bay-1"]
    iot.update_thing(thingName="bay-2", attributePayload={"attributes": {"bay": ""}, "merge": True})
    assert listed("south") == ["bay-0"] and found(iot, "attributes.slot:2") == ["bay-2"]
    iot.delete_thing(thingName="bay-0")
    assert listed("south") == found(iot, "attributes.bay:south") == []


def test_pages_of_large_things_are_short_and_go_on(iot):
    iot.create_thing_type(thingTypeName="large")
    attributes = {f"a{n}": "x" * 800 for n in range(50)}
    for n in range(130):
        iot.create_thing(thingName=f"large-{n:03}", thingTypeName="large", attributePayload={"attributes": attributes})
    for filters in ({"thingTypeName": "large"}, {"attributeName": "a7", "attributeValue": "x" * 799, "usePrefixAttributeValue": True}):
        names, token, pages = [], {}, 0
        while True:
            page = iot.list_things(maxResults=250, **filters, **token)
            names += [thing["thingName"] for thing in page["things"]]
            assert all(thing["attributes"] == attributes for thing in page["things"])
            pages += 1
            if not page.get("nextToken"):
                break
            token = {"nextToken": page["nextToken"]}
        assert names == [f"large-{n:03}" for n in range(130)] and pages > 1
    for n in range(130):
        iot.delete_thing(thingName=f"large-{n:03}")
