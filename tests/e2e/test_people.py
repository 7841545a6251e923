"""Limits of people: how many claims, of what, when, and who else must agree; over AWS's operation and over ours."""
import datetime
import json
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest

import own
import vouch

TEMPLATE = f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:provisioningtemplate/*"
MAY_CLAIM = (["iot:CreateProvisioningClaim", "vouch:CreateClaim"], TEMPLATE)


def person(server, name):
    return own.user(server, name, MAY_CLAIM)


def limit(server, kind, name, **limits):
    own.call(server, "PUT", f"/_vouch/claim-limits/{kind}/{name}", limits)


def refusal(server, key, template=vouch.TEMPLATE):
    """What CreateProvisioningClaim says to this person: error, message, the reason in the log."""
    try:
        server.boto(key=key).create_provisioning_claim(templateName=template)
    except botocore.exceptions.ClientError as error:
        line = [x for x in server.log_text().splitlines() if "op=CreateProvisioningClaim" in x][-1]
        return error.response["Error"]["Code"], error.response["Error"]["Message"], line.split(" reason=")[1].split()[0]
    return None


def makes(server, key, template=vouch.TEMPLATE):
    return server.boto(key=key).create_provisioning_claim(templateName=template)["certificateId"]


def test_an_hour_and_a_day(clock_server):
    server = clock_server
    key = person(server, "hourly")
    limit(server, "user", "hourly", claimsPerHour=2, claimsPerDay=3)
    makes(server, key)
    own.claim(server, key)  # both kinds count
    code, message, why = refusal(server, key)
    assert (code, why) == ("ThrottlingException", "limit-hour") and "2 claims an hour" in message
    message = own.refused(server, 400, "ThrottlingException", "POST", "/_vouch/claims", {"templateName": vouch.TEMPLATE}, key)
    assert "2 claims an hour" in message
    assert own.ledger(server, event="claim-created")[-1]["actor"].endswith("user/hourly")
    makes(server, server.admin)  # nobody else is concerned


def test_a_claim_for_several_devices_counts_as_so_many(server):
    key, path = person(server, "wholesale"), "/_vouch/claims"
    limit(server, "user", "wholesale", claimsPerHour=5, approvalAbove=3)
    assert "5 claims an hour" in own.refused(server, 400, "ThrottlingException", "POST", path, {"templateName": vouch.TEMPLATE, "maxUses": 6}, key)
    assert "approval" in own.refused(server, 403, "AccessDeniedException", "POST", path, {"templateName": vouch.TEMPLATE, "maxUses": 4}, key)
    own.claim(server, key, maxUses=3)
    assert refusal(server, key)[2] == "approval-needed"
    limit(server, "user", "wholesale", claimsPerHour=5)
    makes(server, key)
    assert "5 claims an hour" in own.refused(server, 400, "ThrottlingException", "POST", path, {"templateName": vouch.TEMPLATE, "maxUses": 2}, key)
    makes(server, key)


def test_a_race_does_not_pass_the_limit(server):
    key = person(server, "racer")
    limit(server, "user", "racer", claimsPerHour=3)
    made, failed, barrier = [], [], threading.Barrier(8)

    def race():
        iot = server.boto(key=key)
        barrier.wait()
        try:
            made.append(iot.create_provisioning_claim(templateName=vouch.TEMPLATE)["certificateId"])
        except botocore.exceptions.ClientError as error:
            failed.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=race) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(made) == 3 and failed == ["ThrottlingException"] * 5


def test_a_group_counts_together(server):
    keys = [person(server, f"member-{i}") for i in range(2)]
    server.vouch("group", "create", "Installers")
    for i in range(2):
        own.call(server, "PUT", f"/_vouch/groups/Installers/users/member-{i}")
    limit(server, "group", "Installers", claimsPerDay=2)
    makes(server, keys[0])
    makes(server, keys[1])
    for key in keys:
        code, message, why = refusal(server, key)
        assert (code, why) == ("ThrottlingException", "limit-day") and "group Installers" in message
    own.call(server, "DELETE", "/_vouch/groups/Installers/users/member-1")
    makes(server, keys[1])


def test_templates(server):
    body = (vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text()
    server.boto().create_provisioning_template(templateName="Allowed", provisioningRoleArn=vouch.ROLE, templateBody=body, enabled=True)
    key = person(server, "choosy")
    limit(server, "user", "choosy", templates=["Allowed"])
    makes(server, key, "Allowed")
    code, message, why = refusal(server, key)
    assert (code, why) == ("AccessDeniedException", "limit-template") and vouch.TEMPLATE in message


def test_windows(server):
    key = person(server, "punctual")
    now = datetime.datetime.utcnow()
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    tomorrow, today = days[(now.weekday() + 2) % 7], days[now.weekday()]
    limit(server, "user", "punctual", windows=[f"{tomorrow} 00:00-24:00"])
    code, message, why = refusal(server, key)
    assert (code, why) == ("AccessDeniedException", "limit-window") and "UTC" in message
    limit(server, "user", "punctual", windows=[f"{tomorrow} 00:00-24:00", f"{today},{days[(now.weekday() + 1) % 7]} 00:00-24:00"])
    makes(server, key)
    for bad in ("always", "Mon 8:00-9:00", "Mon-Fri", "Mon 08:00-25:00", "Someday 08:00-09:00"):
        message = own.refused(server, 400, "InvalidRequestException", "PUT", "/_vouch/claim-limits/user/punctual", {"windows": [bad]})
        assert "window" in message.lower()


def test_a_second_person(server):
    key, boss = person(server, "junior"), own.user(server, "boss", ("vouch:*", "*"))
    own_boss = own.user(server, "junior-too", MAY_CLAIM, ("vouch:*", "*"))
    limit(server, "user", "junior", approvalAbove=1)
    makes(server, key)
    code, message, why = refusal(server, key)
    assert (code, why) == ("AccessDeniedException", "approval-needed")
    waiting = [r for r in own.call(server, "GET", "/_vouch/claim-requests", key=boss)["requests"] if r["principal"] == "user/junior"]
    assert len(waiting) == 1 and waiting[0]["state"] == "PENDING" and waiting[0]["requestId"] in message
    request = waiting[0]["requestId"]
    assert request in refusal(server, key)[1]  # asked again, it is the same one
    # Not yet, and not by oneself.
    own.call(server, "POST", f"/_vouch/claim-requests/{request}/approve", key=boss)
    makes(server, key)
    assert refusal(server, key)[2] == "approval-needed"  # good once
    assert own.refused(server, 409, "ConflictingResourceUpdateException", "POST", f"/_vouch/claim-requests/{request}/approve", key=boss)
    limit(server, "user", "junior-too", approvalAbove=0)
    message = refusal(server, own_boss)[1]
    mine = message.split("Request ")[1].split()[0]
    assert "own" in own.refused(server, 403, "AccessDeniedException", "POST", f"/_vouch/claim-requests/{mine}/approve", key=own_boss)
    own.call(server, "POST", f"/_vouch/claim-requests/{mine}/deny", key=boss)
    assert refusal(server, own_boss)[2] == "approval-needed"
    for verb in ("approve", "deny"):
        own.refused(server, 404, "ResourceNotFoundException", "POST", f"/_vouch/claim-requests/none/{verb}", key=boss)
    own.refused(server, 409, "ConflictingResourceUpdateException", "POST", f"/_vouch/claim-requests/{mine}/deny", key=boss)
    events = [r["event"] for r in own.ledger(server) if r["event"].startswith("claim-") and "requestId" in r.get("detail", "")]
    assert events.count("claim-requested") >= 3 and "claim-approved" in events and "claim-denied" in events


def test_an_approval_is_for_the_claim_that_was_asked_for(server):
    key = person(server, "narrow")
    limit(server, "user", "narrow", approvalAbove=0)
    message = own.refused(server, 403, "AccessDeniedException", "POST", "/_vouch/claims",
                          {"templateName": vouch.TEMPLATE, "thingName": "agreed"}, key)
    request = message.split("Request ")[1].split()[0]
    server.vouch("claim", "approve", request)
    own.refused(server, 403, "AccessDeniedException", "POST", "/_vouch/claims", {"templateName": vouch.TEMPLATE, "thingName": "other"}, key)
    own.refused(server, 403, "AccessDeniedException", "POST", "/_vouch/claims", {"templateName": vouch.TEMPLATE}, key)
    assert own.claim(server, key, thingName="agreed").id
    shown = [r for r in json.loads(server.vouch("claim", "requests").stdout)["requests"] if r["requestId"] == request]
    assert shown[0]["state"] == "USED" and shown[0]["bindings"] == {"thingName": "agreed"} and shown[0]["decidedBy"].endswith("user/admin")


def role_session(server, key, role):
    import boto3
    given = server.boto("sts", key=key).assume_role(RoleArn=f"arn:aws:iam::{vouch.ACCOUNT}:role/{role}", RoleSessionName="s1")["Credentials"]
    return boto3.client("iot", endpoint_url=server.api, verify=server.ca, region_name=vouch.REGION, aws_access_key_id=given["AccessKeyId"],
                        aws_secret_access_key=given["SecretAccessKey"], aws_session_token=given["SessionToken"]), given


def in_role(server, given, method, path):
    """The status that a session of a role gets for one of our own operations."""
    credentials = botocore.credentials.Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    request = botocore.awsrequest.AWSRequest(method, server.api + path, headers={"content-type": "application/json"})
    botocore.auth.SigV4Auth(credentials, "iot", vouch.REGION).add_auth(request)
    sent = urllib.request.Request(server.api + path, headers=dict(request.headers), method=method)
    try:
        return urllib.request.urlopen(sent, context=ssl.create_default_context(cafile=server.ca)).status
    except urllib.error.HTTPError as error:
        return error.code


def test_nobody_is_the_second_person_by_taking_a_role(server):
    may = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{vouch.ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    own.call(server, "POST", "/_vouch/roles/Approver", {"assumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [may]})})
    own.call(server, "PUT", "/_vouch/roles/Approver/policies/Own", {"policyDocument": json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["vouch:*", "sts:*", MAY_CLAIM[0][0]], "Resource": "*"}]})})
    sly, other = (own.user(server, name, MAY_CLAIM, ("vouch:*", "*"), ("sts:AssumeRole", "*")) for name in ("sly", "honest"))
    limit(server, "user", "sly", approvalAbove=0)
    limit(server, "role", "Approver", approvalAbove=0)
    request = refusal(server, sly)[1].split("Request ")[1].split()[0]
    iot, session = role_session(server, sly, "Approver")
    assert in_role(server, session, "POST", f"/_vouch/claim-requests/{request}/approve") == 403
    # Nor the other way round, nor for somebody else in the same role.
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        iot.create_provisioning_claim(templateName=vouch.TEMPLATE)
    second = str(refused.value).split("Request ")[1].split()[0]
    own.refused(server, 403, "AccessDeniedException", "POST", f"/_vouch/claim-requests/{second}/approve", key=sly)
    honest, his = role_session(server, other, "Approver")
    assert in_role(server, his, "POST", f"/_vouch/claim-requests/{second}/approve") == 200
    with pytest.raises(botocore.exceptions.ClientError):
        honest.create_provisioning_claim(templateName=vouch.TEMPLATE)
    assert iot.create_provisioning_claim(templateName=vouch.TEMPLATE)["certificateId"]
    own.call(server, "POST", f"/_vouch/claim-requests/{request}/approve", key=other)
    assert makes(server, sly)


def test_a_role_has_limits_of_its_own(server):
    server.vouch("user", "create", "actor")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{vouch.ACCOUNT}:user/actor"}, "Action": "sts:AssumeRole"}]})
    own.call(server, "POST", "/_vouch/roles/Maker", {"assumeRolePolicyDocument": trust})
    own.call(server, "PUT", "/_vouch/roles/Maker/policies/Own", {"policyDocument": json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": MAY_CLAIM[0], "Resource": TEMPLATE}]})})
    own.call(server, "PUT", "/_vouch/users/actor/policies/Own", {"policyDocument": json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]})})
    key = own.call(server, "POST", "/_vouch/users/actor/access-keys")
    limit(server, "role", "Maker", claimsPerHour=1)
    iot, _ = role_session(server, key, "Maker")
    iot.create_provisioning_claim(templateName=vouch.TEMPLATE)
    with pytest.raises(iot.exceptions.ThrottlingException):
        iot.create_provisioning_claim(templateName=vouch.TEMPLATE)


def test_limits_are_kept_and_go_with_their_owner(server):
    person(server, "brief")
    person(server, "brief-too")
    limit(server, "user", "brief-too", claimsPerHour=1)
    server.vouch("limits", "put", "user", "brief", "--per-hour", "5", "--per-day", "9", "--approval-above", "7", "--template", "A", "--template", "B",
                 "--window", "Mon-Fri 08:00-18:00")
    shown = own.call(server, "GET", "/_vouch/claim-limits/user/brief")
    assert (shown["claimsPerHour"], shown["claimsPerDay"], shown["approvalAbove"]) == (5, 9, 7)
    assert shown["templates"] == ["A", "B"] and shown["windows"] == ["Mon-Fri 08:00-18:00"]
    assert "brief" in [x["ownerName"] for x in own.call(server, "GET", "/_vouch/claim-limits?maxResults=250")["limits"]]
    page = own.call(server, "GET", "/_vouch/claim-limits?maxResults=1")
    following = own.call(server, "GET", "/_vouch/claim-limits?maxResults=1&nextToken=" + urllib.parse.quote(page["nextToken"], safe=""))
    assert following["limits"] != page["limits"]
    for kind, name in (("user", "nobody"), ("group", "none"), ("role", "none")):
        own.refused(server, 404, "ResourceNotFoundException", "PUT", f"/_vouch/claim-limits/{kind}/{name}", {"claimsPerHour": 1})
        own.refused(server, 404, "ResourceNotFoundException", "GET", f"/_vouch/claim-limits/{kind}/{name}")
        own.refused(server, 404, "ResourceNotFoundException", "DELETE", f"/_vouch/claim-limits/{kind}/{name}")
    own.refused(server, 400, "InvalidRequestException", "PUT", "/_vouch/claim-limits/server/x", {})
    server.vouch("limits", "delete", "user", "brief")
    limit(server, "user", "brief", claimsPerHour=1)
    own.call(server, "DELETE", "/_vouch/users/brief")
    own.refused(server, 404, "ResourceNotFoundException", "GET", "/_vouch/claim-limits/user/brief")
