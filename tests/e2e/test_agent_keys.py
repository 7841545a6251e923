"""Keys that stay on a token: SoftHSM2 by PKCS#11, swtpm by TPM 2.0. No private key is in any file of the agent's."""
import os
import socket
import subprocess
import time

import pytest

from test_agent import ready_device, state
from test_agent_life import certificate_id, in_force, renewing, runtime  # noqa: F401
from test_claims import ARN, eventually
from test_traps import agent, agent_words, device_home, put

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "739146"


@pytest.fixture
def token(tmp_path, monkeypatch):
    """The label of a new SoftHSM token."""
    (tmp_path / "tokens").mkdir(mode=0o700)
    conf = put(tmp_path / "softhsm2.conf", f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", 0o644)
    monkeypatch.setenv("SOFTHSM2_CONF", str(conf))
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "Lamp Keys", "--pin", PIN, "--so-pin", "95173482"], check=True, capture_output=True)
    return "Lamp Keys"


def objects(kind):
    done = subprocess.run(["pkcs11-tool", "--module", MODULE, "--login", "--pin", PIN, "--list-objects", "--type", kind], capture_output=True, text=True)
    return done.stdout


def no_key_in_files(home, *secrets):
    """Neither a private key nor a secret is below the folder, but for what the test put there."""
    looked = 0
    for path in state(home).rglob("*"):
        if path.is_file():
            looked += 1
            text = path.read_bytes()
            assert b"PRIVATE KEY" not in text and not any(s.encode() in text for s in secrets), path
    assert looked >= 3


def token_words(tmp_path, server, thing, uri):
    _, certificate, key = ready_device(tmp_path, server)
    pin = put(tmp_path / "pin", PIN + "\n", 0o600)
    return [*agent_words(server, tmp_path, certificate, key, thing), "--csr", "auto", "--device-key", uri, "--pkcs11-lib", MODULE, "--token-pin-file", str(pin)]


