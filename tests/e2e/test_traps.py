"""Every trap of the workshop's literal text."""
import json
import os
import pathlib
import subprocess

import pytest

import mqtt
import vouch
from test_workshop import provision


def agent(server, *words, home=None, timeout=60):
    home = home or server.home
    environment = dict(os.environ, HOME=str(home), LOCK_FILE_PATH=str(home), ENDPOINT="localhost")
    return subprocess.run([str(vouch.BUILD / "vouch-agent"), *words], capture_output=True, text=True, env=environment, timeout=timeout)


def agent_words(server, home, certificate, key, thing="device-client-fp"):
    return ["--enable-fleet-provisioning", "true", "--endpoint", "localhost", "--port", str(server.edge_port), "--cert", str(certificate),
            "--key", str(key), "--root-ca", str(home / "cert" / "AmazonRootCA1.pem"), "--thing-name", thing,
            "--fleet-provisioning-template-name", vouch.TEMPLATE, "--enable-jobs", "false", "--enable-tunneling", "false",
            "--enable-device-defender", "false", "--fleet-provisioning-template-parameters", json.dumps({"ThingName": thing}), "--once"]


def device_home(tmp_path, server):
    folder = tmp_path / "cert"
    folder.mkdir(mode=0o700)
    (folder / "AmazonRootCA1.pem").write_text(pathlib.Path(server.ca).read_text())
    os.chmod(folder / "AmazonRootCA1.pem", 0o644)
    return folder


def put(path, text, mode):
    path.write_text(text)
    os.chmod(path, mode)
    return path


def test_t1_key_and_certificate_in_each_others_files(server, tmp_path):
    folder = device_home(tmp_path, server)
    claim = server.claim()
    # PrivateKey into the .crt, certificatePem into the .key, exactly as the text says.
    certificate = put(folder / "device-client-fp.pem.crt", claim.key, 0o644)
    key = put(folder / "device-client-fp.private.pem.key", claim.certificate, 0o600)
    done = agent(server, *agent_words(server, tmp_path, certificate, key, "trap-1"), home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARN]" in done.stdout and "holds the private key" in done.stdout
    assert certificate.stat().st_mode & 0o777 == 0o600  # it holds the key
    assert claim.key.splitlines()[1] not in done.stdout + done.stderr


