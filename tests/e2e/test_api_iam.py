"""Identities of the control plane: groups, roles, sessions, policies, keys, with the clients that people use."""
import datetime
import json
import os
import re
import subprocess
import time
import urllib.parse

import pytest

import vouch
from test_api import refused, send, signed

ACCOUNT = vouch.ACCOUNT
ROLE = f"arn:aws:iam::{ACCOUNT}:role/"


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **condition):
    return dict(Effect="Allow", Action=action, Resource=resource, **({"Condition": condition} if condition else {}))


def deny(action, resource="*", **condition):
    return dict(allow(action, resource, **condition), Effect="Deny")


def trust(*principals, effect="Allow", **condition):
    statement = {"Effect": effect, "Action": "sts:AssumeRole", "Principal": {"AWS": list(principals)}}
    return document(dict(statement, **({"Condition": condition} if condition else {})))


def call(server, method, path, body=None, key=None, expect=200):
    data = json.dumps(body).encode() if body is not None else b""
    headers = {"content-type": "application/json"} if data else {}
    answer = send(server, signed(server, method, "/_vouch" + path, data, key=key, headers=headers))
    if isinstance(expect, tuple):
        refused(answer, *expect)
    else:
        assert answer[0] == expect, answer
    return json.loads(answer[2])


NF = (404, "ResourceNotFoundException")
AE = (409, "ResourceAlreadyExistsException")
DC = (409, "DeleteConflictException")
LE = (410, "LimitExceededException")
MP = (400, "MalformedPolicyException")
IR = (400, "InvalidRequestException")
AD = (403, "AccessDeniedException")


@pytest.fixture(scope="module")
def iam():
    with vouch.Server("--test-clock") as server:
        yield server


def user(server, name, *statements):
    call(server, "POST", f"/users/{name}")
    if statements:
        call(server, "PUT", f"/users/{name}/policies/own", {"policyDocument": document(*statements)})
    return call(server, "POST", f"/users/{name}/access-keys")


def role(server, name, trusted, *statements, **more):
    made = call(server, "POST", f"/roles/{name}", dict(assumeRolePolicyDocument=trusted, **more))
    if statements:
        call(server, "PUT", f"/roles/{name}/policies/own", {"policyDocument": document(*statements)})
    return made


def assume(server, name, key=None, **more):
    answer = server.boto("sts", key=key).assume_role(RoleArn=name if name.startswith("arn:") else ROLE + name, RoleSessionName="s1", **more)
    credentials = answer["Credentials"]
    return dict(accessKeyId=credentials["AccessKeyId"], secretAccessKey=credentials["SecretAccessKey"], token=credentials["SessionToken"],
                answer=answer)


def boto(server, session, service="iot"):
    import boto3
    import botocore.config
    return boto3.client(service, endpoint_url=server.api, verify=server.ca, region_name=vouch.REGION, aws_access_key_id=session["accessKeyId"],
                        aws_secret_access_key=session["secretAccessKey"], aws_session_token=session["token"],
                        config=botocore.config.Config(retries={"max_attempts": 0}))


def fails(code, function, *args, **kwargs):
    import botocore.exceptions
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        function(*args, **kwargs)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    return caught.value.response


# ---- groups, managed and inline policies


def test_groups(iam):
    made = call(iam, "POST", "/groups/ops")
    assert made["groupArn"] == f"arn:aws:iam::{ACCOUNT}:group/ops"
    call(iam, "POST", "/groups/ops", expect=AE)
    call(iam, "POST", "/groups/b%20d", expect=IR)
    user(iam, "g-ann")
    call(iam, "PUT", "/groups/ops/users/g-ann")
    call(iam, "PUT", "/groups/ops/users/nobody", expect=NF)
    call(iam, "PUT", "/groups/none/users/g-ann", expect=NF)
    assert call(iam, "GET", "/groups/ops")["users"] == ["g-ann"]
    call(iam, "GET", "/groups/none", expect=NF)
    assert call(iam, "GET", "/users/g-ann/groups")["groups"] == ["ops"]
    call(iam, "GET", "/users/nobody/groups", expect=NF)
    assert "ops" in [g["groupName"] for g in call(iam, "GET", "/groups")["groups"]]
    call(iam, "GET", "/groups?nextToken=AAAA", expect=IR)
    call(iam, "DELETE", "/groups/ops", expect=DC)
    for i in range(9):
        call(iam, "POST", f"/groups/many{i}")
        call(iam, "PUT", f"/groups/many{i}/users/g-ann")
    call(iam, "POST", "/groups/many10")
    call(iam, "PUT", "/groups/many10/users/g-ann", expect=LE)
    page = call(iam, "GET", "/groups?maxResults=3")
    assert len(page["groups"]) == 3
    more = call(iam, "GET", "/groups?maxResults=3&nextToken=" + urllib.parse.quote(page["nextToken"], safe=""))
    assert not {g["groupName"] for g in page["groups"]} & {g["groupName"] for g in more["groups"]}
    call(iam, "DELETE", "/groups/ops/users/g-ann")
    call(iam, "DELETE", "/groups/none/users/g-ann", expect=NF)
    call(iam, "DELETE", "/groups/ops")
    call(iam, "DELETE", "/groups/ops", expect=NF)


