"""vouch-agent against the scripted AWS-like server: the exchange, the files it
leaves, what it does when things go wrong. The program is vouch-agent in
$VOUCH_BUILD."""
import json
import os
import re
import signal
import ssl
import stat
import subprocess
import sys
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from fake_aws_iot import BUSY, DELAYS, REJECTIONS, Authority, FakeAws, key_pem, name, write  # noqa: E402

AGENT = os.path.join(os.environ.get("VOUCH_BUILD", "build"), "vouch-agent")


class Device:
    """One device: its home, its claim, the command line of the workshop."""

    def __init__(self, server, tmp_path):
        self.server, self.tmp = server, tmp_path
        self.home = str(tmp_path / "home")
        os.makedirs(self.home, mode=0o700)
        self.certs = str(tmp_path / "cert")
        self.cert, self.key, self.root = server.claim(self.certs)
        self.state = os.path.join(self.home, ".vouch-agent")
        self.parameters = '{"ThingName": "device-client-fp"}'

    def flags(self, *extra):
        return [AGENT, "--enable-fleet-provisioning", "true", "--endpoint", "localhost", "--cert", self.cert, "--key", self.key,
                "--root-ca", self.root, "--thing-name", "device-client-fp",
                "--fleet-provisioning-template-name", "TrustedUserProvisioningTemplate",
                "--enable-jobs", "false", "--enable-tunneling", "false", "--enable-device-defender", "false",
                "--fleet-provisioning-template-parameters", self.parameters, "--port", str(self.server.port), *extra]

    def environment(self):
        return {**os.environ, "HOME": self.home, "LOCK_FILE_PATH": self.home}

    def run(self, *extra, command=None, timeout=60):
        done = subprocess.run(command or self.flags("--once", *extra), env=self.environment(), timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.output = done.stdout + done.stderr
        assert "PRIVATE KEY" not in self.output
        return done.returncode

    def start(self, *extra):
        return subprocess.Popen(self.flags(*extra), env=self.environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def read(self, path):
        with open(os.path.join(self.state, path)) as file:
            return file.read()

    def mode(self, path):
        return stat.S_IMODE(os.stat(os.path.join(self.state, path)).st_mode)

    def runtime(self):
        return json.loads(self.read("aws-iot-device-client-runtime.conf"))["runtime-config"]


@pytest.fixture
def server(tmp_path):
    with FakeAws(tmp_path) as running:
        yield running


@pytest.fixture
def device(server, tmp_path):
    return Device(server, tmp_path)


def wait_for(condition, seconds=10):
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def check_provisioned(device, key_path=None):
    (identity,) = device.server.active()
    runtime = device.runtime()
    assert runtime["completed-fp"] is True
    assert runtime["thing-name"] == "device-client-fp"
    assert runtime["cert"] == os.path.join(device.state, "keys/active-certificate.pem.crt")
    assert runtime["key"] == (key_path or os.path.join(device.state, "keys/active-private.pem.key"))
    files = {"keys/%s-certificate.pem.crt" % identity: 0o644, "keys/active-certificate.pem.crt": 0o644,
             "aws-iot-device-client-runtime.conf": 0o640, "keys": 0o700}
    if not key_path:
        files.update({"keys/%s-private.pem.key" % identity: 0o600, "keys/active-private.pem.key": 0o600})
    for path, mode in files.items():
        assert device.mode(path) == mode, path
    assert sorted(os.listdir(os.path.join(device.state, "keys"))) == sorted(
        os.path.basename(p) for p in files if p.startswith("keys/"))
    assert device.server.things == {"device-client-fp": [identity]}
    return identity


def check_no_secret_is_told(device):
    secrets = [device.read("keys/" + n) for n in os.listdir(os.path.join(device.state, "keys")) if n.endswith(".key")]
    lines = [line for text in secrets for line in text.splitlines() if line and not line.startswith("-")]
    lines += list(device.server.tokens)
    lines += [re.search(rb'OwnershipToken":"([^"]+)', e[2]).group(1).decode() for e in device.server.events
              if e[0] == "publish" and b"OwnershipToken" in e[2]]
    assert lines and not [line for line in lines if line in device.output]


# ---- the exchange ----------------------------------------------------------

def test_workshop_command(device, server):
    server.script["configuration"] = {"room": 'said "so"\n\\', "é": "ü"}
    assert device.run() == 0, device.output
    check_provisioned(device)
    check_no_secret_is_told(device)
    base = "$aws/certificates/create/json"
    register = "$aws/provisioning-templates/TrustedUserProvisioningTemplate/provision/json"
    assert wait_for(lambda: len(server.events) >= 10)  # the server's side of the last DISCONNECT
    told = [e[:2] for e in server.events]
    assert told == [("connect", "device-client-fp"), ("subscribe", base + "/accepted"), ("subscribe", base + "/rejected"),
                    ("publish", base), ("subscribe", register + "/accepted"), ("subscribe", register + "/rejected"),
                    ("publish", register), ("disconnect", "device-client-fp"), ("connect", "device-client-fp"),
                    ("disconnect", "device-client-fp")]
    assert server.events[0][2:] == ("claim", "x-amzn-mqtt-ca") and server.events[8][2] == "active"
    assert server.events[3][2] == b"{}"
    assert device.runtime()["device-config"] == {"room": 'said "so"\n\\', "é": "ü"}


def test_second_start_needs_no_claim(device, server):
    assert device.run() == 0, device.output
    for path in (device.cert, device.key):
        os.unlink(path)
    assert wait_for(lambda: len(server.events) >= 10)
    before = len(server.events)
    assert device.run() == 0, device.output
    assert wait_for(lambda: [e[:1] for e in server.events[before:]] == [("connect",), ("disconnect",)])
    assert len(server.active()) == 1


def test_swapped_files_and_literal_newlines(device, server):
    """The workshop's own text: key and certificate in each other's files, newlines as backslash n."""
    with open(device.cert) as cert, open(device.key) as key:
        certificate, private = cert.read(), key.read()
    write(device.cert, json.dumps(private), 0o644)
    write(device.key, '"certificatePem": ' + json.dumps(certificate) + ",\r\n", 0o600)
    assert device.run() == 0, device.output
    check_provisioned(device)
    assert stat.S_IMODE(os.stat(device.cert).st_mode) == 0o600
    assert "holds the private key" in device.output and "changed to 600" in device.output


def test_key_made_on_the_device(device, server):
    assert device.run("--csr", "auto") == 0, device.output
    check_provisioned(device)
    check_no_secret_is_told(device)
    assert not [e for e in server.events if e[0] == "publish" and b"PRIVATE" in e[2]]


def make_request(device, own=True):
    key = ec.generate_private_key(ec.SECP256R1())
    signer = key if own else ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(name("d")).sign(signer, hashes.SHA256())
    csr_path, key_path = os.path.join(device.certs, "device.csr"), os.path.join(device.certs, "device.key")
    write(csr_path, request.public_bytes(serialization.Encoding.PEM).decode(), 0o600)
    write(key_path, key_pem(key), 0o600)
    return csr_path, key_path


def test_request_of_the_users_own_key(device, server):
    csr_path, key_path = make_request(device)
    assert device.run("--csr-file", csr_path, "--device-key", key_path) == 0, device.output
    check_provisioned(device, key_path)


def test_request_of_another_key(device, server):
    csr_path, key_path = make_request(device, own=False)
    assert device.run("--csr-file", csr_path, "--device-key", key_path) == 2
    assert "not made with the device key" in device.output
    assert server.events == []
    assert device.run("--csr-file", csr_path) == 1


def test_tls_1_2(tmp_path):
    with FakeAws(tmp_path, tls=ssl.TLSVersion.TLSv1_2) as server:
        device = Device(server, tmp_path)
        assert device.run() == 0, device.output
        check_provisioned(device)


def test_answer_before_puback(device, server):
    server.script["puback_last"] = {"create": True, "register": True}
    assert device.run() == 0, device.output
    check_provisioned(device)


def bundle_of(server, **more):
    certificate, key = server.claim_pems()
    return {"templateName": "TrustedUserProvisioningTemplate", "certificateId": "x", "certificatePem": certificate, "privateKey": key,
            "rootCa": server.authority.pem(), "endpoint": "localhost", "edgePort": server.port, "mqttPort": 1,
            "expiration": time.time() + 300, "issuedAt": time.time(), **more}


def test_claim_bundle(device, server):
    path = os.path.join(device.certs, "bundle.json")
    write(path, json.dumps(bundle_of(server, parameters={"ThingName": "device-client-fp"})), 0o600)
    command = [AGENT, "--claim", path, "--once"]
    assert device.run(command=command) == 0, device.output
    check_provisioned(device)
    os.unlink(path)
    assert device.run(command=command) == 0, device.output
    assert len(server.active()) == 1


def test_plain_answer_of_create_provisioning_claim(device, server):
    certificate, key = server.claim_pems()
    path = os.path.join(device.certs, "claim.json")
    write(path, json.dumps({"certificateId": "x", "certificatePem": certificate, "expiration": 1,
                            "keyPair": {"PublicKey": "", "PrivateKey": key}}), 0o644)
    command = [AGENT, "--claim", path, "--endpoint", "localhost:%d" % server.port, "--root-ca", device.root, "--once",
               "--fleet-provisioning-template-name", "T", "--fleet-provisioning-template-parameters", device.parameters]
    assert device.run(command=command) == 0, device.output
    check_provisioned(device)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_configuration_file(device, server):
    path = os.path.join(device.home, "c.json")
    write(path, json.dumps({"endpoint": "localhost", "cert": device.cert, "key": "$HOME/../cert/claim.private.pem.key",
                            "root-ca": device.root, "thing-name": "device-client-fp", "logging": {"level": "info"},
                            "jobs": {"enabled": True}, "sample-shadow": {"enabled": True, "shadow-name": "s"},
                            "fleet-provisioning": {"enabled": True, "template-name": "T", "template-parameters": device.parameters},
                            "unknown": {"x": 1}, "vouch": {"port": 1}}), 0o640)
    assert device.run(command=[AGENT, "--config-file", path, "--port", str(server.port), "--once"]) == 0, device.output
    check_provisioned(device)
    assert "skipped: jobs, sample shadow." in device.output
    assert "DEBUG" not in device.output


def test_defaults_are_not_warned_about(device, server):
    command = [word for word in device.flags("--once")]
    at = command.index("--enable-jobs")
    del command[at:at + 6]
    assert device.run(command=command) == 0, device.output
    assert "skipped" not in device.output


def test_json_progress(device, server):
    done = subprocess.run(device.flags("--once", "--json"), env=device.environment(), stdout=subprocess.PIPE, text=True, timeout=60)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [x["event"] for x in lines if x["event"] in ("saved", "provisioned", "ready", "done")] == ["saved", "provisioned", "ready", "done"]


# ---- publishing, staying ----------------------------------------------------

def test_publish_once(device, server):
    path = os.path.join(device.home, "hello.txt")
    write(path, "measured: 7", 0o600)
    extra = ["--enable-pub-sub", "true", "--publish-topic", "device-client-fp/data", "--publish-file", path]
    assert device.run(*extra) == 0, device.output
    assert server.published == [("device-client-fp/data", b"measured: 7")]


def test_publish_that_the_policy_denies(device, server):
    server.script["close"] = {"publish": True}
    assert device.run("--enable-pub-sub", "true", "--publish-topic", "other/topic") == 5
    assert "closed the connection on the publish to other/topic" in device.output


def test_stays_reconnects_and_stops(device, server):
    running = device.start()
    assert wait_for(lambda: ("connect", "device-client-fp", "active", "x-amzn-mqtt-ca") in server.events)
    server.drop_all()
    assert wait_for(lambda: len([e for e in server.events if e[0] == "connect" and e[2] == "active"]) == 2)
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=5) == 0
    assert wait_for(lambda: server.events[-1] == ("disconnect", "device-client-fp"))
    assert not os.path.exists(os.path.join(device.home, "devicecl.lock"))


def test_subscribes_writes_and_answers(device, server):
    """The pub-sub sample: a message lands in the file, and DC-Publish asks for the file once more."""
    path, landed = os.path.join(device.home, "out.txt"), os.path.join(device.home, "in.txt")
    write(path, "payload", 0o600)
    running = device.start("--enable-pub-sub", "true", "--publish-topic", "d/out", "--publish-file", path,
                           "--subscribe-topic", "d/in", "--subscribe-file", landed)
    assert wait_for(lambda: server.published == [("d/out", b"payload")])
    server.tell("d/in", b"DC-Publish")
    assert wait_for(lambda: len(server.published) == 2)
    with open(landed) as file:
        assert file.read() == "DC-Publish"
    assert stat.S_IMODE(os.stat(landed).st_mode) == 0o600
    running.terminate()
    assert running.wait(timeout=5) == 0


def test_subscription_that_the_policy_denies_is_not_repeated(device, server):
    server.script["suback"] = {"d/in": 0x80}
    running = device.start("--enable-pub-sub", "true", "--subscribe-topic", "d/in")
    assert wait_for(lambda: len([e for e in server.events if e[0] == "connect" and e[2] == "active"]) == 2)
    time.sleep(0.3)
    running.terminate()
    assert running.wait(timeout=5) == 0
    assert len([e for e in server.events if e == ("subscribe", "d/in")]) == 1


def test_stopped_while_it_tries(device, server):
    server.script["close"] = {"claim-connect": True}
    running = device.start()
    assert wait_for(lambda: len(server.events) >= 1)
    running.terminate()
    assert running.wait(timeout=5) == 0


def test_two_agents_of_one_name(device, server):
    running = device.start()
    assert wait_for(lambda: [e for e in server.events if e[0] == "connect" and e[2] == "active"])
    assert device.run() == 1
    assert "Another agent" in device.output
    assert device.run("--state-dir", os.path.join(device.home, "else")) == 1
    assert "already running" in device.output
    running.kill()
    running.wait()
    assert device.run() == 0, device.output  # both locks died with it


# ---- going wrong -----------------------------------------------------------

def test_rejections(device, server):
    server.script["reject"] = {"register": {"statusCode": 403, "errorCode": "AccessDenied", "errorMessage": "The hook said no."}}
    assert device.run() == 5
    assert "403 AccessDenied: The hook said no." in device.output and "next:" in device.output
    assert not os.path.exists(os.path.join(device.state, "aws-iot-device-client-runtime.conf"))


def test_throttling_is_waited_out(device, server):
    busy = {"statusCode": 429, "errorCode": "Throttled", "errorMessage": "Slow down."}
    server.script["reject"] = {"create": [busy], "register": [busy]}
    assert device.run() == 0, device.output
    check_provisioned(device)


def test_parameter_that_the_template_wants(device, server):
    device.parameters = '{"Other": "x"}'
    assert device.run() == 5
    assert "Cannot resolve reference value: ThingName" in device.output
    device.parameters = '{"ThingName": "device-client-fp"}'
    assert device.run() == 0, device.output
    check_provisioned(device)


@pytest.mark.parametrize("stage", ["claim-connect", "create", "register"])
def test_closed_without_an_answer(device, server, stage):
    server.script["close"] = {stage: [True]}
    assert device.run() == 0, device.output
    check_provisioned(device)
    assert len(server.state) == 2 # the claim and one certificate, no orphan


def test_answer_to_register_is_lost(device, server):
    """The server registered, the device never heard: the same bytes go again."""
    server.script["close_instead_of_answer"] = {"register": [True]}
    assert device.run() == 0, device.output
    check_provisioned(device)
    requests = [e[2] for e in server.events if e[0] == "publish" and b"OwnershipToken" in e[2]]
    assert len(requests) == 2 and requests[0] == requests[1]


def test_killed_before_the_answer_resumes(device, server):
    server.script["silent"] = {"register": [True]}
    running = device.start()
    assert wait_for(lambda: [e for e in server.events if e[0] == "publish" and b"OwnershipToken" in e[2]])
    assert wait_for(lambda: os.path.exists(os.path.join(device.state, "keys/journal.json")))
    assert device.mode("keys/journal.json") == 0o600
    running.kill()
    running.wait()
    assert device.run() == 0, device.output
    check_provisioned(device)
    assert "Resuming" in device.output and len(server.state) == 2
    requests = [e[2] for e in server.events if e[0] == "publish" and b"OwnershipToken" in e[2]]
    assert requests[0] == requests[1]


def interrupt_register(device, server):
    """Leaves a journal behind, and a registration that the server has made."""
    server.script["mute"] = {"register": [True]}
    running = device.start()
    assert wait_for(server.active)
    running.kill()
    running.wait()


def test_registered_but_unheard_and_the_claim_is_gone(device, server):
    interrupt_register(device, server)
    device.cert, device.key, _ = server.claim(device.certs, life=-1)
    assert device.run() == 0, device.output
    check_provisioned(device)


def test_registered_but_unheard_and_the_claim_is_spent(device, server):
    interrupt_register(device, server)
    server.script["close"] = {"claim-connect": True}
    start = time.time()
    assert device.run() == 0, device.output
    check_provisioned(device)
    assert "going on with its certificate" in device.output and time.time() - start < 5


def test_journal_of_another_claim_is_dropped(device, server):
    server.script["close"] = {"register": [True]}
    assert device.run("--retry-seconds", "0") == 3
    device.cert, device.key, _ = server.claim(device.certs)
    assert device.run() == 0, device.output
    check_provisioned(device)
    assert "cannot be resumed" in device.output


def test_stale_token_starts_anew(device, server):
    server.script["close"] = {"register": [True]}
    assert device.run("--retry-seconds", "0") == 3
    server.tokens.clear()
    assert device.run() == 0, device.output
    check_provisioned(device)


def test_damaged_journal_is_ignored(device, server):
    os.makedirs(os.path.join(device.state, "keys"), mode=0o700)
    write(os.path.join(device.state, "keys/journal.json"), '{"stage":"register","tok', 0o600)
    assert device.run() == 0, device.output
    check_provisioned(device)


@pytest.mark.parametrize("step", range(6))
def test_killed_at_any_moment_leaves_one_identity(device, server, step):
    for stage in ("create", "register"):
        server.script.setdefault("delay", {})[stage] = [0.03] * 3
    running = device.start()
    time.sleep(0.02 + 0.02 * step)
    running.kill()
    running.wait()
    time.sleep(0.1)
    assert device.run() == 0, device.output
    assert len(server.active()) == 1
    assert device.runtime()["completed-fp"] is True
    check_only_private(device)


def check_only_private(device):
    for folder, _, files in os.walk(device.state):
        for file in files:
            path = os.path.join(folder, file)
            if ".key" in file or "journal" in file:
                assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, path


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"certificateId":"../../x","certificatePem":"p","privateKey":"k","certificateOwnershipToken":"t"}',
                                 b'{"certificateId":"ab","certificatePem":"p","privateKey":"k","certificateOwnershipToken":"t"}'])
