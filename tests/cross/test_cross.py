"""The agent of one preset (VOUCH_PRESET): what kind of file it is, and a device's whole way with it against this build's server."""
import json
import os
import pathlib
import re
import subprocess
import time

import pytest

import cross
import mqtt
import own
import vouch
from test_handover import photograph, scan, squares_of
from test_traps import agent_words, device_home, put
from test_workshop import provision

PRESET = os.environ.get("VOUCH_PRESET", "agent")


@pytest.fixture(scope="module")
def built():
    begun = time.monotonic()
    agent = cross.Agent(PRESET, vouch.BUILD / "cross" / PRESET).build()
    print(f"{PRESET}: {agent.stripped.stat().st_size} bytes, built in {time.monotonic() - begun:.1f} s")
    return agent


def run(built, home, *words):
    return subprocess.run(built.words(*words), capture_output=True, text=True, timeout=90,
                          env=dict(os.environ, HOME=str(home), LOCK_FILE_PATH=str(home)))


def keys(home):
    return home / ".vouch-agent" / "keys"


@pytest.fixture
def device(server, tmp_path):
    """(claim, command line) of a device whose home is tmp_path."""
    folder = device_home(tmp_path, server)
    claim = server.claim()
    return claim, lambda thing: agent_words(server, tmp_path, put(folder / "claim.crt", claim.certificate, 0o644),
                                            put(folder / "claim.key", claim.key, 0o600), thing)


def test_the_file_is_what_was_asked_for(built):
    header = built.elf("-h")
    # Debian's C library for armhf cannot start a static program at any address.
    kind = "EXEC (Executable file)" if built.static and built.machine == "armhf" else "DYN (Position-Independent Executable file)"
    assert kind in header
    if built.machine:
        assert f"Machine:                           {cross.MACHINES[built.machine][0]}\n" in header
    segments = built.elf("-l")
    assert "GNU_RELRO" in segments and "RWE" not in segments
    if built.static:
        assert built.needed() == [] and "INTERP" not in segments
        assert built.stripped.stat().st_size <= 4 << 20
    else:
        # Nothing of the server's libraries: OpenSSL, jansson and the C library, under whatever names they have.
        assert {name.split(".so")[0].split("-")[0] for name in built.needed()} <= {"libssl", "libcrypto", "libjansson", "libc", "ld"}
        assert "NOW" in built.elf("-d") and 50 << 10 < built.loaded() <= 200 << 10


def test_the_library_is_for_the_same_machine(built):
    machines = {line for line in built.elf("-h", file=built.library).splitlines() if "Machine:" in line}
    assert machines == {line for line in built.elf("-h").splitlines() if "Machine:" in line}


def test_says_its_version_and_refuses_nonsense(built, tmp_path):
    told = run(built, tmp_path, "--version")
    assert told.returncode == 0 and told.stdout.startswith("vouch-agent ") and not told.stderr
    assert run(built, tmp_path, "--no-such-flag").returncode == 1


def test_claim_to_identity_to_publish(built, server, device, tmp_path):
    """Claim, create, register, back under the own identity, publish; then again with what was kept."""
    claim, words = device
    iot = server.boto()
    ear = provision(server, server.claim(iot), f"ear-{PRESET}")
    iot.create_policy(policyName=f"ear-{PRESET}", policyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}))
    iot.attach_policy(policyName=f"ear-{PRESET}", target=f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:cert/{ear.id}")
    (tmp_path / "out").mkdir(mode=0o745)
    payload = put(tmp_path / "out" / "measured.txt", f"measured on {PRESET}", 0o600)
    talk = ["--enable-pub-sub", "true", "--publish-topic", "far/out", "--publish-file", str(payload), "--subscribe-topic", "$aws/things/far/in"]
    with mqtt.Client(server, ear) as listener:
        listener.connect(f"ear-{PRESET}")
        listener.subscribe("far/#")
        first = run(built, tmp_path, *words("far"), *talk)
        assert first.returncode == 0, first.stdout + first.stderr
        assert listener.message() == ("far/out", f"measured on {PRESET}".encode())
        identity = (keys(tmp_path) / "active-certificate.pem.crt").read_text()
        second = run(built, tmp_path, *words("far"), *talk)
        assert second.returncode == 0, second.stdout + second.stderr
        assert listener.message() == ("far/out", f"measured on {PRESET}".encode())
    assert (keys(tmp_path) / "active-certificate.pem.crt").read_text() == identity != claim.certificate
    assert (keys(tmp_path) / "active-private.pem.key").stat().st_mode & 0o777 == 0o600
    principals = iot.list_thing_principals(thingName="far")["principals"]
    assert [iot.describe_certificate(certificateId=p.rsplit("/", 1)[1])["certificateDescription"]["status"] for p in principals] == ["ACTIVE"]


def test_a_key_that_is_made_here(built, server, device, tmp_path):
    _, words = device
    done = run(built, tmp_path, *words("own"), "--csr", "auto")
    assert done.returncode == 0, done.stdout + done.stderr
    own = vouch.Identity(tmp_path, "own", (keys(tmp_path) / "active-certificate.pem.crt").read_text(),
                         (keys(tmp_path) / "active-private.pem.key").read_text())
    with mqtt.Client(server, own) as client:
        client.connect("own")


def test_a_code_that_is_shown_and_approved(built, server, tmp_path):
    """Pairing, with the QR code drawn here: the same squares, whatever the machine."""
    process = subprocess.Popen(built.words("--pair", server.api, "--serial-number", "far", "--once", "--qr", "always"), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, env=dict(os.environ, HOME=str(tmp_path), LOCK_FILE_PATH=str(tmp_path)))
    said = ""
    for line in process.stdout:
        said += line
        code = re.search(r"Code +(\S{4}-\S{4})$", line)
        if code:
            server.vouch("pair", "approve", code.group(1), "--template", vouch.TEMPLATE, "--parameter", f"ThingName=paired-{PRESET}")
    assert process.wait(30) == 0, said
    there = next(p for p in own.call(server, "GET", "/_vouch/pairings")["pairings"] if p["serialNumber"] == "far")
    picture = photograph(squares_of("\n".join(line for line in said.splitlines() if "█" in line)), tmp_path / "code.pgm")
    assert f"&k={there['keyFingerprint'][:16]}&r={there['serverFingerprint']}" in scan(picture)
    assert "Step 8 of 8" in said and len(server.boto().list_thing_principals(thingName=f"paired-{PRESET}")["principals"]) == 1


def test_a_server_that_is_not_trusted_gets_nothing(built, server, device, tmp_path):
    """The root of somebody else: refused in TLS, the claim unspent, so that the right root still serves."""
    _, words = device
    root = tmp_path / "cert" / "AmazonRootCA1.pem"
    right = root.read_text()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null", "-subj",
                    "/CN=somebody else", "-days", "2", "-out", str(root)], check=True, capture_output=True)
    refused = run(built, tmp_path, *words("careful"), "--retry-seconds", "1")
    assert refused.returncode in (2, 3) and "not trusted" in refused.stdout + refused.stderr, refused.stdout + refused.stderr
    assert not (keys(tmp_path) / "active-certificate.pem.crt").exists()
    pathlib.Path(root).write_text(right)
    assert run(built, tmp_path, *words("careful")).returncode == 0