@pytest.mark.parametrize("kind", ["groups", "roles"])
def test_inline_policies(iam, kind):
    base = f"/{kind}/inline-{kind}"
    call(iam, "GET", base + "/policies", expect=NF)
    call(iam, "POST", base, {"assumeRolePolicyDocument": trust(ACCOUNT)} if kind == "roles" else None)
    good = {"policyDocument": document(allow("iot:ListThings"))}
    call(iam, "PUT", base + "/policies/p", good)
    call(iam, "PUT", f"/{kind}/none/policies/p", good, expect=NF)
    call(iam, "PUT", base + "/policies/p", {"policyDocument": "{}"}, expect=MP)
    call(iam, "PUT", base + "/policies/p", {}, expect=IR)
    assert json.loads(call(iam, "GET", base + "/policies")["policies"][0]["policyDocument"]) == json.loads(good["policyDocument"])
    for i in range(9):
        call(iam, "PUT", base + f"/policies/p{i}", good)
    call(iam, "PUT", base + "/policies/p10", good, expect=LE)
    call(iam, "DELETE", base + "/policies/p")
    call(iam, "DELETE", base + "/policies/p", expect=NF)


@pytest.mark.parametrize("kind", ["users", "groups", "roles"])
def test_managed_policies_and_attachments(iam, kind):
    base, policy = f"/{kind}/att-{kind}", f"/policies/managed-{kind}"
    call(iam, "POST", base, {"assumeRolePolicyDocument": trust(ACCOUNT)} if kind == "roles" else None)
    call(iam, "PUT", policy, {"policyDocument": document(allow("iot:ListThings")), "description": "things"})
    call(iam, "PUT", policy, {"policyDocument": "{"}, expect=MP)
    got = call(iam, "GET", policy)
    assert got["policyArn"] == f"arn:aws:iam::{ACCOUNT}:policy/managed-{kind}" and got["description"] == "things"
    call(iam, "GET", "/policies/none", expect=NF)
    assert f"managed-{kind}" in [p["policyName"] for p in call(iam, "GET", "/policies")["policies"]]
    attached = f"{base}/attached-policies"
    call(iam, "PUT", f"{attached}/managed-{kind}")
    call(iam, "PUT", f"{attached}/managed-{kind}")
    call(iam, "PUT", f"{attached}/none", expect=NF)
    call(iam, "PUT", f"/{kind}/none/attached-policies/managed-{kind}", expect=NF)
    assert [p["policyName"] for p in call(iam, "GET", attached)["policies"]] == [f"managed-{kind}"]
    call(iam, "GET", f"/{kind}/none/attached-policies", expect=NF)
    assert call(iam, "GET", policy + "/targets")["targets"] == [f"{kind[:-1]}/att-{kind}"]
    call(iam, "GET", "/policies/none/targets", expect=NF)
    call(iam, "DELETE", policy, expect=DC)
    for i in range(10):
        call(iam, "PUT", f"/policies/extra{i}", {"policyDocument": document(allow("iot:ListThings"))})
        call(iam, "PUT", f"{attached}/extra{i}", expect=200 if i < 9 else LE)
    call(iam, "DELETE", f"{attached}/managed-{kind}")
    call(iam, "DELETE", f"{attached}/managed-{kind}", expect=NF)
    call(iam, "DELETE", policy)
    call(iam, "DELETE", policy, expect=NF)