def test_nonsense_for_an_answer(device, server, raw):
    server.script["raw"] = {"create": raw}
    assert device.run("--retry-seconds", "0") in (3, 5)
    assert os.listdir(os.path.join(device.state, "keys")) == []


def test_refused_connection_and_subscription(device, server):
    server.script["connack"] = {"claim-connect": [5]}
    assert device.run() == 5
    assert "not authorized" in device.output
    server.script["suback"] = {"$aws/certificates/create/json/accepted": 0x80}
    assert device.run() == 5
    assert "refused the subscription" in device.output


def test_expired_claim(device, server):
    device.cert, device.key, _ = server.claim(device.certs, life=-10)
    assert device.run() == 4
    assert re.search(r"The claim expired at \d{4}-\d\d-\d\dT", device.output) and "Make a new claim" in device.output
    assert server.events == []


def test_retries_end_with_the_claim(device, server):
    device.cert, device.key, _ = server.claim(device.certs, life=4)
    server.script["close"] = {"claim-connect": True}
    start = time.time()
    assert device.run() == 4
    assert time.time() - start < 8
    assert "expired at" in device.output


def test_claim_of_the_future(device, server):
    """Without a root that came along with the claim nobody can say whether it is the clock that is wrong."""
    device.cert, device.key, _ = server.claim(device.certs, life=9000, start=3600)
    command = [word for word in device.flags("--once") if word not in ("--root-ca", device.root)]
    assert device.run(command=command) == 2
    assert "clock" in device.output and "Set the clock" in device.output
    assert server.events == []


