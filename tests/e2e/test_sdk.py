"""AWS's own SDK for devices, from npm: the whole flow by keys and by CSR."""
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
