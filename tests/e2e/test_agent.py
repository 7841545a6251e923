"""vouch-agent against the server: the workshop's device command as it stands, and what a device goes through."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

import mqtt
import vouch
from test_traps import agent, agent_words, device_home, put
from test_workshop import provision


def ready_device(tmp_path, server, claim=None):
    folder = device_home(tmp_path, server)
    claim = claim or server.claim()
    return (claim, put(folder / "device-client-fp.pem.crt", claim.certificate, 0o644),
            put(folder / "device-client-fp.private.pem.key", claim.key, 0o600))


def state(home):
    return home / ".vouch-agent"


def test_the_literal_device_command(server, tmp_path):
    """examples/workshop/device-command.txt with the program's name changed, nothing else; 443 is given by --edge in real life."""
    ready_device(tmp_path, server)
    command = (vouch.WORKSHOP / "device-command.txt").read_text().replace("./aws-iot-device-client", f"{vouch.BUILD}/vouch-agent --once --port {server.edge_port}")
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, HOME=str(tmp_path), ENDPOINT="localhost", LOCK_FILE_PATH=str(tmp_path)))
    assert done.returncode == 0, done.stdout + done.stderr
    runtime = json.loads((state(tmp_path) / "aws-iot-device-client-runtime.conf").read_text())["runtime-config"]
    assert runtime["completed-fp"] is True and runtime["thing-name"] == "device-client-fp"
    keys = state(tmp_path) / "keys"
    names = sorted(p.name for p in keys.iterdir())
    identity = next(n for n in names if re.match(r"[0-9a-f]{64}-certificate", n)).split("-")[0]
    assert names == sorted([f"{identity}-certificate.pem.crt", f"{identity}-private.pem.key", "active-certificate.pem.crt", "active-private.pem.key"])
    modes = {p.name: p.stat().st_mode & 0o777 for p in keys.iterdir()}
    assert {m for n, m in modes.items() if n.endswith(".crt")} == {0o644} and {m for n, m in modes.items() if n.endswith(".key")} == {0o600}
    assert keys.stat().st_mode & 0o777 == 0o700
    assert (state(tmp_path) / "aws-iot-device-client-runtime.conf").stat().st_mode & 0o777 == 0o640
    arn = f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:cert/{identity}"
    assert "device-client-fp" in [t["thingName"] for t in server.aws("iot", "list-things")["things"]]
    assert (identity, "ACTIVE") in [(c["certificateId"], c["status"]) for c in server.aws("iot", "list-certificates")["certificates"]]
    assert server.aws("iot", "list-thing-principals", "--thing-name", "device-client-fp")["principals"] == [arn]
    assert [p["policyName"] for p in server.aws("iot", "list-attached-policies", "--target", arn)["policies"]] == ["pubsub"]
    # The same command again: provisioned already, so it just connects; the spent claim is not needed.
    again = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60,
                           env=dict(os.environ, HOME=str(tmp_path), ENDPOINT="localhost", LOCK_FILE_PATH=str(tmp_path)))
    assert again.returncode == 0, again.stdout + again.stderr
    assert len(server.boto().list_thing_principals(thingName="device-client-fp")["principals"]) == 1