def test_nobody_listens(device, server):
    server.listener.close()
    assert device.run("--retry-seconds", "0", "--port", "1") == 1  # --port twice
    server.port = 1
    assert device.run("--retry-seconds", "0") == 3
    assert "Cannot connect" in device.output


def test_server_that_is_not_trusted(device, server):
    write(device.root, Authority("Another Root").pem(), 0o644)
    assert device.run() == 3
    assert "not trusted" in device.output


def test_modes(device, server):
    os.chmod(device.key, 0o644)
    assert device.run() == 0, device.output
    assert "mode 644; changed to 600" in device.output
    os.chmod(device.certs, 0o777)
    os.unlink(os.path.join(device.state, "aws-iot-device-client-runtime.conf"))
    assert device.run() == 2
    assert "Run: chmod 700" in device.output


def test_stricter_modes_are_fine(device, server):
    os.chmod(device.cert, 0o400)
    os.chmod(device.key, 0o400)
    os.chmod(device.root, 0o444)
    assert device.run() == 0, device.output
    assert "changed to" not in device.output


@pytest.mark.parametrize("extra", [["--what", "x"], ["--endpoint", "again"], ["--csr"], ["--port=1"], ["--port", "many"], ["--csr", "rsa"]])
def test_bad_command_lines(device, server, extra):
    if extra[0] == "--port":
        command = device.flags("--once")
        command[command.index("--port") + 1] = "many"
        assert device.run(command=command) == 1
    else:
        assert device.run(*extra) == 1
    assert server.events == []