def test_permissions_come_from_all_sides_and_denial_wins(iam):
    key = user(iam, "multi")
    iot = iam.boto(key=key)
    fails("AccessDeniedException", iot.list_things)
    call(iam, "POST", "/groups/readers")
    call(iam, "PUT", "/groups/readers/policies/read", {"policyDocument": document(allow("iot:ListThings"))})
    fails("AccessDeniedException", iot.list_things)
    call(iam, "PUT", "/groups/readers/users/multi")
    assert iot.list_things()["things"] == []
    fails("AccessDeniedException", iot.list_policies)
    call(iam, "PUT", "/policies/lists", {"policyDocument": document(allow("iot:ListPolicies"))})
    call(iam, "PUT", "/groups/readers/attached-policies/lists")
    iot.list_policies()
    call(iam, "PUT", "/policies/lists", {"policyDocument": document(allow("iot:ListCertificates"))})
    fails("AccessDeniedException", iot.list_policies)
    iot.list_certificates()
    call(iam, "PUT", "/policies/no", {"policyDocument": document(deny("iot:List*"))})
    call(iam, "PUT", "/users/multi/attached-policies/no")
    answer = fails("AccessDeniedException", iot.list_things)
    assert answer["Error"]["Message"] == (f"User: arn:aws:iam::{ACCOUNT}:user/multi is not authorized to perform: iot:ListThings on resource: * "
                                          "with an explicit deny in an identity-based policy")
    call(iam, "DELETE", "/users/multi/attached-policies/no")
    iot.list_things()
    call(iam, "DELETE", "/groups/readers/users/multi")
    answer = fails("AccessDeniedException", iot.list_things)
    assert answer["Error"]["Message"] == f"User: arn:aws:iam::{ACCOUNT}:user/multi is not authorized to perform: iot:ListThings on resource: *"


@pytest.mark.parametrize("operator,key,value,allowed", [
    ("IpAddress", "aws:SourceIp", "127.0.0.0/8", True), ("IpAddress", "aws:SourceIp", "10.0.0.0/8", False),
    ("NotIpAddress", "aws:SourceIp", "127.0.0.1", False), ("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z", False),
    ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z", True), ("Bool", "aws:SecureTransport", "true", True),
    ("Bool", "aws:SecureTransport", "false", False), ("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:user/cond*", True),
    ("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/*", False), ("StringEquals", "aws:username", "cond", True),
    ("StringEquals", "aws:username", "other", False), ("StringLike", "aws:userid", "AIDA*", True), ("StringLike", "aws:userid", "AROA*", False),
    ("Null", "aws:PrincipalTag/team", "true", True), ("StringEquals", "aws:PrincipalTag/team", "x", False)])
def test_conditions(iam, operator, key, value, allowed):
    if not hasattr(iam, "cond_key"):
        iam.cond_key = user(iam, "cond")
    call(iam, "PUT", "/users/cond/policies/own", {"policyDocument": document(allow("iot:ListThings", **{operator: {key: value}}))})
    things = iam.boto(key=iam.cond_key).list_things
    assert things()["things"] == [] if allowed else fails("AccessDeniedException", things)


# ---- access keys


def test_access_keys(iam):
    key = user(iam, "keys", allow("iot:ListThings"))
    listed = call(iam, "GET", "/users/keys/access-keys")["accessKeys"]
    assert [k["status"] for k in listed] == ["Active"] and "lastUsedDate" not in listed[0] and "secretAccessKey" not in listed[0]
    iot, path = iam.boto(key=key), f"/users/keys/access-keys/{key['accessKeyId']}"
    iot.list_things()
    deadline = time.monotonic() + 10
    while "lastUsedDate" not in call(iam, "GET", "/users/keys/access-keys")["accessKeys"][0]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    used = call(iam, "GET", "/users/keys/access-keys")["accessKeys"][0]["lastUsedDate"]
    for _ in range(20):
        iot.list_things()
    assert call(iam, "GET", "/users/keys/access-keys")["accessKeys"][0]["lastUsedDate"] == used
    call(iam, "PUT", path, {"status": "Inactive"})
    fails("UnrecognizedClientException", iot.list_things)
    call(iam, "PUT", path, {"status": "Active"})
    iot.list_things()
    call(iam, "PUT", path, {"status": "active"}, expect=IR)
    call(iam, "PUT", path, {}, expect=IR)
    call(iam, "PUT", "/users/keys/access-keys/AKIAXXXXXXXXXXXXXXXX", {"status": "Active"}, expect=NF)
    call(iam, "PUT", f"/users/admin/access-keys/{key['accessKeyId']}", {"status": "Inactive"}, expect=NF)
    call(iam, "DELETE", path)
    fails("UnrecognizedClientException", iot.list_things)


def test_the_administrator_keeps_a_key(iam):
    path = f"/users/admin/access-keys/{iam.admin['accessKeyId']}"
    call(iam, "PUT", path, {"status": "Inactive"}, expect=DC)
    call(iam, "DELETE", path, expect=DC)
    second = call(iam, "POST", "/users/admin/access-keys")
    call(iam, "PUT", path, {"status": "Inactive"}, key=second)
    call(iam, "PUT", path, {"status": "Active"}, key=second)
    call(iam, "DELETE", f"/users/admin/access-keys/{second['accessKeyId']}")


