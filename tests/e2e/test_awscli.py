"""The unmodified AWS CLI on the common operations of the registry."""
import vouch

ARN = f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:"


def test_common_operations(server):
    """The common operations, as scripts call them."""
    aws = lambda *words: server.aws("iot", *words)
    aws("create-thing-type", "--thing-type-name", "CliType")
    made = aws("create-thing", "--thing-name", "cli-1", "--thing-type-name", "CliType", "--attribute-payload", '{"attributes":{"a":"1"}}')
    assert made["thingArn"] == ARN + "thing/cli-1"
    aws("update-thing", "--thing-name", "cli-1", "--attribute-payload", '{"attributes":{"b":"2"},"merge":true}', "--expected-version", "1")
    assert aws("describe-thing", "--thing-name", "cli-1")["attributes"] == {"a": "1", "b": "2"}
    conflict = server.aws("iot", "update-thing", "--thing-name", "cli-1", "--expected-version", "1", "--attribute-payload", "{}", check=False)
    assert conflict.returncode != 0 and "VersionConflictException" in conflict.stderr
    keys = aws("create-keys-and-certificate", "--set-as-active")
    aws("create-policy", "--policy-name", "CliPolicy", "--policy-document", vouch.policy_text("pubsub-policy.json"))
    aws("attach-policy", "--policy-name", "CliPolicy", "--target", keys["certificateArn"])
    aws("attach-thing-principal", "--thing-name", "cli-1", "--principal", keys["certificateArn"])
    assert aws("list-thing-principals", "--thing-name", "cli-1")["principals"] == [keys["certificateArn"]]
    assert [p["policyName"] for p in aws("list-attached-policies", "--target", keys["certificateArn"])["policies"]] == ["CliPolicy"]
    aws("create-thing-group", "--thing-group-name", "CliGroup")
    aws("add-thing-to-thing-group", "--thing-group-name", "CliGroup", "--thing-name", "cli-1")
    aws("attach-policy", "--policy-name", "CliPolicy", "--target", ARN + "thinggroup/CliGroup")
    effective = aws("get-effective-policies", "--thing-name", "cli-1", "--principal", keys["certificateArn"])["effectivePolicies"]
    assert {policy["policyName"] for policy in effective} == {"CliPolicy"}
    aws("create-billing-group", "--billing-group-name", "CliCost", "--tags", "Key=k,Value=v")
    aws("add-thing-to-billing-group", "--billing-group-name", "CliCost", "--thing-name", "cli-1")
    assert aws("list-tags-for-resource", "--resource-arn", ARN + "billinggroup/CliCost")["tags"] == [{"Key": "k", "Value": "v"}]
    assert aws("search-index", "--query-string", "thingGroupNames:CliGroup")["things"][0]["thingName"] == "cli-1"
    verdict = aws("test-authorization", "--principal", keys["certificateArn"], "--client-id", "cli-1",
                  "--auth-infos", "actionType=CONNECT,resources=" + ARN + "client/cli-1")["authResults"][0]["authDecision"]
    assert verdict in ("ALLOWED", "IMPLICIT_DENY", "EXPLICIT_DENY")
    names = [thing["thingName"] for thing in aws("list-things", "--thing-type-name", "CliType", "--page-size", "1")["things"]]
    assert names == ["cli-1"]
    code = aws("get-registration-code")["registrationCode"]
    assert len(code) == 64 and aws("get-registration-code")["registrationCode"] == code
    assert aws("list-ca-certificates")["certificates"] == []
    aws("detach-thing-principal", "--thing-name", "cli-1", "--principal", keys["certificateArn"])
    aws("delete-thing", "--thing-name", "cli-1")
    missing = server.aws("iot", "describe-thing", "--thing-name", "cli-1", check=False)
    assert "ResourceNotFoundException" in missing.stderr