@pytest.mark.parametrize("parameters", ["{", "[]", '{"ThingName": 7}', '"x"'])
def test_bad_parameters(device, server, parameters):
    device.parameters = parameters
    assert device.run() == 1
    assert server.events == []


def test_files_that_hold_something_else(device, server):
    write(device.key, "hello", 0o600)
    assert device.run() == 2 and "no private key in" in device.output
    os.unlink(device.key)
    assert device.run() == 2 and "does not exist" in device.output
    other = server.claim(os.path.join(device.home, "other"))
    device.key = other[1]
    assert device.run() == 2 and "does not belong" in device.output


def test_state_folder_that_cannot_be_made(device, server):
    blocker = os.path.join(device.home, "file")
    write(blocker, "", 0o600)
    assert device.run("--state-dir", os.path.join(blocker, "state")) == 6
    assert server.events == []


def test_damaged_runtime_file_provisions_again(device, server):
    os.makedirs(device.state, mode=0o700)
    write(os.path.join(device.state, "aws-iot-device-client-runtime.conf"), '{"runtime-config": {"completed-fp": true, "cert": "', 0o640)
    assert device.run() == 0, device.output
    check_provisioned(device)


def test_folder_of_the_aws_client_is_taken_over(device, server):
    """Provisioned once, its files moved to the AWS client's folder, used from there."""
    assert device.run() == 0, device.output
    theirs = os.path.join(device.home, ".aws-iot-device-client")
    os.rename(device.state, theirs)
    path = os.path.join(theirs, "aws-iot-device-client-runtime.conf")
    with open(path) as file:
        text = file.read().replace(device.state, theirs)
    write(path, text, 0o640)
    assert device.run("--state-dir", theirs) == 0, device.output
    assert len(server.active()) == 1