@pytest.mark.parametrize("key_type, shown", [("ec-p256", "EC_POINT 256 bits"), ("ec-p384", "EC_POINT 384 bits"), ("rsa-2048", "RSA 2048 bits")])
def test_the_key_is_made_on_the_token_and_stays_there(renewing, tmp_path, token, key_type, shown):  # noqa: F811
    thing = "token-" + key_type
    words = token_words(tmp_path, renewing, thing, "pkcs11:token=Lamp%20Keys;object=device")
    done = agent(renewing, *words, "--key-type", key_type, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert PIN not in done.stdout + done.stderr
    no_key_in_files(tmp_path, PIN)
    assert runtime(tmp_path)["key"] == "pkcs11:token=Lamp%20Keys;object=device"
    assert "never extractable" in objects("privkey") and objects("privkey").count("Private Key Object") == 1
    assert shown in objects("pubkey").replace("EC_POINT  ", "EC_POINT "), objects("pubkey")
    # A later start connects with it, and a renewal keeps it: the certificate is new, the key is not.
    renewing.boto().attach_policy(policyName="MayRenew", target=f"{ARN}cert/{certificate_id(tmp_path)}")
    old = certificate_id(tmp_path)
    done = agent(renewing, *words, "--renew-now", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert certificate_id(tmp_path) != old
    eventually(lambda: in_force(renewing, thing) == [certificate_id(tmp_path)])
    assert objects("privkey").count("Private Key Object") == 1
    no_key_in_files(tmp_path, PIN)


def test_pins(renewing, tmp_path, token):  # noqa: F811
    words = token_words(tmp_path, renewing, "pinned", "pkcs11:token=Lamp%20Keys;object=device")
    wrong = put(tmp_path / "wrong-pin", "000000", 0o600)
    at = words.index("--token-pin-file")
    done = agent(renewing, *words[:at], "--token-pin-file", str(wrong), *words[at + 2:], home=tmp_path)
    assert done.returncode == 2 and "PIN" in done.stderr and "000000" not in done.stdout + done.stderr
    bare = words[:at] + words[at + 2:]
    named = [w.replace("object=device", f"object=device?pin-value={PIN}") for w in bare]
    done = agent(renewing, *named, home=tmp_path)
    assert done.returncode == 1 and PIN not in done.stdout + done.stderr
    open_to_all = put(tmp_path / "pin", PIN, 0o644)
    os.environ["VOUCH_TOKEN_PIN"] = PIN
    try:
        done = agent(renewing, *bare, home=tmp_path)
    finally:
        del os.environ["VOUCH_TOKEN_PIN"]
    assert done.returncode == 0, done.stdout + done.stderr
    assert PIN not in done.stdout + done.stderr
    # A file that was open to others is closed, with a warning.
    done = agent(renewing, *words, home=tmp_path)
    assert done.returncode == 0 and open_to_all.stat().st_mode & 0o777 == 0o600 and "had mode 644" in done.stdout


def test_a_token_that_is_not_there(renewing, tmp_path, token):  # noqa: F811
    words = token_words(tmp_path, renewing, "bare", "pkcs11:token=Other;object=device")
    done = agent(renewing, *words, home=tmp_path)
    assert done.returncode == 2 and 'no token "Other"' in done.stderr
    words[words.index(MODULE)] = "/nonexistent.so"
    done = agent(renewing, *words, home=tmp_path)
    assert done.returncode == 2 and "/nonexistent.so" in done.stderr
    # With another key than the certificate's: told before the first packet.
    subprocess.run(["pkcs11-tool", "--module", MODULE, "--login", "--pin", PIN, "--keypairgen", "--key-type", "EC:prime256v1", "--label", "stray"], check=True, capture_output=True)
    words = token_words_of_claim(tmp_path, renewing, "pkcs11:token=Lamp%20Keys;object=stray")
    done = agent(renewing, *words, home=tmp_path)
    assert done.returncode == 2 and "does not belong" in done.stderr


def token_words_of_claim(tmp_path, server, uri):
    claim = server.claim()
    certificate = put(tmp_path / "cert" / "other.crt", claim.certificate, 0o644)
    return [*agent_words(server, tmp_path, certificate, uri, "stray"), "--pkcs11-lib", MODULE, "--token-pin-file", str(tmp_path / "pin")]


def test_the_aws_clients_flags(renewing, tmp_path, token):  # noqa: F811
    """Its flags: one key on the token, for the claim and for the device; the request comes from a file or is made."""
    folder = device_home(tmp_path, renewing)
    claim = renewing.claim()
    certificate = put(folder / "claim.crt", claim.certificate, 0o644)
    plain = tmp_path / "claim.key"
    subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", claim.key_file, "-out", str(plain)], check=True)
    subprocess.run(["softhsm2-util", "--import", str(plain), "--token", token, "--label", "one", "--id", "01", "--pin", PIN], check=True, capture_output=True)
    plain.unlink()
    words = agent_words(renewing, tmp_path, certificate, "unused", "secure")
    at = words.index("--key")
    words = words[:at] + words[at + 2:] + ["--csr", "auto", "--enable-secure-element", "true", "--pkcs11-lib", MODULE, "--secure-element-pin", PIN,
                                           "--secure-element-key-label", "one", "--secure-element-token-label", token]
    done = agent(renewing, *words, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert PIN not in done.stdout + done.stderr and "--token-pin-file" in done.stdout
    no_key_in_files(tmp_path, PIN)
    assert agent(renewing, *words, home=tmp_path).returncode == 0
    at = words.index("--secure-element-key-label")
    assert agent(renewing, *words[:at], *words[at + 2:], home=tmp_path).returncode == 1


# ---- TPM 2.0


def free_pair():
    """Two neighbouring ports, as swtpm's transport wants them."""
    for _ in range(100):
        with socket.create_server(("127.0.0.1", 0)) as one:
            port = one.getsockname()[1]
            try:
                with socket.create_server(("127.0.0.1", port + 1)):
                    return port
            except OSError:
                continue
    raise AssertionError("no two ports are free")


@pytest.fixture
def tpm(tmp_path, monkeypatch):
    """A TPM with a signing key at 0x81000001."""
    folder = tmp_path / "tpm"
    folder.mkdir(mode=0o700)
    port = free_pair()
    process = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}", "--server", f"type=tcp,port={port},bindaddr=127.0.0.1",
                                "--ctrl", f"type=tcp,port={port + 1},bindaddr=127.0.0.1", "--flags", "not-need-init,startup-clear"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    tcti = f"swtpm:host=127.0.0.1,port={port}"
    monkeypatch.setenv("TPM2TOOLS_TCTI", tcti)
    monkeypatch.setenv("TPM2OPENSSL_TCTI", tcti)
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port + 1)).close()
            break
        except OSError:
            assert time.monotonic() < deadline and process.poll() is None, "swtpm did not start"
            time.sleep(0.05)
    # A resource manager, as the kernel's /dev/tpmrm0 is one: the three slots of the TPM alone are too few for TLS.
    bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--print-address"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.stdout.readline().strip())
    manager = subprocess.Popen(["tpm2-abrmd", "--session", "--allow-root", f"--tcti={tcti}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for name in ("TPM2TOOLS_TCTI", "TPM2OPENSSL_TCTI"):
        monkeypatch.setenv(name, "tabrmd:bus_type=session")
    while subprocess.run(["tpm2_getcap", "properties-fixed"], capture_output=True).returncode != 0:
        assert time.monotonic() < deadline and manager.poll() is None, "tpm2-abrmd did not start"
        time.sleep(0.1)
    monkeypatch.chdir(tmp_path)
    for words in (["tpm2_createprimary", "-Q", "-C", "o", "-G", "ecc256", "-c", "primary.ctx"],
                  ["tpm2_flushcontext", "-t"],
                  ["tpm2_create", "-Q", "-C", "primary.ctx", "-G", "ecc256:ecdsa-sha256:null", "-u", "key.pub", "-r", "key.priv", "-a",
                   "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign"],
                  ["tpm2_flushcontext", "-t"],
                  ["tpm2_load", "-Q", "-C", "primary.ctx", "-u", "key.pub", "-r", "key.priv", "-c", "key.ctx"],
                  ["tpm2_evictcontrol", "-Q", "-C", "o", "-c", "key.ctx", "0x81000001"],
                  ["tpm2_flushcontext", "-t"]):
        done = subprocess.run(words, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (words, done.stderr)
    yield "handle:0x81000001"
    for one in (manager, bus, process):
        one.terminate()
        one.wait(10)


def test_a_tpm_holds_the_key(renewing, tmp_path, tpm):  # noqa: F811
    _, certificate, key = ready_device(tmp_path, renewing)
    words = [*agent_words(renewing, tmp_path, certificate, key, "sealed"), "--csr", "auto", "--device-key", tpm]
    done = agent(renewing, *words, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert runtime(tmp_path)["key"] == tpm
    no_key_in_files(tmp_path)
    old = certificate_id(tmp_path)
    renewing.boto().attach_policy(policyName="MayRenew", target=f"{ARN}cert/{old}")
    done = agent(renewing, *words, "--renew-now", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    eventually(lambda: in_force(renewing, "sealed") == [certificate_id(tmp_path)] != [old])
    no_key_in_files(tmp_path)
    words[words.index(tpm)] = "handle:0x81000009"
    path = state(tmp_path) / "aws-iot-device-client-runtime.conf"
    path.write_text(path.read_text().replace(tpm, "handle:0x81000009"))
    done = agent(renewing, *words, home=tmp_path)
    assert done.returncode == 2 and "handle" in done.stderr


def test_key_types_without_a_token(renewing, tmp_path):  # noqa: F811
    _, certificate, key = ready_device(tmp_path, renewing)
    words = [*agent_words(renewing, tmp_path, certificate, key, "strong"), "--csr", "auto"]
    assert agent(renewing, *words, "--key-type", "ec-p224", home=tmp_path).returncode == 1
    assert agent(renewing, *words, "--key-type", "ec-p384", home=tmp_path).returncode == 0
    shown = subprocess.run(["openssl", "pkey", "-in", runtime(tmp_path)["key"], "-noout", "-text"], capture_output=True, text=True).stdout
    assert "384 bit" in shown
