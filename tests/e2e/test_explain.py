"""The golden policy cases through a whole server: Explain, TestAuthorization and the broker say what the core says."""
import json
import re
import subprocess
import urllib.parse

import pytest

import mqtt
import vouch
from test_api import send, signed
from test_workshop import provision

VECTORS = vouch.SOURCE / "tests" / "vectors" / "policy"
WORDS = {"allow": "ALLOWED", "implicit-deny": "IMPLICIT_DENY", "explicit-deny": "EXPLICIT_DENY"}
TYPES = {"iot:Publish": "PUBLISH", "iot:Subscribe": "SUBSCRIBE", "iot:Receive": "RECEIVE", "iot:Connect": "CONNECT"}
THING = "iot:Connection.Thing."
# Keys that a test can give a value; others exclude a case.
GIVEN = re.compile(r"^(iot:ClientId|aws:SourceIp|iot:LastWillTopic|iot:ConnectAttributes|iot:Certificate\..*"
                   r"|iot:Connection\.Thing\.(ThingName|ThingTypeName|IsAttached|Attributes\[.*\]))$")


def arn(kind):
    return f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:{kind}"


def whole(resource):
    return resource if resource == "*" or resource.startswith("arn:") else arn(resource)


def cases():
    for path in sorted(VECTORS.glob("*.json")):
        for number, case in enumerate(json.loads(path.read_text())["cases"]):
            if case["kind"] == "iot" and "requests" in case:
                yield f"{path.stem}-{number}", case


def texts(case):
    out = []
    for document in case["documents"]:
        if isinstance(document, str):
            document = json.loads((vouch.SOURCE / document[5:]).read_text().replace(":account:", f":{vouch.ACCOUNT}:"))
        out.append(json.dumps(document))
    return out


def plain(value):
    return isinstance(value, str) and 0 < len(value) <= 128 and not set(value) & set("*$+?#/") and value.isprintable()


def contexts(case):
    """Each request with its whole context."""
    for action, resource, verdict, *more in case["requests"]:
        context = dict(case.get("context", {}))
        for key, value in (more[0] if more else {}).items():
            context.pop(key, None)
            if value is not None:
                context[key] = value
        yield action, whole(resource), WORDS[verdict], context


def possible(case, text, action, resource, context):
    """Can this question be asked of a server, with these values behind it?"""
    attached = bool(case.get("thing")) or THING + "ThingName" in context
    if not all(GIVEN.match(key) for key in context) or re.search(r"k:|iot:CertificateId|aws:CurrentTime|aws:SecureTransport", text, re.I):
        return False
    if "iot:certificate." in (text + json.dumps(context)).lower() and "subject" not in case:
        return False
    if "isattached" in text.lower() and context.get(THING + "IsAttached") != str(attached).lower():
        return False
    if context.get(THING + "ThingName") != case.get("context", {}).get(THING + "ThingName"):
        return False
    if any(key.startswith(THING + "Attributes") for key in context) and "thing" not in case:
        return False
    if "iot:ClientId" in context and not plain(context["iot:ClientId"]):
        return False
    if re.search(r"ConnectAttributes|LastWillTopic", text, re.I):
        if action != "iot:Connect" or "iot:ConnectAttributes" not in context:
            return False
        if ("LastWill" in context["iot:ConnectAttributes"]) != ("iot:LastWillTopic" in context):
            return False
    topic = context.get("iot:LastWillTopic", arn("topic/x"))
    if not topic.startswith(arn("topic/")) or not re.fullmatch(r"[A-Za-z]+:[A-Za-z]+", action):
        return False
    return resource.isprintable() and 0 < len(resource) <= 2048