def test_secrets_are_not_in_the_registry(iam):
    key = user(iam, "sealed")
    role(iam, "sealed-role", trust(ACCOUNT), allow("iot:*"))
    session = assume(iam, "sealed-role")
    files = [f for f in iam.data.rglob("*") if f.is_file() and f.name != "admin.json"]
    assert os.environ.get("VOUCH_STORE") == "postgres" or any(f.name.startswith("registry") for f in files)
    for file in files:
        data = file.read_bytes()
        for secret in (key["secretAccessKey"], iam.admin["secretAccessKey"], iam.admin["consolePassword"], session["secretAccessKey"], session["token"]):
            assert secret.encode() not in data, file
    log = iam.log_text()
    assert key["secretAccessKey"] not in log and session["secretAccessKey"] not in log and session["token"] not in log


# ---- roles


def test_roles(iam):
    made = role(iam, "r1", trust(ACCOUNT), description="first", maxSessionDuration=7200)
    assert made["roleArn"] == ROLE + "r1" and re.fullmatch(r"AROA[A-Z2-7]{16}", made["roleId"]) and made["maxSessionDuration"] == 7200
    call(iam, "POST", "/roles/r1", {"assumeRolePolicyDocument": trust(ACCOUNT)}, expect=AE)
    call(iam, "POST", "/roles/r2", {}, expect=IR)
    call(iam, "POST", "/roles/r2", {"assumeRolePolicyDocument": trust(ACCOUNT), "maxSessionDuration": 3599}, expect=IR)
    call(iam, "PATCH", "/roles/r1", {"description": "second", "assumeRolePolicyDocument": trust(f"arn:aws:iam::{ACCOUNT}:user/x")})
    got = call(iam, "GET", "/roles/r1")
    assert got["description"] == "second" and "user/x" in got["assumeRolePolicyDocument"] and got["maxSessionDuration"] == 7200
    call(iam, "PATCH", "/roles/none", {"description": ""}, expect=NF)
    call(iam, "PATCH", "/roles/r1", {"assumeRolePolicyDocument": "{}"}, expect=MP)
    call(iam, "GET", "/roles/none", expect=NF)
    assert "r1" in [r["roleName"] for r in call(iam, "GET", "/roles")["roles"]]
    call(iam, "DELETE", "/roles/r1")
    call(iam, "DELETE", "/roles/r1", expect=NF)


@pytest.mark.parametrize("text,place", [
    ("{", ""), ("[]", ""), (document(allow("sts:AssumeRole")), "/Statement/0/Resource"), ('{"Version":"2012-10-17"}', ""),
    (document({"Effect": "Allow", "Action": "sts:AssumeRole"}), "/Statement/0/Principal"),
    (trust("arn:aws:iam::999999999999:user/a"), "/Statement/0/Principal"), (trust("999999999999"), "/Statement/0/Principal"),
    (trust(f"arn:aws:iam::{ACCOUNT}:user/*"), "/Statement/0/Principal"), (trust(), "/Statement/0/Principal"), (trust("bob"), "/Statement/0/Principal"),
    (document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Other": "x"}}), "/Statement/0/Principal"),
    (document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": 7}), "/Statement/0/Principal"),
    (document({"Effect": "Allow", "Action": "sts:AssumeRole", "NotPrincipal": {"AWS": ACCOUNT}}), "/Statement/0/NotPrincipal"),
    (document({"Effect": "Maybe", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}), "/Statement/0/Effect"),
    (document({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}}), "/Statement/0")])
def test_trust_documents_that_are_refused(iam, text, place):
    answer = call(iam, "POST", "/roles/bad-trust", {"assumeRolePolicyDocument": text}, expect=MP)
    assert answer["message"].startswith(place)


# ---- sessions


def test_assume_role_with_boto3(iam):
    key = user(iam, "ann")
    arn = f"arn:aws:iam::{ACCOUNT}:user/ann"
    made = role(iam, "reader", trust(arn), allow("iot:ListThings"))
    session = assume(iam, "reader", key)
    answer = session["answer"]
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", session["accessKeyId"]) and len(session["secretAccessKey"]) == 40
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": made["roleId"] + ":s1", "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/s1"}
    left = answer["Credentials"]["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=59) < left <= datetime.timedelta(minutes=60)
    who = boto(iam, session, "sts").get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/s1" and who["UserId"] == made["roleId"] + ":s1" and who["Account"] == ACCOUNT
    iot = boto(iam, session)
    assert iot.list_things()["things"] == []
    message = fails("AccessDeniedException", iot.list_policies)["Error"]["Message"]
    assert message == f"User: arn:aws:sts::{ACCOUNT}:assumed-role/reader/s1 is not authorized to perform: iot:ListPolicies on resource: *"
    fails("AccessDeniedException", iam.boto(key=key).list_things)  # the user's own rights are as they were
    row = [json.loads(r["detail"]) | r for r in call(iam, "GET", "/ledger?maxResults=250")["entries"] if r["event"] == "role-assumed"][-1]
    assert row["actor"] == arn and row["roleName"] == "reader" and row["accessKeyId"] == session["accessKeyId"]


def test_who_may_assume(iam):
    key, arn = user(iam, "may"), f"arn:aws:iam::{ACCOUNT}:user/may"
    sts = iam.boto("sts", key=key)
    role(iam, "by-account", trust(ACCOUNT), allow("iot:ListThings"))
    role(iam, "by-root", trust(f"arn:aws:iam::{ACCOUNT}:root"), allow("iot:ListThings"))
    role(iam, "by-other", trust(f"arn:aws:iam::{ACCOUNT}:user/other"), allow("iot:ListThings"))
    role(iam, "by-service", document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "iot.amazonaws.com"}}))
    role(iam, "by-external", trust(arn, StringEquals={"sts:ExternalId": "42"}), allow("iot:ListThings"))
    denied = json.loads(trust(ACCOUNT))
    denied["Statement"].append(json.loads(trust(arn, effect="Deny"))["Statement"][0])
    role(iam, "by-denial", json.dumps(denied), allow("iot:ListThings"))
    names = ("by-account", "by-root", "by-other", "by-service", "by-external", "by-denial", "none")

    def verdicts(**more):
        ok = []
        for name in names:
            try:
                sts.assume_role(RoleArn=ROLE + name, RoleSessionName="ss", **more)
                ok.append(name)
            except sts.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "AccessDenied", error
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
                assert error.response["Error"]["Message"].startswith(f"User: {arn} is not authorized to perform: sts:AssumeRole on resource: {ROLE}{name}")
        return ok

    assert verdicts() == []
    assert verdicts(ExternalId="42") == ["by-external"]
    call(iam, "PUT", "/users/may/policies/own", {"policyDocument": document(allow("sts:AssumeRole"))})
    assert verdicts() == ["by-account", "by-root"]
    call(iam, "PUT", "/users/may/policies/own", {"policyDocument": document(allow("sts:AssumeRole"), deny("sts:*", ROLE + "by-root"))})
    assert verdicts(ExternalId="42") == ["by-account", "by-external"]
    fails("AccessDenied", sts.assume_role, RoleArn=ROLE + "path/by-account", RoleSessionName="ss")
    fails("AccessDenied", sts.assume_role, RoleArn="arn:aws:iam::999999999999:role/by-account", RoleSessionName="ss")