def test_t2_literal_backslash_n(server, tmp_path):
    folder = device_home(tmp_path, server)
    claim = server.claim()
    certificate = put(folder / "c.crt", '"' + claim.certificate.replace("\n", "\\n") + '",', 0o644)
    key = put(folder / "k.key", claim.key.replace("\n", "\\n"), 0o600)
    done = agent(server, *agent_words(server, tmp_path, certificate, key, "trap-2"), home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_t3_and_t4_claim_policy_is_stored_and_never_consulted(server):
    iot = server.boto()
    document = vouch.policy_text("trusted-user-provisioning-policy.json")
    assert iot.get_policy(policyName="TrustedUserProvisioningPolicy")["policyDocument"] == document
    # Under that policy no claim could connect or subscribe. It does.
    with mqtt.Client(server, server.claim()) as client:
        client.connect("device-client-fp")
        assert client.subscribe(mqtt.CREATE + "/accepted", mqtt.CREATE + "/rejected") == [1, 1]
    linted = server.vouch("lint", str(vouch.WORKSHOP / "trusted-user-provisioning-policy.json"), check=False, data=False)
    assert "topicfilter" in linted.stdout and "L1" in linted.stdout, linted.stdout + linted.stderr


def test_t5_wizard_policy_then_pubsub_is_plain_versioning(server):
    iot = server.boto()
    body = json.loads((vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text())
    body["Resources"]["policy"]["Properties"]["PolicyName"] = "TrustedUserProvisioningPolicy"
    iot.create_provisioning_template(templateName="Wizard", provisioningRoleArn=vouch.ROLE, templateBody=json.dumps(body), enabled=True)
    first = provision(server, server.claim(iot, "Wizard"), "trap-5a", "Wizard")
    body["Resources"]["policy"]["Properties"]["PolicyName"] = "pubsub"
    iot.create_provisioning_template_version(templateName="Wizard", templateBody=json.dumps(body), setAsDefault=True)
    second = provision(server, server.claim(iot, "Wizard"), "trap-5b", "Wizard")
    names = [[p["policyName"] for p in iot.list_attached_policies(target=f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:cert/{d.id}")["policies"]]
             for d in (first, second)]
    assert names == [["TrustedUserProvisioningPolicy"], ["pubsub"]]


def test_t6_iam_snippet_is_refused_and_mended(server):
    snippet = vouch.WORKSHOP / "trusted-user-iam-snippet.txt"
    server.vouch("user", "create", "snippet")
    refused = server.vouch("user", "put-policy", "snippet", "claims", str(snippet), check=False)
    assert refused.returncode == 2 and "MalformedPolicy" in refused.stderr, refused.stderr
    linted = json.loads(server.vouch("lint", "--iam", str(snippet), "--output", "json", check=False, data=False).stdout)
    assert linted["valid"] is False and {"M1", "M2", "M3"} <= {f["rule"] for f in linted["findings"]}
    (statement,) = linted["mended"]["Statement"]
    assert statement["Action"] == ["iot:CreateProvisioningClaim"] and statement["Resource"][0].startswith("arn:aws:iot:us-east-1:")
    # Mended with the account it works.
    mended = server.vouch("lint", "--iam", "--mend", "--account", vouch.ACCOUNT, str(snippet), data=False).stdout
    (server.home / "mended.json").write_text(mended)
    server.vouch("user", "put-policy", "snippet", "claims", str(server.home / "mended.json"))
    key = json.loads(server.vouch("user", "create-key", "snippet", "--output", "json").stdout)
    assert server.claim(server.boto(key=key)).id


def test_t7_certificate_id_needs_no_declaration(server):
    body = json.loads((vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text())
    assert "AWS::IoT::Certificate::Id" not in body["Parameters"]
    assert provision(server, server.claim(), "trap-7").id


def test_t8_a_claim_does_not_take_over_a_thing(server):
    iot = server.boto()
    owner = provision(server, server.claim(iot), "trap-8")
    with mqtt.Client(server, server.claim(iot)) as client:
        client.connect("thief")
        made = client.request(mqtt.CREATE, {})[1]
        request = {"certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {"ThingName": "trap-8"}}
        accepted, answer = client.request(mqtt.register_topic(vouch.TEMPLATE), request)
        assert not accepted and answer["errorCode"] == "ResourceConflictsException" and answer["statusCode"] == 409, answer
        principals = iot.list_thing_principals(thingName="trap-8")["principals"]
        assert principals == [f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:cert/{owner.id}"]
        # The operator allows it by taking the old certificate out of force; claim and token are still good.
        iot.update_certificate(certificateId=owner.id, newStatus="INACTIVE")
        accepted, answer = client.request(mqtt.register_topic(vouch.TEMPLATE), request)
        assert accepted, answer


def test_t9_pubsub_can_subscribe_and_never_receives(server):
    iot = server.boto()
    device = provision(server, server.claim(iot), "trap-9")
    with mqtt.Client(server, device) as client:
        client.connect("trap-9")
        assert client.subscribe("$aws/things/trap-9/#") == [1]
        client.publish("trap-9/x", "to nobody")
        with pytest.raises(TimeoutError):
            client.message(timeout=0.3)
    linted = server.vouch("lint", str(vouch.WORKSHOP / "pubsub-policy.json"), check=False, data=False)
    assert "L3" in linted.stdout, linted.stdout


def test_t10_account_is_a_placeholder(server):
    linted = server.vouch("lint", str(vouch.WORKSHOP / "pubsub-policy.json"), check=False, data=False)
    assert "L6" in linted.stdout, linted.stdout
    server.vouch("policy", "put", "pubsub-filled", str(vouch.WORKSHOP / "pubsub-policy.json"), "--substitute-account")
    stored = server.boto().get_policy(policyName="pubsub-filled")["policyDocument"]
    assert f":{vouch.ACCOUNT}:topic/" in stored and ":account:" not in stored