def test_own_key_by_csr(server, tmp_path):
    _, certificate, key = ready_device(tmp_path, server)
    done = agent(server, *agent_words(server, tmp_path, certificate, key, "csr-auto"), "--csr", "auto", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    with mqtt.Client(server, vouch.Identity(tmp_path, "own", (state(tmp_path) / "keys/active-certificate.pem.crt").read_text(),
                                            (state(tmp_path) / "keys/active-private.pem.key").read_text())) as client:
        client.connect("csr-auto")


def test_claim_bundle_of_the_command_line(server, tmp_path):
    out = tmp_path / "handover"
    server.vouch("claim", "create", "--template", vouch.TEMPLATE, "--out", str(out))
    assert {p.name: p.stat().st_mode & 0o777 for p in out.iterdir()} == {
        "claim.pem.crt": 0o644, "claim.private.pem.key": 0o600, "root-ca.pem": 0o644, "bundle.json": 0o600}
    done = agent(server, "--claim", str(out / "bundle.json"), "--thing-name", "bundled", "--port", str(server.edge_port), "--once",
                 "--fleet-provisioning-template-parameters", json.dumps({"ThingName": "bundled"}), home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bundled" in [t["thingName"] for t in server.boto().list_things()["things"]]


def test_publishes_once(server, tmp_path):
    _, certificate, key = ready_device(tmp_path, server)
    iot = server.boto()
    listener = provision(server, server.claim(iot), "ear")
    iot.create_policy(policyName="ear", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}))
    iot.attach_policy(policyName="ear", target=f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:cert/{listener.id}")
    folder = tmp_path / "pub"
    folder.mkdir(mode=0o745)
    payload = put(folder / "file.txt", "measured: 21", 0o600)
    with mqtt.Client(server, listener) as ear:
        ear.connect("ear")
        ear.subscribe("talker/#")
        done = agent(server, *agent_words(server, tmp_path, certificate, key, "talker"), "--enable-pub-sub", "true", "--publish-topic",
                     "talker/out", "--publish-file", str(payload), "--subscribe-topic", "$aws/things/talker/in", home=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert ear.message() == ("talker/out", b"measured: 21")


def test_exit_codes_say_what_happened(server, tmp_path):
    claim, certificate, key = ready_device(tmp_path, server)
    words = agent_words(server, tmp_path, certificate, key, "codes")
    assert agent(server, "--no-such-flag", home=tmp_path).returncode == 1
    assert agent(server, *[w if w != str(key) else str(tmp_path / "none") for w in words], home=tmp_path).returncode == 2
    closed = [w if w != str(server.edge_port) else "1" for w in words]
    assert agent(server, *closed, "--retry-seconds", "1", home=tmp_path).returncode == 3
    wrong_template = [w if w != vouch.TEMPLATE else "OtherTemplate" for w in words]
    refused = agent(server, *wrong_template, home=tmp_path)
    assert refused.returncode in (3, 5), refused.stdout + refused.stderr
    # The claim is still unspent; a parameter that is missing is the server's refusal, in its words.
    missing = list(words)
    missing[missing.index("--fleet-provisioning-template-parameters") + 1] = "{}"
    refused = agent(server, *missing, home=tmp_path)
    assert refused.returncode == 5 and "Cannot resolve reference value: ThingName" in refused.stdout + refused.stderr
    assert agent(server, *words, home=tmp_path).returncode == 0


def test_expired_claim_is_told_before_the_first_packet(server, tmp_path):
    folder = device_home(tmp_path, server)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "k.key", "-out",
                    folder / "c.crt", "-subj", "/CN=old", "-days", "-1"], capture_output=True)
    if not (folder / "c.crt").exists() or not (folder / "c.crt").stat().st_size:
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / "k.key"], check=True)
        subprocess.run(["openssl", "req", "-new", "-key", folder / "k.key", "-subj", "/CN=old", "-out", folder / "c.csr"], check=True)
        (folder / "serial").write_text("01")
        subprocess.run(["/usr/bin/python3", "-c", EXPIRED, str(folder / "k.key"), str(folder / "c.crt")], check=True)
    os.chmod(folder / "c.crt", 0o644)
    os.chmod(folder / "k.key", 0o600)
    before = server.log_text()
    done = agent(server, *agent_words(server, tmp_path, folder / "c.crt", folder / "k.key", "late"), home=tmp_path)
    assert done.returncode == 4, done.stdout + done.stderr
    assert server.log_text() == before


EXPIRED = """
import sys, datetime
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
key = serialization.load_pem_private_key(open(sys.argv[1], 'rb').read(), None)
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'old')])
now = datetime.datetime.utcnow()
made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - datetime.timedelta(days=2)).not_valid_after(now - datetime.timedelta(days=1)).sign(key, hashes.SHA256()))
open(sys.argv[2], 'wb').write(made.public_bytes(serialization.Encoding.PEM))
"""


def test_killed_at_any_point_ends_with_one_certificate(server, tmp_path):
    """SIGKILL at moments spread over the whole run; the next run resumes or starts clean."""
    claim, certificate, key = ready_device(tmp_path, server)
    words = [str(vouch.BUILD / "vouch-agent"), *agent_words(server, tmp_path, certificate, key, "mortal")]
    environment = dict(os.environ, HOME=str(tmp_path), LOCK_FILE_PATH=str(tmp_path))
    for milliseconds in range(2, 62, 3):
        process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    iot = server.boto()
    principals = iot.list_thing_principals(thingName="mortal")["principals"]
    assert len(principals) == 1
    status = iot.describe_certificate(certificateId=principals[0].rsplit("/", 1)[1])["certificateDescription"]["status"]
    assert status == "ACTIVE"


def test_stays_connected_and_stops_in_order(server, tmp_path):
    _, certificate, key = ready_device(tmp_path, server)
    words = [w for w in agent_words(server, tmp_path, certificate, key, "steady") if w != "--once"]
    process = subprocess.Popen([str(vouch.BUILD / "vouch-agent"), *words], env=dict(os.environ, HOME=str(tmp_path), LOCK_FILE_PATH=str(tmp_path)),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    server.wait_log("client=steady kind=device")
    twin = agent(server, *words, "--once", home=tmp_path)
    assert twin.returncode == 1 and "Another agent" in twin.stdout + twin.stderr
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