class World:
    """Certificates, things and groups as a case wants them."""

    def __init__(self, server):
        self.server, self.iot = server, server.boto()
        self.key = server.home / "explain.key"
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.key], check=True, capture_output=True)

    def certificate(self, name, subject):
        escape = lambda text: re.sub(r"([/+\\])", r"\\\1", text)
        line = "".join(f"/{kind}={escape(value)}" for kind, value in subject or [["CN", "any"]])
        csr = subprocess.run(["openssl", "req", "-new", "-utf8", "-key", self.key, "-subj", line], check=True, capture_output=True, text=True).stdout
        made = self.iot.create_certificate_from_csr(certificateSigningRequest=csr, setAsActive=True)
        return vouch.Identity(self.server.home, made["certificateId"], made["certificatePem"], self.key.read_text())

    def thing(self, prefix, case, device):
        """The thing under the name that the case gives it; names may come in several cases, things may not."""
        spec = case.get("thing") or {"name": case["context"][THING + "ThingName"], "attributes": {}}
        more = {}
        if "type" in spec:
            more["thingTypeName"] = spec["type"]
            self.quietly(self.iot.create_thing_type, thingTypeName=spec["type"])
        attributes = {name: value for name, value in spec["attributes"].items()}
        self.iot.create_thing(thingName=spec["name"], attributePayload={"attributes": attributes}, **more)
        kind = "NON_EXCLUSIVE_THING" if "groups" in case else "EXCLUSIVE_THING"
        attach = signed(self.server, "PUT", f"/things/{spec['name']}/principals?thingPrincipalType={kind}",
                        headers={"x-amzn-principal": arn(f"cert/{device.id}")})
        assert send(self.server, attach)[0] == 200
        return spec["name"]

    def quietly(self, call, **inputs):
        try:
            return call(**inputs)
        except self.iot.exceptions.ResourceAlreadyExistsException:
            return None

    def groups(self, prefix, thing):
        names = {part: f"{prefix}-{part}" for part in ("root", "mid", "g")}
        self.iot.create_thing_group(thingGroupName=names["root"])
        self.iot.create_thing_group(thingGroupName=names["mid"], parentGroupName=names["root"])
        self.iot.create_thing_group(thingGroupName=names["g"], parentGroupName=names["mid"])
        self.iot.add_thing_to_thing_group(thingGroupName=names["g"], thingName=thing)
        return {part: arn(f"thinggroup/{name}") for part, name in names.items()}

    def build(self, prefix, case):
        device = self.certificate(prefix, case.get("subject"))
        self.made = {"device": device, "policies": [], "thing": None, "groups": {}}
        if "thing" in case or THING + "ThingName" in case.get("context", {}):
            self.made["thing"] = self.thing(prefix, case, device)
        if "groups" in case:
            self.made["groups"] = self.groups(prefix, self.made["thing"])
        for number, text in enumerate(texts(case)):
            name = f"{prefix}-{number}"
            self.iot.create_policy(policyName=name, policyDocument=text)
            where = case.get("groups", {number: ""})[number] if "groups" in case else ""
            target = self.made["groups"].get(where, arn(f"cert/{device.id}"))
            self.iot.attach_policy(policyName=name, target=target)
            self.made["policies"].append((name, target))
        return device

    def clear(self):
        """Only what the next case would stumble over: the thing."""
        if self.made["thing"]:
            self.iot.detach_thing_principal(thingName=self.made["thing"], principal=arn(f"cert/{self.made['device'].id}"))
            self.iot.delete_thing(thingName=self.made["thing"])


def explain(server, device, **query):
    query["principal"] = device if device.startswith("arn:") else arn(f"cert/{device}")
    path = "/_vouch/explain?" + urllib.parse.urlencode({k: v for k, v in query.items() if v is not None}, quote_via=urllib.parse.quote)
    status, _, text = send(server, signed(server, "GET", path))
    assert status == 200, text
    return json.loads(text)


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def ask_explain(server, device, action, resource, context):
    attributes = context.get("iot:ConnectAttributes", [])
    will = context.get("iot:LastWillTopic")
    return explain(server, device.id, action=action, resource=resource, clientId=context.get("iot:ClientId"),
                   sourceIp=context.get("aws:SourceIp"), persistent="true" if "PersistentConnect" in attributes else None,
                   willTopic=will.split(":topic/", 1)[1] if will else None)