def test_help_and_version_come_first(device, server):
    assert device.run(command=[AGENT, "--nonsense", "--version"]) == 0
    assert device.output.startswith("vouch-agent ")
    assert device.run(command=[AGENT, "--help"]) == 0 and "--claim" in device.output


def test_exported_settings_are_a_configuration(device, server):
    path = os.path.join(device.home, "settings.json")
    device.run(command=[AGENT, "--export-default-settings", path])
    with open(path) as file:
        settings = json.load(file)
    assert settings["fleet-provisioning"]["enabled"] is False and settings["jobs"]["enabled"] is True
    settings.update(endpoint="localhost", cert=device.cert, key=device.key)
    settings.update({"root-ca": device.root, "thing-name": "device-client-fp"})
    settings["fleet-provisioning"].update({"enabled": True, "template-name": "T", "template-parameters": device.parameters})
    write(path, json.dumps(settings), 0o640)
    assert device.run(command=[AGENT, "--config-file", path, "--port", str(server.port), "--once"]) == 0, device.output


def test_small_and_quick(device, server):
    """Start to the end of the second connection, and peak memory; generous bounds, figures in the output."""
    start = time.time()
    running = device.start()
    assert wait_for(lambda: [e for e in server.events if e[0] == "connect" and e[2] == "active"])
    wall = time.time() - start
    with open("/proc/%d/status" % running.pid) as file:
        peak = int(re.search(r"VmHWM:\s*(\d+)", file.read()).group(1))
    running.terminate()
    assert running.wait(timeout=5) == 0
    print("start to second CONNECT %.0f ms, peak %d KiB" % (wall * 1000, peak))
    with open(AGENT, "rb") as file:
        sanitized = b"__asan_init" in file.read()
    assert sanitized or peak < 16 * 1024


