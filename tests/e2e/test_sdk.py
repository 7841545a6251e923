"""AWS's own SDKs from npm: for devices, the whole flow by keys and by CSR; for JavaScript, a sample of the control plane."""
import json
import pathlib
import shutil
import subprocess

import pytest

import vouch

NODE = pathlib.Path(__file__).parent / "node"


def provision_with_sdk(server, claim, thing, *more):
    assert (NODE / "node_modules" / "aws-iot-device-sdk-v2").is_dir(), "npm packages are missing; ./test installs them"
    done = subprocess.run([shutil.which("node"), "provision.mjs", "localhost", str(server.mqtt_port), server.ca, claim.cert_file, claim.key_file,
                           vouch.TEMPLATE, thing, *map(str, more)], cwd=NODE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr + server.log_text()[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_by_keys(server):
    answer = provision_with_sdk(server, server.claim(), "sdk-keys")
    assert answer["thingName"] == "sdk-keys" and answer["hasKey"]
    shown = server.boto().describe_certificate(certificateId=answer["certificateId"])["certificateDescription"]
    assert shown["status"] == "ACTIVE"


def test_by_csr(server):
    key, csr = server.home / "sdk.key", server.home / "sdk.csr"
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", csr,
                    "-subj", "/CN=sdk-csr"], check=True, capture_output=True)
    answer = provision_with_sdk(server, server.claim(), "sdk-csr", csr, key)
    assert answer["thingName"] == "sdk-csr" and not answer["hasKey"]


def test_a_refusal_reaches_the_sdk(server):
    claim = server.claim()
    provision_with_sdk(server, claim, "sdk-once")
    with pytest.raises(AssertionError, match="AccessDenied|403"):
        provision_with_sdk(server, claim, "sdk-twice")


def test_the_control_plane_by_the_javascript_sdk(server):
    assert (NODE / "node_modules" / "@aws-sdk" / "client-iot").is_dir(), "npm packages are missing; ./test installs them"
    environment = dict(server.environment(), NODE_EXTRA_CA_CERTS=server.ca)
    done = subprocess.run([shutil.which("node"), "control.mjs", server.api, str(vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json"), "js"],
                          cwd=NODE, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr + server.log_text()[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["created"]["templateName"] == "jsTemplate" and told["created"]["defaultVersionId"] == 1
    assert told["described"]["templateArn"] == told["created"]["templateArn"] and told["described"]["enabled"] is True
    assert told["again"] == {"name": "ResourceAlreadyExistsException", "status": 409, "known": True, "resourceArn": told["created"]["templateArn"]}
    assert told["missing"] == {"name": "ResourceNotFoundException", "status": 404, "known": True}
    assert told["invalid"] == {"name": "InvalidRequestException", "status": 400, "known": True}
    assert told["inUse"] == {"name": "DeleteConflictException", "status": 409, "known": True}
    assert told["claim"]["isDate"] and told["claim"]["certificatePem"].startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE KEY" in told["claim"]["keyPair"]["PrivateKey"]
    assert told["things"] == {"names": [f"js-{i}" for i in range(7)], "sizes": [3, 3, 1]}
    assert set(told["policies"]["names"]) >= {f"js-p{i}" for i in range(5)} and max(told["policies"]["sizes"]) == 2
    assert told["principals"] == [told["certificateArn"]]