def test_assume_role_input(iam):
    role(iam, "inputs", trust(ACCOUNT), allow("iot:ListThings"), maxSessionDuration=7200)
    sts = iam.boto("sts", parameter_validation=False)
    arn = ROLE + "inputs"
    for more in (dict(DurationSeconds=899), dict(DurationSeconds=43201), dict(DurationSeconds=7201), dict(RoleSessionName="a"), dict(RoleSessionName="a b"),
                 dict(RoleSessionName="x" * 65), dict(RoleArn="reader-of-things-and-more"), dict(RoleArn=""), dict(Policy="x" * 2049),
                 dict(Tags=[{"Key": "a", "Value": "b"}]), dict(PolicyArns=[{"arn": f"arn:aws:iam::{ACCOUNT}:policy/p"}]), dict(SourceIdentity="me")):
        answer = fails("ValidationError", sts.assume_role, **dict(dict(RoleArn=arn, RoleSessionName="good"), **more))
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400 and answer["Error"]["Message"]
    for bad in ("{", "{}", document({"Effect": "Allow"})):
        fails("MalformedPolicyDocument", sts.assume_role, RoleArn=arn, RoleSessionName="good", Policy=bad)
    for seconds in (900, 7200):
        expiration = sts.assume_role(RoleArn=arn, RoleSessionName="a=b,c.d@e-f_g", DurationSeconds=seconds)["Credentials"]["Expiration"]
        left = (expiration - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
        assert seconds - 30 < left <= seconds
    refusal = send(iam, signed(iam, "POST", "/", b"Action=AssumeRole&Version=2011-06-15&RoleArn=" + arn.encode() + b"&RoleArn=x&RoleSessionName=good", service="sts",
                               headers={"content-type": "application/x-www-form-urlencoded"}))
    assert refusal[0] in (400, 403), refusal


def test_a_session_policy_only_takes_away(iam):
    role(iam, "wide", trust(ACCOUNT), allow("iot:List*"))
    pretty = json.dumps(json.loads(document(allow(["iot:ListThings", "iot:DescribeEndpoint"]))), indent=2)
    session = assume(iam, "wide", Policy=pretty)
    assert 0 < session["answer"]["PackedPolicySize"] <= 100
    iot = boto(iam, session)
    iot.list_things()
    message = fails("AccessDeniedException", iot.list_policies)["Error"]["Message"]
    assert message.endswith("on resource: * because no session policy allows it")
    fails("AccessDeniedException", iot.describe_endpoint)  # the role has it not, whatever the session says
    iot = boto(iam, assume(iam, "wide", Policy=document(allow("iot:*"), deny("iot:ListThings"))))
    iot.list_policies()
    message = fails("AccessDeniedException", iot.list_things)["Error"]["Message"]
    assert message.endswith(" with an explicit deny in a session policy")


def test_chains_end_after_an_hour(iam):
    first = f"arn:aws:iam::{ACCOUNT}:role/chain1"
    role(iam, "chain1", trust(ACCOUNT), allow("iot:ListThings"), maxSessionDuration=43200)
    role(iam, "chain2", trust(first), allow("iot:ListPolicies"), maxSessionDuration=43200)
    role(iam, "chain3", trust(f"arn:aws:sts::{ACCOUNT}:assumed-role/chain1/s1"), allow("iot:ListCertificates"))
    role(iam, "chain4", trust(f"arn:aws:sts::{ACCOUNT}:assumed-role/chain1/s2"), allow("iot:ListCertificates"))
    sts = boto(iam, assume(iam, "chain1", DurationSeconds=43200), "sts")
    fails("ValidationError", sts.assume_role, RoleArn=ROLE + "chain2", RoleSessionName="s2", DurationSeconds=3601)
    credentials = sts.assume_role(RoleArn=ROLE + "chain2", RoleSessionName="s2", DurationSeconds=3600)["Credentials"]
    second = dict(accessKeyId=credentials["AccessKeyId"], secretAccessKey=credentials["SecretAccessKey"], token=credentials["SessionToken"])
    boto(iam, second).list_policies()
    fails("AccessDeniedException", boto(iam, second).list_things)
    sts.assume_role(RoleArn=ROLE + "chain3", RoleSessionName="s3")
    fails("AccessDenied", sts.assume_role, RoleArn=ROLE + "chain4", RoleSessionName="s3")
    narrow = boto(iam, assume(iam, "chain1", Policy=document(allow("iot:*"))), "sts")
    fails("AccessDenied", narrow.assume_role, RoleArn=ROLE + "chain2", RoleSessionName="s2")


def test_tokens_by_header_and_query(iam):
    role(iam, "tokens", trust(ACCOUNT), allow("iot:ListThings"))
    session = assume(iam, "tokens")
    assert send(iam, signed(iam, "GET", "/things", key=session))[0] == 200
    presigned = signed(iam, "GET", "/things", key=session, presign=60)
    assert "X-Amz-Security-Token=" in presigned.url and send(iam, presigned)[0] == 200
    # Some clients append the token behind the signature, outside of what is signed.
    bare = signed(iam, "GET", "/things", key=dict(session, token=None), presign=60)
    refused(send(iam, bare), 403, "UnrecognizedClientException")
    bare.url += "&X-Amz-Security-Token=" + urllib.parse.quote(session["token"], safe="")
    assert send(iam, bare)[0] == 200
    refused(send(iam, signed(iam, "GET", "/things", key=dict(session, token=None))), 403, "UnrecognizedClientException")
    late = send(iam, signed(iam, "GET", "/things", key=dict(session, token=None)), extra={"X-Amz-Security-Token": session["token"]})
    assert late[0] == 403, late  # a header that is not signed
    other = assume(iam, "tokens")
    flipped = session["token"][:60] + ("A" if session["token"][60] != "A" else "B") + session["token"][61:]
    for token in (other["token"], flipped, session["token"][:-4], "AAAA", "not base64!", iam.admin["secretAccessKey"], "A" * 9000):
        refused(send(iam, signed(iam, "GET", "/things", key=dict(session, token=token))), 403, "UnrecognizedClientException")
    refused(send(iam, signed(iam, "GET", "/things", key=dict(session, secretAccessKey="x" * 40))), 403, "InvalidSignatureException")
    refused(send(iam, signed(iam, "GET", "/things", key=dict(iam.admin, token=session["token"]))), 403, "UnrecognizedClientException")
    refused(send(iam, signed(iam, "GET", "/things", key=dict(session, accessKeyId=other["accessKeyId"]))), 403, "UnrecognizedClientException")


def test_a_role_that_goes_takes_its_sessions_along(iam):
    role(iam, "gone", trust(ACCOUNT), allow("iot:ListThings"))
    iot = boto(iam, assume(iam, "gone"))
    iot.list_things()
    call(iam, "PUT", "/roles/gone/policies/own", {"policyDocument": document(deny("iot:ListThings"))})
    fails("AccessDeniedException", iot.list_things)
    call(iam, "PUT", "/roles/gone/policies/own", {"policyDocument": document(allow("iot:ListThings"))})
    iot.list_things()
    call(iam, "DELETE", "/roles/gone")
    fails("UnrecognizedClientException", iot.list_things)
    role(iam, "gone", trust(ACCOUNT), allow("iot:ListThings"))
    fails("UnrecognizedClientException", iot.list_things)  # another role of that name


def test_sessions_have_no_user_name(iam):
    role(iam, "keys-of-sessions", trust(ACCOUNT), allow("iot:ListThings", Null={"aws:username": "true"}, StringLike={"aws:userid": "AROA*:s1"},
                                                        ArnEquals={"aws:PrincipalArn": ROLE + "keys-of-sessions"}))
    assert boto(iam, assume(iam, "keys-of-sessions")).list_things()["things"] == []


def test_aws_cli_with_a_session_token(iam):
    role(iam, "cli", trust(ACCOUNT), allow("iot:ListThings"))
    taken = iam.aws("sts", "assume-role", "--role-arn", ROLE + "cli", "--role-session-name", "from-cli", "--duration-seconds", "900")["Credentials"]
    env = dict(iam.environment(), AWS_ACCESS_KEY_ID=taken["AccessKeyId"], AWS_SECRET_ACCESS_KEY=taken["SecretAccessKey"], AWS_SESSION_TOKEN=taken["SessionToken"])
    run = lambda *words: subprocess.run(["/usr/bin/aws", "--endpoint-url", iam.api, *words], env=env, capture_output=True, text=True, timeout=120)
    who = run("sts", "get-caller-identity")
    assert json.loads(who.stdout)["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/cli/from-cli", who.stderr
    assert run("iot", "list-things").returncode == 0
    denied = run("iot", "list-policies")
    assert denied.returncode != 0 and "AccessDeniedException" in denied.stderr
    del env["AWS_SESSION_TOKEN"]
    assert "UnrecognizedClientException" in run("iot", "list-things").stderr


def test_vouch_commands(iam, tmp_path):
    policy, trusted = tmp_path / "policy.json", tmp_path / "trust.json"
    policy.write_text(document(allow("iot:ListThings")))
    trusted.write_text(trust(ACCOUNT))
    out = lambda *words: json.loads(iam.vouch(*words).stdout)
    iam.vouch("user", "create", "v-user")
    assert out("group", "create", "v-group")["groupName"] == "v-group"
    iam.vouch("group", "add", "v-group", "v-user")
    assert out("group", "members", "v-group")["users"] == ["v-user"]
    assert out("user", "groups", "v-user")["groups"] == ["v-group"]
    iam.vouch("group", "put-policy", "v-group", "p", str(policy))
    assert out("group", "policies", "v-group")["policies"][0]["policyName"] == "p"
    iam.vouch("iam-policy", "put", "v-policy", str(policy), "--description", "x")
    for group, name in (("user", "v-user"), ("group", "v-group")):
        iam.vouch(group, "attach", name, "v-policy")
        assert [p["policyName"] for p in out(group, "attached", name)["policies"]] == ["v-policy"]
    assert out("iam-policy", "targets", "v-policy")["targets"] == ["group/v-group", "user/v-user"]
    made = out("role", "create", "v-role", str(trusted), "--max-session", "7200")
    assert made["maxSessionDuration"] == 7200
    iam.vouch("role", "attach", "v-role", "v-policy")
    taken = out("role", "assume", "v-role", "--session-name", "abc", "--duration", "900")
    assert taken["AssumedRoleUser"]["Arn"].endswith("assumed-role/v-role/abc") and taken["Credentials"]["SessionToken"]
    env = iam.vouch("role", "assume", "v-role", "--env").stdout
    values = dict(re.findall(r"export (\w+)='([^']*)'", env))
    done = subprocess.run([str(vouch.BUILD / "vouch"), "--endpoint-url", iam.api, "--ca-bundle", iam.ca, "user", "whoami"], capture_output=True, text=True,
                          env=dict(iam.environment(), **values))
    assert json.loads(done.stdout)["Arn"].endswith("assumed-role/v-role/vouch"), done.stderr
    key = out("user", "keys", "v-user")["accessKeys"][0]["accessKeyId"]
    iam.vouch("user", "disable-key", "v-user", key)
    assert out("user", "keys", "v-user")["accessKeys"][0]["status"] == "Inactive"
    iam.vouch("user", "enable-key", "v-user", key)
    assert "v-role" in iam.vouch("--output", "table", "role", "list").stdout
    for words in (("role", "delete", "v-role"), ("user", "detach", "v-user", "v-policy"), ("group", "detach", "v-group", "v-policy"),
                  ("iam-policy", "delete", "v-policy"), ("group", "remove", "v-group", "v-user"), ("group", "delete", "v-group")):
        iam.vouch(*words)
    assert iam.vouch("role", "get", "v-role", check=False).returncode == 2


# ---- passing a role


def test_pass_role(iam):
    body = (vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text()
    key = user(iam, "passer", allow("iot:*"))
    iot = iam.boto(key=key)

    def create(name, arn):
        return iot.create_provisioning_template(templateName=name, provisioningRoleArn=arn, templateBody=body)

    create("pass0", ROLE + "not-here")
    create("pass1", "arn:aws:iam::999999999999:role/Provisioner")
    role(iam, "Provisioner", document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "iot.amazonaws.com"}}))
    for arn in (ROLE + "Provisioner", ROLE + "service-role/Provisioner"):
        message = fails("AccessDeniedException", create, "pass2", arn)["Error"]["Message"]
        assert message == f"User: arn:aws:iam::{ACCOUNT}:user/passer is not authorized to perform: iam:PassRole on resource: {ROLE}Provisioner"
    fails("AccessDeniedException", iot.update_provisioning_template, templateName="pass0", provisioningRoleArn=ROLE + "Provisioner")
    call(iam, "PUT", "/users/passer/policies/pass", {"policyDocument": document(
        allow("iam:PassRole", ROLE + "Provisioner", StringEquals={"iam:PassedToService": "iot.amazonaws.com"}))})
    create("pass2", ROLE + "service-role/Provisioner")
    assert iot.describe_provisioning_template(templateName="pass2")["provisioningRoleArn"] == ROLE + "service-role/Provisioner"
    iot.update_provisioning_template(templateName="pass0", provisioningRoleArn=ROLE + "Provisioner")