# ---- as the real service is -------------------------------------------------

@pytest.mark.parametrize("stage, answer", [(s, a) for s, all_of_them in REJECTIONS.items() for a in all_of_them],
                         ids=lambda v: v if isinstance(v, str) else v["errorCode"])
def test_each_rejection_ends_with_its_words(device, server, stage, answer):
    server.script["reject"] = {stage: answer}
    assert device.run(*(["--csr", "auto"] if stage == "csr" else [])) == 5, device.output
    assert "%d %s: %s" % (answer["statusCode"], answer["errorCode"], answer["errorMessage"]) in device.output
    assert "vouch-agent: next: " in device.output
    assert not os.path.exists(os.path.join(device.state, "aws-iot-device-client-runtime.conf"))
    server.script.clear()
    assert device.run() == 0, device.output
    check_provisioned(device)


def test_slow_as_the_service(device, server):
    server.script["delay"] = {stage: list(times) for stage, times in DELAYS.items()}
    server.script["delay"].update({"claim-connect": [0.3], "connect": [0.3], "subscribe": [0.1] * 4})
    assert device.run() == 0, device.output
    check_provisioned(device)
    assert len(server.state) == 2


def test_slow_busy_and_cut_off(device, server):
    """Everything at once, as on a bad day: still one thing and one certificate in force, and no orphan."""
    server.script["delay"] = {"create": [0.2] * 4, "register": [0.2] * 4}
    server.script["reject"] = {"create": [BUSY], "register": [BUSY]}
    server.script["connack"] = {"claim-connect": [3]}
    server.script["close_instead_of_answer"] = {"register": [None, True]}
    assert device.run(timeout=90) == 0, device.output
    check_provisioned(device)
    assert len(server.state) == 2