def check_story(told):
    """The statements as they were told give the verdict, and the deciding one is among them."""
    applying = [s for s in told["statements"] if s["applies"]]
    assert all(s["applies"] == (s["action"] and s["resource"] and s["condition"]) for s in told["statements"])
    effects = {s["effect"] for s in applying}
    assert told["verdict"] == ("EXPLICIT_DENY" if "Deny" in effects else "ALLOWED" if effects else "IMPLICIT_DENY")
    if applying:
        wanted = "Deny" if "Deny" in effects else "Allow"
        first = next(s for s in applying if s["effect"] == wanted)
        assert (told["deciding"]["policyName"], told["deciding"]["statement"]) == (first["policyName"], first["statement"])
    else:
        assert "deciding" not in told
    for variable in told["variables"]:
        assert (variable["value"] == "undefined") == (not variable["defined"])


def ask_test(iot, device, action, resource, context):
    answer = iot.test_authorization(principal=arn(f"cert/{device.id}"), **({"clientId": context["iot:ClientId"]} if "iot:ClientId" in context else {}),
                                    authInfos=[{"actionType": TYPES[action], "resources": [resource]}])
    return answer["authResults"][0]


def connect(server, device, client_id, **options):
    """A connection, or None when CONNECT is refused."""
    client = mqtt.Client(server, device)
    client.send(mqtt.connect(client_id, **options))
    if client.expect(mqtt.CONNACK)[2][1] == 0:
        return client
    client.close()
    return None


def may_publish(client, topic):
    try:
        client.publish(topic, b"x")
    except mqtt.Closed:
        return False
    return True


def may_subscribe(client, topic_filter):
    try:
        return client.subscribe(topic_filter)[0] != 0x80
    except mqtt.Closed:
        return False


def valid_topic(name, wildcards):
    bad = "\0" if wildcards else "\0+#"
    levels = name.split("/")
    good = all(l in ("+",) or not set(l) & set("+#") for l in levels[:-1]) and (levels[-1] in ("+", "#") or not set(levels[-1]) & set("+#"))
    return 0 < len(name.encode()) <= 256 and len(levels) <= 8 and not set(name) & set(bad) and good and not name.startswith("$")


def ask_broker(server, world, prefix, device, action, resource, context, text):
    """ALLOWED or not, by a connection; None when no connection can ask this."""
    if re.search("SourceIp|ConnectAttributes|LastWillTopic", text, re.I) or not resource.startswith(arn("")):
        return None
    kind, name = resource[len(arn("")):].split("/", 1) if "/" in resource else ("", "")
    client_id = context.get("iot:ClientId") or world.made["thing"] or "any"
    if action == "iot:Connect" and kind == "client":
        if not plain(name) or ("iot:clientid" in text.lower() and context.get("iot:ClientId") != name) or ("groups" in prefix and name != client_id):
            return None
        client = connect(server, device, name)
    elif action in ("iot:Publish", "iot:Subscribe") and kind == {"iot:Publish": "topic", "iot:Subscribe": "topicfilter"}[action]:
        if not valid_topic(name, action == "iot:Subscribe") or ("iot:clientid" in text.lower() and "iot:ClientId" not in context):
            return None
        world.iot.attach_policy(policyName="explain-connect", target=arn(f"cert/{device.id}"))
        client = connect(server, device, client_id)
        if client:
            allowed = (may_publish if action == "iot:Publish" else may_subscribe)(client, name)
            client.close()
        world.iot.detach_policy(policyName="explain-connect", target=arn(f"cert/{device.id}"))
        return None if not client else allowed
    else:
        return None
    if client:
        client.close()
    return bool(client)