# ---- who may manage identities


def test_management_is_a_permission_of_its_own(iam):
    key = user(iam, "manager", allow("vouch:*Group*", f"arn:aws:iam::{ACCOUNT}:group/team-*"), allow("vouch:GetRole", ROLE + "team-*"))
    call(iam, "POST", "/groups/team-a", key=key)
    call(iam, "POST", "/groups/other", key=key, expect=AD)
    call(iam, "GET", "/roles/other", key=key, expect=AD)
    call(iam, "GET", "/roles/team-a", key=key, expect=NF)
    call(iam, "PUT", "/policies/p", {"policyDocument": document(allow("*"))}, key=key, expect=AD)
    call(iam, "POST", "/users/x", key=key, expect=AD)

def test_many_at_once_while_policies_change(iam):
    """Every answer is one that some order of the changes explains; what is refused is refused for its policy."""
    import concurrent.futures
    body = {"policyDocument": document(allow("iot:ListThings"))}
    role(iam, "busy", trust(ACCOUNT))
    sessions = [boto(iam, assume(iam, "busy", **({"Policy": body["policyDocument"]} if i % 2 else {}))) for i in range(4)]

    def ask(iot):
        seen = set()
        for _ in range(30):
            try:
                seen.add(len(iot.list_things()["things"]))
            except iot.exceptions.ClientError as error:
                seen.add(error.response["Error"]["Code"])
        return seen

    def change():
        for i in range(15):
            if i % 2:
                call(iam, "DELETE", "/roles/busy/policies/p")
            else:
                call(iam, "PUT", "/roles/busy/policies/p", body)

    with concurrent.futures.ThreadPoolExecutor(5) as threads:
        asked, changed = [threads.submit(ask, iot) for iot in sessions], threads.submit(change)
        changed.result()
        assert set().union(*(a.result() for a in asked)) <= {0, "AccessDeniedException"}
    for iot in sessions:
        assert iot.list_things()["things"] == []
    call(iam, "DELETE", "/roles/busy/policies/p")
    for iot in sessions:
        fails("AccessDeniedException", iot.list_things)


# ---- time; last, because the clock does not go back


def test_sessions_expire(iam):
    role(iam, "expiring", trust(ACCOUNT), allow("iot:ListThings"))
    session = assume(iam, "expiring", DurationSeconds=900)
    iam.advance_clock(890)
    moved = lambda: datetime.datetime.utcnow() + datetime.timedelta(seconds=iam.advanced)
    assert send(iam, signed(iam, "GET", "/things", key=session, when=moved()))[0] == 200
    presigned = signed(iam, "GET", "/things", key=session, presign=3600, when=moved())
    assert send(iam, presigned)[0] == 200
    iam.advance_clock(15)
    answer = send(iam, signed(iam, "GET", "/things", key=session, when=moved()))
    refused(answer, 403, "ExpiredTokenException")
    assert json.loads(answer[2])["message"] == "The security token included in the request is expired"
    refused(send(iam, presigned), 403, "ExpiredTokenException")
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    answer = send(iam, signed(iam, "POST", "/", body, key=session, service="sts", when=moved(), headers={"content-type": "application/x-www-form-urlencoded"}))
    assert answer[0] == 403 and b"<Code>ExpiredToken</Code>" in answer[2]