def test_cut_off_after_each_packet(device, server):
    """The service closes on this packet, and on the next, and so on: the agent goes on from where it was."""
    server.script["close"] = {"claim-connect": [True], "create": [True], "register": [True]}
    server.script["close_instead_of_answer"] = {"register": [True]}
    assert device.run(timeout=90) == 0, device.output
    check_provisioned(device)
    assert len(server.state) == 2


# ---- PEM as people leave it ---------------------------------------------------

MANGLED = {
    "crlf": lambda t: t.replace("\n", "\r\n"),
    "old-mac": lambda t: t.replace("\n", "\r"),
    "no-newline": lambda t: t.rstrip("\n"),
    "literal": lambda t: t.replace("\n", "\\n"),
    "twice-escaped": lambda t: t.replace("\n", "\\\\n"),
    "json": lambda t: json.dumps({"pem": t}),
    "bom": lambda t: "\ufeff" + t,
    "indented": lambda t: "".join("    " + line + "  \n" for line in t.splitlines()),
    "one-line": lambda t: t.replace("\n", " "),
    "joined": lambda t: re.sub(r"-----\s+|\s+-----", "-----", t),
    "blank-lines": lambda t: t.replace("\n", "\n\n"),
    "attributes": lambda t: "Bag Attributes\n    localKeyID: 01\nsubject=CN = x\n" + t,
    "quoted": lambda t: '"' + t + '",\n',
}


@pytest.mark.parametrize("how", sorted(MANGLED))
def test_mangled_pem_is_read_as_meant(device, server, how):
    for path, mode in ((device.cert, 0o644), (device.key, 0o600)):
        with open(path) as file:
            write(path, MANGLED[how](file.read()), mode)
    assert device.run() == 0, device.output
    check_provisioned(device)