def test_golden_cases_three_ways(server, world):
    statement = {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}
    world.iot.create_policy(policyName="explain-connect", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    counts = {"cases": 0, "explain": 0, "test": 0, "broker": 0}
    for prefix, case in cases():
        text = " ".join(texts(case))
        asked = [q for q in contexts(case) if possible(case, text, q[0], q[1], q[3])]
        if not asked or len(case["documents"]) > 10:
            continue
        device = world.build(prefix, case)
        counts["cases"] += 1
        for action, resource, want, context in asked:
            where = (prefix, case["name"], action, resource)
            told = ask_explain(server, device, action, resource, context)
            assert told["verdict"] == want, (where, told)
            check_story(told)
            counts["explain"] += 1
            if action in TYPES and not re.search("SourceIp|ConnectAttributes|LastWillTopic", text, re.I):
                result = ask_test(world.iot, device, action, resource, context)
                assert result["authDecision"] == want, (where, result)
                missing = {v["name"] for v in told["variables"] if not v["defined"]}
                assert set(result["missingContextValues"]) == missing, where
                counts["test"] += 1
            live = ask_broker(server, world, prefix, device, action, resource, context, text)
            if live is not None:
                assert live == (want == "ALLOWED"), (where, live)
                counts["broker"] += 1
        world.clear()
    print(counts)
    assert counts["cases"] >= 180 and counts["explain"] >= 400 and counts["test"] >= 350 and counts["broker"] >= 250, counts


# ---- suggestions


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource, **more):
    return dict({"Effect": "Allow", "Action": action, "Resource": resource}, **more)


