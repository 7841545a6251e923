"""The example device on libvouch-device, with OpenSSL, against the server: identity, message, successor; cut off at every stage."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

import own
import vouch
from test_claims import ARN, connected, eventually, status
from test_rotation import MAY_ROTATE
from test_workshop import provision

DEVICE = pathlib.Path(os.environ["VOUCH_BUILD"]) / "examples" / "device-posix"
LISTENS = {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": ARN + "topicfilter/$aws/*"}
SAYS = {"Effect": "Allow", "Action": ["iot:Publish", "iot:Subscribe", "iot:Receive"], "Resource": "*"}
VARIANTS = [[], ["--cbor"], ["--mqtt5"], ["--csr"], ["--cbor", "--mqtt5", "--csr"]]


@pytest.fixture(scope="module")
def rotating(server):
    iot = server.boto()
    policy = {"Version": "2012-10-17", "Statement": MAY_ROTATE["Statement"] + [LISTENS, SAYS]}
    iot.create_policy(policyName="Example", policyDocument=json.dumps(policy))
    own.call(server, "PUT", f"/_vouch/templates/{vouch.TEMPLATE}/settings", {"rotation": True})
    return server


@pytest.fixture(scope="module")
def watcher(rotating):
    iot = rotating.boto()
    made = provision(rotating, rotating.claim(iot), "watcher")
    iot.attach_policy(policyName="Example", target=f"{ARN}cert/{made.id}")
    return made


class Device:
    """A folder and how to start the program in it."""

    def __init__(self, server, folder, thing, *flags):
        self.server, self.folder, self.thing, self.flags = server, folder, thing, flags
        folder.mkdir(mode=0o700)
        shutil.copy(server.ca, folder / "root.pem")
        self.give_claim()

    def give_claim(self):
        claim = self.server.claim(self.server.boto())
        shutil.copy(claim.cert_file, self.folder / "claim.pem")
        shutil.copy(claim.key_file, self.folder / "claim.key")

    def start(self, *words):
        return subprocess.Popen([DEVICE, "localhost", str(self.server.mqtt_port), self.thing, self.folder, *self.flags, *words],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *words, code=0):
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, out + err
        return out + err

    def provision(self, **kwargs):
        return self.run("--provision", vouch.TEMPLATE, **kwargs)

    def rotate(self, **kwargs):
        return self.run("--rotate", vouch.TEMPLATE, **kwargs)

    def certificate_id(self, name="device.pem"):
        return x509.load_pem_x509_certificate((self.folder / name).read_bytes()).fingerprint(hashes.SHA256()).hex()

    def allow(self):
        self.server.boto().attach_policy(policyName="Example", target=f"{ARN}cert/{self.certificate_id()}")

    def cut_off(self, stages, *words):
        """Killed when it has told that many stages; false when it was done before."""
        process = self.start(*words)
        for line in process.stdout:
            stages -= line.startswith("stage ")
            if stages == 0:
                process.kill()
                break
        process.communicate(timeout=60)
        return process.returncode != 0

    def check_folder(self):
        names = {p.name for p in self.folder.iterdir()}
        assert names == {"root.pem", "claim.pem", "claim.key", "device.pem"}, names
        assert (self.folder / "device.pem").stat().st_mode & 0o77 == 0


def active_of(server, thing):
    iot = server.boto()
    found = [p.rsplit("/", 1)[1] for p in iot.list_thing_principals(thingName=thing)["principals"]]
    return [c for c in found if status(iot, {"certificateId": c}) == "ACTIVE"]


@pytest.mark.parametrize("flags", VARIANTS, ids=lambda f: "+".join(x[2:] for x in f) or "plain")
def test_identity_message_successor(rotating, watcher, tmp_path, flags):
    thing = "lib" + "".join(x[2:] for x in flags)
    device = Device(rotating, tmp_path / "d", thing, *flags)
    said = device.provision()
    assert f"registered {thing}, configuration {{}}" in said and f"published to {thing}/hello" in said
    device.check_folder()
    first = device.certificate_id()
    assert active_of(rotating, thing) == [first]
    device.allow()
    with connected(rotating, watcher, "watcher") as client:
        client.subscribe(f"{thing}/hello")
        assert f"registered {thing}" in device.rotate()
        assert client.message() == (f"{thing}/hello", b'{"hello":"world"}')
    second = device.certificate_id()
    assert second != first
    eventually(lambda: active_of(rotating, thing) == [second])
    device.check_folder()
    key = (device.folder / "device.pem").read_text().count("PRIVATE KEY-----\n")
    assert key == 2 and "published" in device.run()


@pytest.mark.parametrize("flags", [[], ["--cbor", "--mqtt5", "--csr"]], ids=["plain", "cbor+mqtt5+csr"])
def test_cut_off_at_every_stage(rotating, tmp_path, flags):
    for stages in range(1, 8):
        thing = f"cut{stages}{len(flags)}"
        device = Device(rotating, tmp_path / thing, thing, *flags)
        if not device.cut_off(stages, "--provision", vouch.TEMPLATE):
            assert stages == 7
        device.provision()
        device.check_folder()
        assert active_of(rotating, thing) == [device.certificate_id()]


def test_a_rotation_that_is_cut_off(rotating, tmp_path):
    device = Device(rotating, tmp_path / "r", "rotor-lib", "--mqtt5")
    device.provision()
    device.allow()
    for stages in range(1, 8):
        before = device.certificate_id()
        device.cut_off(stages, "--rotate", vouch.TEMPLATE)
        if device.certificate_id() == before:
            device.rotate()
        device.run()
        device.check_folder()
        assert device.certificate_id() != before
        eventually(lambda: active_of(rotating, "rotor-lib") == [device.certificate_id()])


def test_refusals_are_told(rotating, tmp_path):
    device = Device(rotating, tmp_path / "n", "nosy", "--mqtt5")
    # The claim is for one template: the topics of another are not its.
    assert "refused by the server (register-subscribe) 1" in device.run("--provision", "Unknown", code=1)
    (device.folder / "claim.pem").write_text((device.folder / "root.pem").read_text())
    assert "network failed" in device.provision(code=1)
