"""The workshop's steps 1, 2, 3, 5, 7 and 10 with the unmodified AWS CLI and the literal inputs."""
import json
import subprocess

import pytest

import mqtt
import vouch


@pytest.fixture(scope="module")
def empty():
    with vouch.Server() as running:
        yield running


def provision(server, claim, thing, template=vouch.TEMPLATE, client_id=None):
    """The device's part by hand: its permanent identity."""
    with mqtt.Client(server, claim, server.edge_port, "x-amzn-mqtt-ca") as client:
        client.connect(client_id or thing, clean=False)
        assert client.subscribe(mqtt.CREATE + "/accepted", mqtt.CREATE + "/rejected") == [1, 1]
        accepted, made = client.request(mqtt.CREATE, {})
        assert accepted, made
        accepted, answer = client.request(mqtt.register_topic(template), {
            "certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {"ThingName": thing}})
        assert accepted, answer
        assert answer == {"deviceConfiguration": {}, "thingName": thing}
        client.disconnect()
    return vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["privateKey"])


def test_the_whole_workshop_with_the_aws_cli(empty):
    aws = empty.aws
    # 1: the endpoint is the server's host, without a port
    assert aws("iot", "describe-endpoint", "--endpoint-type", "iot:Data-ATS") == {"endpointAddress": "localhost"}
    # 2: both policies, literal but for the account
    for name, file in (("TrustedUserProvisioningPolicy", "trusted-user-provisioning-policy.json"), ("pubsub", "pubsub-policy.json")):
        document = vouch.policy_text(file)
        made = aws("iot", "create-policy", "--policy-name", name, "--policy-document", document)
        assert made["policyArn"] == f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:policy/{name}"
        assert made["policyDocument"] == document and made["policyVersionId"] == "1"
    assert {p["policyName"] for p in aws("iot", "list-policies")["policies"]} == {"TrustedUserProvisioningPolicy", "pubsub"}
    # 3: the template as the wizard first makes it (disabled), enabled, and the edited JSON as a new default version
    wizard = json.loads((vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text())
    wizard["Resources"]["policy"]["Properties"]["PolicyName"] = "TrustedUserProvisioningPolicy"
    made = aws("iot", "create-provisioning-template", "--template-name", vouch.TEMPLATE, "--provisioning-role-arn", vouch.ROLE,
               "--template-body", json.dumps(wizard))
    assert made["defaultVersionId"] == 1
    assert aws("iot", "describe-provisioning-template", "--template-name", vouch.TEMPLATE)["enabled"] is False
    refused = aws("iot", "create-provisioning-claim", "--template-name", vouch.TEMPLATE, check=False)
    assert refused.returncode != 0 and "InvalidRequestException" in refused.stderr
    aws("iot", "update-provisioning-template", "--template-name", vouch.TEMPLATE, "--enabled")
    body = (vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text()
    version = aws("iot", "create-provisioning-template-version", "--template-name", vouch.TEMPLATE, "--template-body", body, "--set-as-default")
    assert version["versionId"] == 2 and version["isDefaultVersion"] is True
    described = aws("iot", "describe-provisioning-template", "--template-name", vouch.TEMPLATE)
    assert described["enabled"] is True and described["defaultVersionId"] == 2 and described["templateBody"] == body
    versions = aws("iot", "list-provisioning-template-versions", "--template-name", vouch.TEMPLATE)["versions"]
    assert sorted((v["versionId"], v["isDefaultVersion"]) for v in versions) == [(1, False), (2, True)]
    # 5: a trusted user, allowed only CreateProvisioningClaim on that template
    empty.vouch("user", "create", "installer", "--allow-claims", vouch.TEMPLATE)
    keys = json.loads(empty.vouch("user", "create", "second", "--allow-claims", vouch.TEMPLATE, "--output", "json").stdout)
    key = {"accessKeyId": keys["accessKeyId"], "secretAccessKey": keys["secretAccessKey"]}
    assert aws("sts", "get-caller-identity", key=key)["Arn"] == f"arn:aws:iam::{vouch.ACCOUNT}:user/second"
    denied = aws("iot", "list-things", key=key, check=False)
    assert "AccessDeniedException" in denied.stderr and "is not authorized to perform: iot:ListThings" in denied.stderr
    # 7: the claim
    claimed = aws("iot", "create-provisioning-claim", "--template-name", vouch.TEMPLATE, key=key)
    assert len(claimed["certificateId"]) == 64 and claimed["keyPair"]["PrivateKey"].startswith("-----BEGIN EC PRIVATE KEY-----\n")
    claim = vouch.Identity(empty.home, claimed["certificateId"], claimed["certificatePem"], claimed["keyPair"]["PrivateKey"])
    assert aws("iot", "list-certificates")["certificates"] == []
    # 9 and 10: the device's part, and what shows afterwards
    device = provision(empty, claim, "device-client-fp")
    things = aws("iot", "list-things")["things"]
    assert [t["thingName"] for t in things] == ["device-client-fp"]
    certificates = aws("iot", "list-certificates")["certificates"]
    assert [(c["certificateId"], c["status"]) for c in certificates] == [(device.id, "ACTIVE")]
    arn = f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:cert/{device.id}"
    assert aws("iot", "list-thing-principals", "--thing-name", "device-client-fp")["principals"] == [arn]
    assert aws("iot", "list-principal-things", "--principal", arn)["things"] == ["device-client-fp"]
    assert [p["policyName"] for p in aws("iot", "list-attached-policies", "--target", arn)["policies"]] == ["pubsub"]
    thing = aws("iot", "describe-thing", "--thing-name", "device-client-fp")
    assert thing["defaultClientId"] == "device-client-fp" and thing["version"] == 1
    shown = aws("iot", "describe-certificate", "--certificate-id", device.id)["certificateDescription"]
    assert shown["status"] == "ACTIVE" and shown["certificatePem"] == device.certificate
    with mqtt.Client(empty, device) as client:
        client.connect("device-client-fp", clean=False)
        client.publish("device-client-fp/x", "hello")
        client.disconnect()


def test_literal_claim_lives_five_minutes_and_is_never_listed(server):
    iot = server.boto()
    claim = server.claim(iot)
    text = subprocess.run(["openssl", "x509", "-noout", "-text", "-fingerprint", "-sha256", "-startdate", "-enddate", "-in", claim.cert_file],
                          capture_output=True, text=True, check=True).stdout
    fingerprint = text.split("Fingerprint=")[1].split("\n")[0].replace(":", "").lower()
    assert fingerprint == claim.id
    assert "CA:FALSE" in text and "Digital Signature" in text
    import ssl
    start = ssl.cert_time_to_seconds(text.split("notBefore=")[1].split("\n")[0])
    end = ssl.cert_time_to_seconds(text.split("notAfter=")[1].split("\n")[0])
    assert end - start == 420
    assert claim.expiration.timestamp() == end
    assert claim.id not in [c["certificateId"] for c in iot.list_certificates()["certificates"]]
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_certificate(certificateId=claim.id)
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.update_certificate(certificateId=claim.id, newStatus="INACTIVE")


def test_aws_env_prints_what_the_cli_needs(server):
    lines = server.vouch("aws-env").stdout.splitlines()
    names = {line.split("=", 1)[0].removeprefix("export ") for line in lines if line.startswith("export ")}
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_IOT",
            "AWS_ENDPOINT_URL_IOT_DATA_PLANE", "AWS_ENDPOINT_URL_STS", "AWS_CA_BUNDLE"} <= names
    script = 'eval "$("$0" --data "$1" aws-env)" && /usr/bin/aws --endpoint-url "$AWS_ENDPOINT_URL_IOT" iot describe-endpoint --endpoint-type iot:Data-ATS'
    done = subprocess.run(["sh", "-c", script, str(vouch.BUILD / "vouch"), str(server.data)], capture_output=True, text=True,
                          env=dict(server.environment(), AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""))
    assert json.loads(done.stdout) == {"endpointAddress": "localhost"}, done.stderr


def test_single_policy_and_template_operations(server):
    iot = server.boto()
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException):
        iot.create_policy(policyName="pubsub", policyDocument=vouch.policy_text("pubsub-policy.json"))
    with pytest.raises(iot.exceptions.MalformedPolicyException):
        iot.create_policy(policyName="broken", policyDocument='{"Version":"2012-10-17"}')
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.get_policy(policyName="none")
    made = iot.create_policy_version(policyName="TrustedUserProvisioningPolicy", setAsDefault=True,
                                     policyDocument=vouch.policy_text("pubsub-policy.json"))
    assert made["policyVersionId"] == "2" and made["isDefaultVersion"] is True
    assert iot.get_policy(policyName="TrustedUserProvisioningPolicy")["defaultVersionId"] == "2"
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException):
        iot.create_provisioning_template(templateName=vouch.TEMPLATE, provisioningRoleArn=vouch.ROLE, templateBody=
                                         (vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text())
    with pytest.raises(iot.exceptions.InvalidRequestException) as refused:
        iot.create_provisioning_template(templateName="bad", provisioningRoleArn=vouch.ROLE,
                                         templateBody='{"Resources":{"policy":{"Type":"AWS::IoT::Policy","Properties":{}}}}')
    assert "/Resources/policy" in str(refused.value) or "Resources.policy" in str(refused.value)
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.create_provisioning_claim(templateName="none")
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_thing(thingName="none")