SUGGESTIONS = [
    ("add-resource", [allow("iot:Publish", arn("topic/a"))], "iot:Publish", "topic/b/${x}/*?"),
    ("add-action", [allow("iot:Publish", arn("topic/a"))], "iot:Receive", "topic/a"),
    ("add-action", [allow(["iot:Publish", "iot:Connect"], "*")], "iot:RetainPublish", "topic/a"),
    ("add-statement", [allow("iot:Publish", arn("topic/a"))], "iot:Subscribe", "topicfilter/b"),
    ("change-resource", [allow("iot:Subscribe", [arn("topic/z"), arn("topic/a/*")])], "iot:Subscribe", "topicfilter/a/b"),
    ("change-resource", [allow("iot:Receive", arn("topicfilter/a"))], "iot:Receive", "topic/a"),
    ("attach-policy", [], "iot:Publish", "topic/a"),
    ("meet-condition", [allow("iot:Publish", "*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})], "iot:Publish", "topic/a"),
    ("define-variable", [allow("iot:Publish", arn("topic/${iot:Connection.Thing.ThingName}/x"))], "iot:Publish", "topic/a/x"),
    ("define-variable", [allow("iot:Publish", arn("topic/${iot:Certificate.Subject.State}"))], "iot:Publish", "topic/a"),
    ("narrow-deny", [allow("iot:Publish", "*"), dict(allow("iot:Publish", arn("topic/a")), Effect="Deny", Sid="no")], "iot:Publish", "topic/a"),
    ("none", [allow("iot:Publish", "*")], "iot:Publish", "topic/a"),
]


def test_what_is_suggested_helps(server, world):
    for number, (change, statements, action, resource) in enumerate(SUGGESTIONS):
        device = world.certificate(f"suggest-{number}", None)
        if statements:
            world.iot.create_policy(policyName=f"suggest-{number}", policyDocument=document(*statements))
            world.iot.attach_policy(policyName=f"suggest-{number}", target=arn(f"cert/{device.id}"))
        told = explain(server, device.id, action=action, resource=resource, sourceIp="192.0.2.1")
        advice = told["suggestion"]
        assert advice["change"] == change and advice["sentence"].endswith("."), (number, told)
        if change == "narrow-deny":
            assert told["deciding"] == {"policyName": f"suggest-{number}", "statement": 1, "sid": "no"} and advice["statement"] == 1
        if change in ("none", "meet-condition", "define-variable", "narrow-deny"):
            assert "policyDocument" not in advice
            continue
        if change == "attach-policy":
            world.iot.create_policy(policyName=f"suggest-{number}", policyDocument=advice["policyDocument"])
            world.iot.attach_policy(policyName=f"suggest-{number}", target=arn(f"cert/{device.id}"))
        else:
            assert advice["policyName"] == f"suggest-{number}"
            world.iot.create_policy_version(policyName=f"suggest-{number}", policyDocument=advice["policyDocument"], setAsDefault=True)
        assert explain(server, device.id, action=action, resource=resource, sourceIp="192.0.2.1")["verdict"] == "ALLOWED", number
        wider = explain(server, device.id, action=action, resource=resource + "/more", sourceIp="192.0.2.1")
        assert wider["verdict"] == "IMPLICIT_DENY" or change == "change-resource" or statements and "*" in str(statements[0]["Resource"]), wider


# ---- who is asked about


def test_claims_and_those_that_cannot_connect(server, world):
    claim = server.claim()
    told = explain(server, claim.id, action="iot:Connect", clientId="anything")
    assert (told["kind"], told["verdict"], told["connection"], told["statements"]) == ("claim", "ALLOWED", "ok", [])
    assert told["gateway"] == "ok"
    for action, resource, want in (("iot:Publish", "topic/$aws/certificates/create/json", "ALLOWED"),
                                   ("iot:Publish", f"topic/$aws/provisioning-templates/{vouch.TEMPLATE}/provision/json", "ALLOWED"),
                                   ("iot:Publish", "topic/$aws/provisioning-templates/Other/provision/json", "IMPLICIT_DENY"),
                                   ("iot:Subscribe", "topicfilter/$aws/certificates/create/json/accepted", "ALLOWED"),
                                   ("iot:Subscribe", "topic/$aws/certificates/create/json/accepted", "IMPLICIT_DENY"),
                                   ("iot:DeleteConnection", "client/x", "IMPLICIT_DENY"), ("iot:Publish", "topic/x", "IMPLICIT_DENY")):
        assert explain(server, claim.id, action=action, resource=resource)["verdict"] == want, (action, resource)
    device = provision(server, claim, "explain-dev")
    assert explain(server, device.id, action="iot:Connect", clientId="explain-dev")["connection"] == "ok"
    # What no policy can allow is said apart from the verdict.
    for action, resource, word in (("iot:Publish", "topic/explain-dev/x", "ok"), ("iot:Publish", "topic/$aws/things/explain-dev/shadow/update", "reserved"),
                                   ("iot:Publish", "topic/$aws/certificates/create/json", "ok"), ("iot:Publish", "topic/a/+", "wildcard"),
                                   ("iot:Subscribe", "topicfilter/a#", "wildcard"), ("iot:Subscribe", "topicfilter/$aws/things/explain-dev/#", "ok"),
                                   ("iot:Connect", "client/$x", "reserved"), ("iot:Connect", "client/" + "x" * 129, "128")):
        told = explain(server, device.id, action=action, resource=resource, clientId="explain-dev")
        assert word in told["gateway"] and (word == "ok") == (told["gateway"] == "ok"), (resource, told["gateway"])
    world.iot.update_certificate(certificateId=device.id, newStatus="INACTIVE")
    told = explain(server, device.id, action="iot:Connect", clientId="explain-dev")
    assert told["verdict"] == "ALLOWED" and "ACTIVE" in told["connection"] and told["thingName"] == "explain-dev"


def test_policies_of_groups_count_for_the_things_own_connection_alone(server, world):
    case = {"thing": {"name": "grouped-1", "attributes": {}}, "groups": ["", "root"],
            "documents": [json.loads(document(allow("iot:Connect", "*"))), json.loads(document(allow("iot:Publish", arn("topic/a"))))]}
    device = world.build("grouped", case)
    assert explain(server, device.id, action="iot:Publish", resource="topic/a", clientId="grouped-1")["verdict"] == "ALLOWED"
    assert explain(server, device.id, action="iot:Publish", resource="topic/a", clientId="other")["verdict"] == "IMPLICIT_DENY"
    for client_id, want in (("grouped-1", True), ("other", False)):
        with mqtt.Client(server, device) as client:
            client.connect(client_id)
            assert may_publish(client, "a") == want
    names = lambda **q: [p["policyName"] for p in world.iot.get_effective_policies(**q)["effectivePolicies"]]
    assert names(principal=arn(f"cert/{device.id}")) == ["grouped-0"]
    assert sorted(names(principal=arn(f"cert/{device.id}"), thingName="grouped-1")) == ["grouped-0", "grouped-1"]
    assert names(thingName="grouped-1") == ["grouped-1"] == names(principal=arn("thinggroup/grouped-g"))
    assert json.loads(world.iot.get_effective_policies(thingName="grouped-1")["effectivePolicies"][0]["policyDocument"]) == case["documents"][1]
    result = world.iot.test_authorization(principal=arn("thinggroup/grouped-mid"), authInfos=[{"actionType": "PUBLISH", "resources": [arn("topic/a")]}])
    assert result["authResults"][0]["authDecision"] == "ALLOWED"
    # A policy that changes reaches the live connection.
    with mqtt.Client(server, device) as client:
        client.connect("grouped-1")
        client.publish("a", b"1")
        world.iot.create_policy_version(policyName="grouped-1", policyDocument=document(allow("iot:Publish", arn("topic/b"))), setAsDefault=True)
        client.publish("b", b"2")
        assert not may_publish(client, "a")


# ---- TestAuthorization and GetEffectivePolicies: lists, additions, errors


def test_authorization_lists_and_additions(server, world):
    iot, device = world.iot, world.certificate("lists", None)
    principal = arn(f"cert/{device.id}")
    for name, effect, topic in (("lists-a", "Allow", "a"), ("lists-b", "Allow", "b"), ("lists-deny", "Deny", "a")):
        iot.create_policy(policyName=name, policyDocument=document(dict(allow("iot:Publish", arn(f"topic/{topic}")), Effect=effect)))
    iot.attach_policy(policyName="lists-a", target=principal)
    iot.attach_policy(policyName="lists-b", target=principal)

    def ask(*topics, **more):
        result = iot.test_authorization(principal=principal, authInfos=[{"actionType": "PUBLISH", "resources": [arn(f"topic/{t}") for t in topics]}], **more)["authResults"][0]
        lists = (result["allowed"], result["denied"]["implicitDeny"], result["denied"]["explicitDeny"])
        return (result["authDecision"], *(sorted(p["policyName"] for p in part["policies"]) for part in lists))
    assert ask("a") == ("ALLOWED", ["lists-a"], ["lists-b"], [])
    assert ask("c") == ("IMPLICIT_DENY", [], ["lists-a", "lists-b"], [])
    assert ask("a", "b") == ("ALLOWED", ["lists-a", "lists-b"], ["lists-a", "lists-b"], [])
    assert ask("a", "c") == ("IMPLICIT_DENY", ["lists-a"], ["lists-a", "lists-b"], [])
    assert ask("a", policyNamesToAdd=["lists-deny"]) == ("EXPLICIT_DENY", ["lists-a"], ["lists-b"], ["lists-deny"])
    assert ask("c", "a", policyNamesToAdd=["lists-deny"])[0] == "EXPLICIT_DENY"
    assert ask("a", policyNamesToSkip=["lists-a"]) == ("IMPLICIT_DENY", [], ["lists-b"], [])
    assert ask("a", policyNamesToSkip=["lists-a", "nobody"], policyNamesToAdd=["lists-a"])[0] == "ALLOWED"
    nobody = iot.test_authorization(policyNamesToAdd=["pubsub"], clientId="x", authInfos=[{"actionType": "CONNECT", "resources": [arn("client/x")]}])["authResults"][0]
    assert nobody["authDecision"] == "IMPLICIT_DENY" and nobody["missingContextValues"] == [THING + "ThingName"]
    trap = iot.test_authorization(policyNamesToAdd=["TrustedUserProvisioningPolicy"], authInfos=[
        {"actionType": "SUBSCRIBE", "resources": [arn("topicfilter/$aws/certificates/create/json/accepted")]},
        {"actionType": "RECEIVE", "resources": [arn("topic/$aws/certificates/create/json/accepted")]}])["authResults"]
    assert [r["authDecision"] for r in trap] == ["IMPLICIT_DENY", "ALLOWED"]
    assert trap[0]["authInfo"]["actionType"] == "SUBSCRIBE"


def test_errors_of_authorization(server, world):
    iot = server.boto(parameter_validation=False)
    info, ghost = [{"actionType": "PUBLISH", "resources": [arn("topic/a")]}], arn("cert/" + "0" * 64)
    for call in (lambda: iot.test_authorization(principal=ghost, authInfos=info), lambda: iot.get_effective_policies(principal=ghost),
                 lambda: iot.test_authorization(policyNamesToAdd=["no-such-policy"], authInfos=info), lambda: iot.get_effective_policies(thingName="no-such-thing"),
                 lambda: iot.test_authorization(principal=arn("thinggroup/no-such-group"), authInfos=info)):
        with pytest.raises(iot.exceptions.ResourceNotFoundException):
            call()
    with pytest.raises(iot.exceptions.LimitExceededException):
        iot.test_authorization(policyNamesToAdd=[f"p{i}" for i in range(11)], authInfos=info)
    add = {"policyNamesToAdd": ["pubsub"]}
    for call in (lambda: iot.test_authorization(authInfos=info), lambda: iot.test_authorization(**add), lambda: iot.test_authorization(authInfos=[], **add),
                 lambda: iot.test_authorization(authInfos=info * 11, **add), lambda: iot.test_authorization(authInfos=[{"actionType": "WISH", "resources": ["*"]}], **add),
                 lambda: iot.test_authorization(authInfos=[{"actionType": "PUBLISH", "resources": []}], **add), lambda: iot.test_authorization(authInfos=[{"resources": ["*"]}], **add),
                 lambda: iot.test_authorization(authInfos=[{"actionType": "PUBLISH"}], **add), lambda: iot.test_authorization(principal="cert/x", authInfos=info),
                 lambda: iot.test_authorization(principal="arn:aws:iot:eu-west-1:1:cert/x", authInfos=info), lambda: iot.get_effective_policies(),
                 lambda: iot.get_effective_policies(principal=arn("thing/x")), lambda: iot.get_effective_policies(thingName="bad name"),
                 lambda: iot.test_authorization(policyNamesToAdd=["bad name"], authInfos=info),
                 lambda: iot.test_authorization(authInfos=[{"actionType": "PUBLISH", "resources": ["a\nb"]}], **add)):
        with pytest.raises(iot.exceptions.InvalidRequestException):
            call()
    for query, status in (("", 400), ("principal=x&action=iot:Publish", 400), (f"principal={ghost}&action=iot:Publish", 404), (f"principal={ghost}", 400),
                          (f"principal={ghost}&action=Publish", 400), (f"principal={arn('thing/x')}&action=iot:Publish", 400),
                          (f"principal={ghost}&action=iot:Publish&persistent=maybe", 400), (f"principal={ghost}&action=iot:%2A", 400)):
        path = "/_vouch/explain" + ("?" + query.replace(":", "%3A").replace("/", "%2F") if query else "")
        assert send(server, signed(server, "GET", path))[0] == status, query
    made = json.loads(server.vouch("user", "create", "explainer", "--allow-claims", vouch.TEMPLATE, "--output", "json").stdout)
    denied = send(server, signed(server, "GET", f"/_vouch/explain?principal={urllib.parse.quote(ghost, safe='')}&action=iot%3APublish", key=made))
    assert denied[0] == 403 and "vouch:Explain" in json.loads(denied[2])["message"] and ghost in json.loads(denied[2])["message"]


# ---- warnings, and the command line


def test_warnings_stand_beside_the_answer(server, world):
    trap = vouch.policy_text("trusted-user-provisioning-policy.json")
    answer = world.iot.create_policy(policyName="warned", policyDocument=trap)
    findings = json.loads(answer["ResponseMetadata"]["HTTPHeaders"]["x-vouch-lint"])
    assert [f["rule"] for f in findings] == ["L1"] * 4 + ["L4"] and findings[0]["field"] == "/Statement/1/Resource/0"
    assert set(answer) == {"policyName", "policyArn", "policyDocument", "policyVersionId", "ResponseMetadata"} and answer["policyDocument"] == trap
    server.wait_log('path=/policies/warned status=200 ')
    assert 'lint="L1 /Statement/1/Resource/0; L1' in server.log_text()
    clean = world.iot.create_policy(policyName="clean", policyDocument=document(allow("iot:Connect", arn("client/x"))))
    assert "x-vouch-lint" not in clean["ResponseMetadata"]["HTTPHeaders"]
    version = world.iot.create_policy_version(policyName="clean", policyDocument=document(allow("iot:*", "*")))
    assert [f["rule"] for f in json.loads(version["ResponseMetadata"]["HTTPHeaders"]["x-vouch-lint"])] == ["L5"]
    with pytest.raises(world.iot.exceptions.MalformedPolicyException) as refused:
        world.iot.create_policy(policyName="bad", policyDocument="{}")
    assert "x-vouch-lint" not in refused.value.response["ResponseMetadata"]["HTTPHeaders"]
    body = json.loads((vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text())
    body["Resources"]["policy"]["Properties"]["PolicyName"] = "not-there"
    made = world.iot.create_provisioning_template(templateName="warned", provisioningRoleArn=vouch.ROLE, templateBody=json.dumps(body))
    assert [f["rule"] for f in json.loads(made["ResponseMetadata"]["HTTPHeaders"]["x-vouch-lint"])] == ["T2", "T3", "T4"]
    assert set(made) == {"templateArn", "templateName", "defaultVersionId", "ResponseMetadata"}
    body["Resources"]["policy"]["Properties"]["PolicyName"] = {"Ref": "ThingName"}
    made = world.iot.create_provisioning_template_version(templateName="warned", templateBody=json.dumps(body))
    assert [f["rule"] for f in json.loads(made["ResponseMetadata"]["HTTPHeaders"]["x-vouch-lint"])] == ["T2", "T3", "T1"]


def test_the_command_line_explains_and_warns(server, world, tmp_path):
    device = provision(server, server.claim(), "cli-dev")
    told = json.loads(server.vouch("explain", device.id, "iot:Subscribe", "topicfilter/cli-dev/#", "--client-id", "cli-dev").stdout)
    assert told["verdict"] == "IMPLICIT_DENY" and told["suggestion"]["change"] == "add-resource" and told["thingName"] == "cli-dev"
    table = server.vouch("explain", arn(f"cert/{device.id}"), "iot:Connect", "--client-id", "cli-dev", "--output", "table").stdout
    assert "ALLOWED" in table and re.search(r"pubsub +2 .*Allow +true +true +true +true", table) and re.search(r"ThingName +cli-dev", table), table
    assert json.loads(server.vouch("explain", server.claim().id, "iot:Connect", "--client-id", "x").stdout)["kind"] == "claim"
    assert server.vouch("explain", "0" * 64, "iot:Connect", check=False).returncode == 2
    assert server.vouch("explain", device.id, check=False).returncode == 1
    effective = json.loads(server.vouch("policy", "effective", device.id, "--thing", "cli-dev").stdout)["effectivePolicies"]
    assert [p["policyName"] for p in effective] == ["pubsub"]
    file = tmp_path / "policy.json"
    file.write_text(document(allow("iot:Subscribe", arn("topic/a"))))
    for _ in range(2):
        put = server.vouch("policy", "put", "from-cli", str(file))
        assert re.search(r"^vouch: warning: L1 /Statement/0/Resource: iot:Subscribe is matched", put.stderr, re.M) and json.loads(put.stdout)
    put = server.vouch("template", "put", "from-cli", str(vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json"))
    assert re.findall(r"^vouch: warning: (T\d)", put.stderr, re.M) == ["T2", "T3"] and json.loads(put.stdout)["templateName"] == "from-cli"
    body = json.loads((vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text())
    body["Resources"]["policy"]["Properties"]["PolicyName"] = "nowhere"
    file.write_text(json.dumps(body))
    rules = lambda done: [f["rule"] for f in json.loads(done.stdout)["findings"]]
    assert rules(server.vouch("lint", str(file), data=False)) == ["T2", "T3"]
    assert rules(server.vouch("lint", str(file))) == ["T2", "T3", "T4"]
    assert rules(server.vouch("lint", str(file), "--hook")) == ["T3", "T4"]