@pytest.mark.parametrize("text", ["", "\0" * 100, "-----BEGIN CERTIFICATE-----\nMIIB", "-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n",
                                  "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
                                  "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "0\x82\x01"])
def test_what_is_no_certificate_is_refused_in_a_sentence(device, server, text):
    write(device.cert, text, 0o644)
    assert device.run() == 2
    said = [line for line in device.output.splitlines() if line.startswith("vouch-agent: ")]
    assert len(said) == 2 and said[1].startswith("vouch-agent: next: ") and "certificate" in said[0]
    assert server.events == []


# ---- the AWS client's folder --------------------------------------------------

def as_the_aws_client_leaves_it(device, server):
    """Its folder after fleet provisioning: text by format strings, both copies of the files, its modes."""
    folder = os.path.join(device.home, ".aws-iot-device-client")
    keys = os.path.join(folder, "keys")
    os.makedirs(keys)
    os.chmod(folder, 0o745)
    os.chmod(keys, 0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = server.authority.issue(key.public_key(), "AWS IoT Certificate", life=10 ** 8)
    identity = certificate.fingerprint(hashes.SHA256()).hex()
    server.state[identity] = "active"
    server.things["device-client-fp"] = [identity]
    for prefix in (identity, "active"):
        write(os.path.join(keys, prefix + "-certificate.pem.crt"), certificate.public_bytes(serialization.Encoding.PEM).decode(), 0o644)
        write(os.path.join(keys, prefix + "-private.pem.key"), key_pem(key), 0o600)
    write(os.path.join(folder, "aws-iot-device-client-runtime.conf"), """{
    "runtime-config": {
        "completed-fp": true,
        "cert": "%s/active-certificate.pem.crt",
        "key": "%s/active-private.pem.key",
        "thing-name": "device-client-fp",
        "device-config": {"room": "hall"}
    }
}""" % (keys, keys), 0o640)
    return folder, identity


def test_folder_of_the_aws_client_without_a_word(device, server):
    folder, identity = as_the_aws_client_leaves_it(device, server)
    before = {name: os.stat(os.path.join(folder, "keys", name)).st_mtime_ns for name in os.listdir(os.path.join(folder, "keys"))}
    os.unlink(device.cert)  # the spent claim is not needed
    assert device.run() == 0, device.output
    assert "identity of the AWS IoT Device Client" in device.output
    assert not os.path.exists(device.state)
    assert wait_for(lambda: [e[:3] for e in server.events] == [("connect", "device-client-fp", "active"), ("disconnect", "device-client-fp")])
    after = {name: os.stat(os.path.join(folder, "keys", name)).st_mtime_ns for name in os.listdir(os.path.join(folder, "keys"))}
    assert after == before


def test_own_identity_is_stronger_than_the_aws_clients(device, server):
    assert device.run() == 0, device.output
    as_the_aws_client_leaves_it(device, server)
    assert device.run() == 0, device.output
    assert "AWS IoT Device Client in" not in device.output


def test_the_aws_client_finds_what_it_checks(device, server):
    """Exact modes and members, as its own start demands them of a folder that we filled."""
    theirs = os.path.join(device.home, ".aws-iot-device-client")
    assert device.run("--state-dir", theirs) == 0, device.output
    with open(os.path.join(theirs, "aws-iot-device-client-runtime.conf")) as file:
        runtime = json.load(file)["runtime-config"]
    assert runtime["completed-fp"] is True and all(isinstance(v, str) for v in runtime["device-config"].values())
    for member, mode in (("cert", 0o644), ("key", 0o600)):
        path = runtime[member]
        assert os.path.isabs(path) and stat.S_IMODE(os.stat(path).st_mode) == mode
        assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
        assert os.stat(path).st_uid == os.getuid()
    assert stat.S_IMODE(os.stat(os.path.join(theirs, "aws-iot-device-client-runtime.conf")).st_mode) == 0o640


def test_runtime_object_in_the_configuration_file(device, server):
    """The AWS client's loader reads it there, too."""
    folder, _ = as_the_aws_client_leaves_it(device, server)
    with open(os.path.join(folder, "aws-iot-device-client-runtime.conf")) as file:
        document = json.load(file)
    os.unlink(os.path.join(folder, "aws-iot-device-client-runtime.conf"))
    document.update({"endpoint": "localhost", "root-ca": device.root})
    path = os.path.join(device.home, "c.json")
    write(path, json.dumps(document), 0o640)
    assert device.run(command=[AGENT, "--config-file", path, "--port", str(server.port), "--once"]) == 0, device.output
    assert server.events[0][1:3] == ("device-client-fp", "active")
