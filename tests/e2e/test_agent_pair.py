"""vouch-agent --pair: from a bare device to its own identity by a code that a person types; on terminals, through crashes, and with servers that lie."""
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import re
import resource
import select
import signal
import ssl
import struct
import subprocess
import termios
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import mqtt
import own
import vouch
from device import Proxy
from fake_pairing import FakePairing, Raw, Refusal
from test_agent_keys import MODULE, PIN, objects, token  # noqa: F401
from test_agent_rough import at, sanitized
from test_handover import HALVES, photograph, scan

STEPS = ["code-shown", "looked-at", "approved", "claim-taken", "connected", "certificate-made", "registered", "done"]
AGENT = str(vouch.BUILD / "vouch-agent")


@pytest.fixture
def server():
    """One for each test: an address may begin ten pairings a minute."""
    with vouch.Server() as running:
        running.prepare_workshop()
        yield running


@pytest.fixture
def fake(tmp_path):
    with FakePairing(tmp_path) as running:
        yield running


def eventually(what, timeout=15):
    deadline = time.monotonic() + timeout
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return found


class Agent:
    """One that pairs, with its JSON lines."""

    def __init__(self, home, url, *words, json_lines=True, before=None, once=True, **env):
        self.home = home
        self.path = home / f"agent-{time.monotonic_ns()}.log"
        words = ["--pair", url, "--serial-number", "SN-7", "--model", "Lamp 9", *(["--once"] if once else []), *(["--json"] if json_lines else []), *words]
        with open(self.path, "wb") as log:
            self.process = subprocess.Popen([AGENT, *words], stdout=log, stderr=log, preexec_fn=before,
                                            env=dict(os.environ, HOME=str(home), LOCK_FILE_PATH=str(home), **env))

    def text(self):
        return self.path.read_text(errors="replace")

    def events(self, event):
        return [e for e in (json.loads(line) for line in self.text().splitlines() if line.startswith("{") and line.endswith("}")) if e["event"] == event]

    def steps(self):
        return [e["name"] for e in self.events("step")]

    def shown(self, timeout=15):
        """The event with the code."""
        eventually(lambda: self.events("pairing") or self.process.poll() is not None, timeout)
        assert self.events("pairing"), self.text()
        return self.events("pairing")[-1]

    def wait_step(self, name, timeout=15):
        eventually(lambda: name in self.steps() or self.process.poll() is not None, timeout)
        assert name in self.steps(), self.text()

    def end(self, timeout=60):
        """The exit status; secrets have no place in what is said."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(self.text())
        assert "PRIVATE KEY" not in self.text() and "Sanitizer" not in self.text()
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


def look(server, shown):
    return own.call(server, "POST", "/_vouch/pairings/lookup", {"userCode": shown["userCode"]})


def approve(server, shown, thing="lamp-7"):
    return own.call(server, "POST", f"/_vouch/pairings/{shown['pairingId']}/approve",
                    {"keyFingerprint": shown["keyFingerprint"], "templateName": vouch.TEMPLATE, "parameters": {"ThingName": thing}})


def deny(server, shown):
    return own.call(server, "POST", f"/_vouch/pairings/{shown['pairingId']}/deny", {})


def pairings(server):
    return own.call(server, "GET", "/_vouch/pairings")["pairings"]


def folder(home):
    return home / ".vouch-agent"


def kept(home):
    path = folder(home) / "keys" / "pairing.json"
    return json.loads(path.read_text()) if path.exists() else None


def root_digest(server):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pathlib.Path(server.ca).read_text())).hexdigest()


def spki(public_key):
    return hashlib.sha256(public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def certificate_in(home):
    return x509.load_pem_x509_certificate((folder(home) / "keys" / "active-certificate.pem.crt").read_bytes())


def assert_one_identity(server, home, thing="lamp-7"):
    """One thing with one certificate, that of the state folder, which works; nothing of the pairing is left."""
    iot = server.boto()
    certificate = certificate_in(home)
    principals = iot.list_thing_principals(thingName=thing)["principals"]
    active = [p for p in principals if iot.describe_certificate(certificateId=p.rsplit("/", 1)[1])["certificateDescription"]["status"] == "ACTIVE"]
    assert [p.rsplit("/", 1)[1] for p in active] == [hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()]
    names = {p.name for p in (folder(home) / "keys").iterdir()}
    assert not {"pairing.json", "journal.json"} & names and not [n for n in names if n.endswith(".tmp")], names
    identity = vouch.Identity(home, "identity", (folder(home) / "keys" / "active-certificate.pem.crt").read_text(),
                              (folder(home) / "keys" / "active-private.pem.key").read_text())
    with mqtt.Client(server, identity) as client:
        client.connect(thing)
    return certificate


# ---- the whole way


def test_from_nothing_to_an_identity(server, tmp_path):
    with Agent(tmp_path, server.api) as agent:
        shown = agent.shown()
        seen = look(server, shown)
        assert (seen["serialNumber"], seen["model"], seen["state"]) == ("SN-7", "Lamp 9", "LOOKED_AT")
        assert seen["keyFingerprint"] == shown["keyFingerprint"] and shown["rootFingerprint"] == root_digest(server) and shown["rootGiven"] is False
        path = folder(tmp_path) / "keys" / "pairing.json"
        assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
        agent.wait_step("looked-at")
        begun = time.monotonic()
        approve(server, shown)
        agent.wait_step("done")
        took = time.monotonic() - begun
        print(f"approved to connected with the permanent certificate: {took * 1000:.0f} ms")
        assert agent.end() == 0, agent.text()
        assert took < 1
    assert agent.steps() == STEPS
    assert [(e["step"], e["of"]) for e in agent.events("step")] == [(i, 8) for i in range(1, 9)]
    certificate = assert_one_identity(server, tmp_path)
    assert spki(certificate.public_key()) == shown["keyFingerprint"]  # one key, which never left the device
    there = own.call(server, "GET", f"/_vouch/pairings/{shown['pairingId']}")
    assert there["state"] == "DONE" and there["thingName"] == "lamp-7" and all("date" in s for s in there["steps"])
    # Later starts need neither flags nor a person; with the flag they ask nobody either.
    for words in (["--pair", server.api], []):
        done = subprocess.run([AGENT, *words, "--once"], capture_output=True, text=True, timeout=60, env=dict(os.environ, HOME=str(tmp_path), LOCK_FILE_PATH=str(tmp_path)))
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(pairings(server)) == 1


def test_a_device_proposes_and_a_person_decides(server, tmp_path):
    with Agent(tmp_path, server.api, "--fleet-provisioning-template-parameters", json.dumps({"ThingName": "wish", "Line": "4 \"b\""})) as agent:
        shown = agent.shown()
        assert look(server, shown)["suggestedParameters"] == {"ThingName": "wish", "Line": "4 \"b\""}
        approve(server, shown, thing="decided")
        assert agent.end() == 0, agent.text()
    assert_one_identity(server, tmp_path, "decided")
    assert [t["thingName"] for t in server.boto().list_things()["things"]] == ["decided"]


def test_the_command_line_approves(server, tmp_path):
    with Agent(tmp_path, server.api, json_lines=False) as agent:
        eventually(lambda: re.search(r"Code +(\S{4}-\S{4})\n", agent.text()))
        code = re.search(r"Code +(\S{4}-\S{4})\n", agent.text()).group(1)
        server.vouch("pair", "approve", code, "--template", vouch.TEMPLATE, "--parameter", "ThingName=by-hand")
        assert agent.end() == 0, agent.text()
    assert [int(n) for n in re.findall(r"Step (\d) of 8: ", agent.text())] == list(range(1, 9)) or \
        [int(n) for n in re.findall(r"Step (\d) of 8: ", agent.text())] == [1, 3, 4, 5, 6, 7, 8]  # nobody had to look first
    assert_one_identity(server, tmp_path, "by-hand")


@pytest.mark.parametrize("key_type, curve", [("ec-p384", "secp384r1"), ("rsa-2048", None)])
def test_other_kinds_of_keys(server, tmp_path, key_type, curve):
    with Agent(tmp_path, server.api, "--key-type", key_type) as agent:
        approve(server, agent.shown())
        assert agent.end() == 0, agent.text()
    public = assert_one_identity(server, tmp_path).public_key()
    assert public.curve.name == curve if curve else public.key_size == 2048


def test_a_key_on_a_token(server, tmp_path, token):  # noqa: F811
    (tmp_path / "pin").write_text(PIN)
    (tmp_path / "pin").chmod(0o600)
    words = ["--device-key", "pkcs11:token=Lamp%20Keys;object=device", "--pkcs11-lib", MODULE, "--token-pin-file", str(tmp_path / "pin")]
    with Agent(tmp_path, server.api, *words) as agent:
        shown = agent.shown()
        assert kept(tmp_path)["key"].startswith("pkcs11:")
        agent.kill()
    with Agent(tmp_path, server.api, *words) as agent:
        assert agent.shown()["userCode"] == shown["userCode"]
        approve(server, shown)
        assert agent.end() == 0, agent.text()
    assert spki(certificate_in(tmp_path).public_key()) == shown["keyFingerprint"]
    assert objects("privkey").count("Private Key Object") == 1
    files = [p for p in folder(tmp_path).rglob("*") if p.is_file()]
    assert len(files) > 3 and not [p for p in files if b"PRIVATE KEY" in p.read_bytes()]


# ---- on a terminal


class Terminal:
    """A pseudo-terminal with an agent behind it."""

    def __init__(self, home, url, *words, columns=100, term="xterm-256color"):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
        self.process = subprocess.Popen([AGENT, "--pair", url, "--serial-number", "SN-7", "--model", "Lamp 9", "--once", *words], stdin=slave, stdout=slave, stderr=slave,
                                        env=dict(os.environ, HOME=str(home), LOCK_FILE_PATH=str(home), TERM=term))
        os.close(slave)
        self.bytes = b""

    def read_until(self, mark, timeout=15):
        deadline = time.monotonic() + timeout
        while mark not in self.bytes:
            assert time.monotonic() < deadline, self.bytes.decode(errors="replace")
            if select.select([self.master], [], [], 0.1)[0]:
                self.bytes += os.read(self.master, 65536)
        return self.bytes.decode().replace("\r\n", "\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def paint(text, paper, ink):
    """What a terminal of these two colours (0 dark, 255 light) shows of half blocks: rows of grey values."""
    rows, reset = [], (paper, ink)
    for line in text.splitlines():
        back, fore = reset
        upper, lower = [], []
        for escape, character in re.findall(r"\x1b\[([0-9;]*)m|(.)", line):
            if not character:
                codes = escape.split(";")
                back = 0 if "40" in codes else back
                fore = 255 if "37" in codes else fore
                back, fore = reset if codes == ["0"] else (back, fore)
                continue
            halves = HALVES.get(character, (0, 0))
            upper.append(fore if halves[0] else back)
            lower.append(fore if halves[1] else back)
        rows += [upper, lower]
    width = max(map(len, rows))
    return [row + [paper] * (width - len(row)) for row in rows]


def square(text):
    """The lines of the code alone."""
    return "\n".join(line for line in text.splitlines() if "█" in line)


@pytest.mark.parametrize("paper, ink", [(0, 255), (255, 0)])
def test_a_camera_reads_the_terminal(server, tmp_path, paper, ink):
    with Terminal(tmp_path, server.api) as terminal:
        text = terminal.read_until(b"Step 1 of 8")
    code = re.search(r"Code +(\S{4})-(\S{4})\n", text)
    there = pairings(server)[0]
    picture = photograph(paint(square(text), paper, ink), tmp_path / "terminal.pgm")
    want = f"{server.api}/install#c={code.group(1)}{code.group(2)}&k={there['keyFingerprint'][:16]}&r={root_digest(server)}"
    assert scan(picture).rstrip("\n") == want
    shown = re.sub(r"[\s]", "", text)
    assert there["keyFingerprint"] in shown and root_digest(server) in shown and "SN-7" in text and "Lamp 9" in text


def test_where_the_square_is_drawn(server, tmp_path):
    with Terminal(tmp_path, server.api, columns=40) as terminal:
        text = terminal.read_until(b"Step 1 of 8")
        assert "too narrow" in text and "█" not in text and "Code" in text
    with Terminal(tmp_path, server.api, "--qr", "never") as terminal:
        assert "█" not in terminal.read_until(b"Step 1 of 8")
    with Terminal(tmp_path, server.api, term="dumb") as terminal:
        text = terminal.read_until(b"Step 1 of 8")
        assert "\x1b" not in text
        uri = scan(photograph(paint(square(text), 0, 255), tmp_path / "dumb.pgm"))
    # Where no terminal is: words alone, or when asked for a square without escapes.
    with Agent(tmp_path, server.api, json_lines=False) as agent:
        eventually(lambda: "Step 1 of 8" in agent.text())
        assert "█" not in agent.text() and "\x1b" not in agent.text() and "/install\n" in agent.text()
    with Agent(tmp_path, server.api, "--qr", "always", json_lines=False) as agent:
        eventually(lambda: "Step 1 of 8" in agent.text())
        assert "\x1b" not in agent.text()
        assert scan(photograph(paint(square(agent.text()), 0, 255), tmp_path / "log.pgm")) == uri
    with Agent(tmp_path, server.api) as agent:
        assert agent.shown()["uri"] == uri.rstrip("\n")
    assert len(pairings(server)) == 1  # six starts, one code


def test_settings_that_make_no_sense(tmp_path):
    rows = [(["--pair", "http://localhost"], "https://"), (["--pair", "https://localhost/console"], "path"), (["--pair", "https://localhost#sha256=00"], "SHA-256"),
            (["--pair", "https://localhost", "--claim", "x"], "claim"), (["--pair", "https://localhost", "--qr", "often"], "--qr"),
            (["--pair", "https://localhost", "--serial-number", "a\nb"], "--serial-number"), (["--pair", "https://localhost", "--model", "x" * 129], "--model"),
            (["--pair", "https://localhost", "--serial-number", "a\u009b"], "--serial-number"), (["--pair", "https://localhost", "--model", "7\u202e"], "--model"),
            (["--pair", "https://localhost", "--key-type", "dsa"], "dsa"), (["--pair", "https://localhost", "--csr", "never"], "--csr"),
            (["--pair", "https://localhost", "--device-key", "/tmp/key.pem"], "--device-key"),
            (["--pair", "https://localhost", "--fleet-provisioning-template-parameters", '{"a": 1}'], "strings")]
    for words, named in rows:
        done = subprocess.run([AGENT, *words], capture_output=True, text=True, timeout=20, env=dict(os.environ, HOME=str(tmp_path), LOCK_FILE_PATH=str(tmp_path)))
        assert done.returncode == 1 and named in done.stderr and "next: " in done.stderr, (words, done.stderr)


# ---- whom the device trusts


def test_the_root_that_was_handed_over(server, tmp_path):
    words = {"digest": [f"{server.api}#sha256={root_digest(server)}"], "file": [server.api, "--root-ca", server.ca],
             "both": [f"{server.api}/#sha256=" + ":".join(re.findall("..", root_digest(server).upper())), "--root-ca", server.ca]}
    for name, given in words.items():
        home = tmp_path / name
        home.mkdir()
        with Agent(home, *given) as agent:
            shown = agent.shown()
            assert shown["rootGiven"] is True and shown["rootFingerprint"] == root_digest(server)
            approve(server, shown, thing=name)
            assert agent.end() == 0, agent.text()
        assert_one_identity(server, home, name)


def test_a_root_that_was_not(server, tmp_path):
    """Neither its key nor its name is told to a server whose root is another one."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=else",
                    "-days", "2", "-out", str(tmp_path / "else.pem")], check=True, capture_output=True)
    other = "ab" * 32
    for given, said in (([f"{server.api}#sha256={other}"], "not the one that was handed over"), ([server.api, "--root-ca", str(tmp_path / "else.pem")], "not trusted"),
                        ([f"{server.api}#sha256={other}", "--root-ca", server.ca], "not the one of --pair's digest"),
                        ([server.api, "--root-ca", str(tmp_path / "missing.pem")], "does not exist"),
                        ([server.api.replace("localhost", "127.0.0.2")], "refused|mismatch|lost")):
        with Agent(tmp_path, *given, "--retry-seconds", "0") as agent:
            assert agent.end() in (2, 3) and re.search(said, agent.text()), agent.text()
        assert not agent.events("pairing") and not agent.events("step")
    assert pairings(server) == [] and "op=StartPairing" not in server.log_text()


def test_a_server_that_shows_no_root(tmp_path):
    with FakePairing(tmp_path, shows_root=False) as fake:
        with Agent(tmp_path, fake.url, "--retry-seconds", "0") as agent:
            assert agent.end() == 3 and "not trusted" in agent.text() and fake.asked == []
        (tmp_path / "root.pem").write_text(fake.authority.pem())
        with Agent(tmp_path, fake.url, "--root-ca", str(tmp_path / "root.pem")) as agent:
            assert agent.shown()["rootFingerprint"] == fake.root_digest


def test_a_name_that_is_not_the_servers(tmp_path):
    with FakePairing(tmp_path, names=("elsewhere.example",)) as fake:
        for url in (fake.url, f"{fake.url}#sha256={fake.root_digest}"):
            with Agent(tmp_path, url, "--retry-seconds", "0") as agent:
                assert agent.end() == 3 and "hostname mismatch" in agent.text() and fake.asked == []


def test_a_clock_that_was_never_set(server, tmp_path):
    """In 1970 every certificate begins in the future, but this program is younger than that. One that is years ahead is the next action's first guess."""
    if sanitized():
        pytest.skip("faketime and the sanitizer both want to be first")
    url = server.api.replace("localhost", "127.0.0.1")
    with Agent(tmp_path, url, "--retry-seconds", "0", **at(2060)) as agent:
        assert agent.end() == 3 and "expired" in agent.text() and "this device's clock" in agent.text(), agent.text()
    with Agent(tmp_path, url, **at(1970)) as agent:
        approve(server, agent.shown())
        assert agent.end() == 0, agent.text()
    assert len(agent.events("clock")) == 2
    assert_one_identity(server, tmp_path)


def test_through_a_proxy(server, tmp_path):
    """Who carries the bytes sees host names alone: the questions, the claim's connection and the device's."""
    with Proxy() as proxy:
        with Agent(tmp_path, server.api, HTTPS_PROXY=f"http://localhost:{proxy.port}") as agent:
            approve(server, agent.shown())
            assert agent.end() == 0, agent.text()
        asked = [r.split()[1] for r in proxy.requests]
        assert asked[0] == server.api.split("//")[1] and len(asked) == 3, asked
        assert set(asked[1:]) <= {f"localhost:{server.mqtt_port}", f"localhost:{server.edge_port}"}
        assert kept(tmp_path) is None
    (tmp_path / "direct").mkdir()
    with Agent(tmp_path / "direct", server.api, HTTPS_PROXY="http://localhost:1", NO_PROXY="localhost") as agent:
        assert agent.shown()


# ---- how it may end


def test_somebody_says_no(server, tmp_path):
    with Agent(tmp_path, server.api) as agent:
        shown = agent.shown()
        deny(server, shown)
        assert agent.end() == 5 and "denied" in agent.text()
    assert kept(tmp_path) is None and not (folder(tmp_path) / "aws-iot-device-client-runtime.conf").exists()
    with Agent(tmp_path, server.api) as agent:
        assert agent.shown()["userCode"] != shown["userCode"]


def test_nobody_comes(tmp_path):
    with vouch.Server("--test-clock") as server:
        with Agent(tmp_path, server.api) as agent:
            shown = agent.shown()
            server.advance_clock(601)
            assert agent.end() == 4 and "expired" in agent.text(), agent.text()
        assert agent.events("failed")[0]["cause"] == "expired" and agent.events("failed")[0]["next"]
        assert kept(tmp_path) is None
        # A code that expired while the device was off is not shown for long: the next one follows by itself.
        with Agent(tmp_path, server.api) as agent:
            second = agent.shown()
            agent.kill()
        assert second["userCode"] != shown["userCode"]
        server.advance_clock(601)
        with Agent(tmp_path, server.api) as agent:
            eventually(lambda: len(agent.events("pairing")) == 2)
            codes = [e["userCode"] for e in agent.events("pairing")]
            assert codes[0] == second["userCode"] != codes[1]
            assert agent.events("pairing")[1]["keyFingerprint"] == second["keyFingerprint"]


def test_asked_to_stop(server, tmp_path):
    """At once, though the question is open; in order; and the next start goes on."""
    with Agent(tmp_path, server.api) as agent:
        shown = agent.shown()
        time.sleep(0.3)
        begun = time.monotonic()
        agent.process.send_signal(signal.SIGTERM)
        assert agent.end(5) == 0 and time.monotonic() - begun < 2, agent.text()
    with Agent(tmp_path, server.api) as agent:
        again = agent.shown()
        assert (again["userCode"], again["uri"]) == (shown["userCode"], shown["uri"]) and again["expiresIn"] <= shown["expiresIn"]
        approve(server, shown)
        assert agent.end() == 0, agent.text()
    assert len(pairings(server)) == 1


def test_the_server_starts_again_in_the_middle(tmp_path):
    with vouch.Server() as server:
        server.prepare_workshop()
        port = server.api.rsplit(":", 1)[1]
        with Agent(tmp_path, server.api) as agent:
            shown = agent.shown()
            server.stop()
            eventually(lambda: agent.events("retry"))
            server.flags += ["--api", f"127.0.0.1:{port}"]
            server.start()
            look(server, shown)
            agent.wait_step("looked-at", 40)
            server.kill()
            server.start()
            approve(server, shown)
            assert agent.end() == 0, agent.text()
        assert agent.steps() == STEPS
        assert_one_identity(server, tmp_path)
        assert len(pairings(server)) == 1


@pytest.mark.parametrize("point", ["claim.saved 1", "store.committed 3", "store.committed 5", "store.committing 6"])
def test_the_server_dies_as_it_writes(tmp_path, point):
    """Of the person's answer or the device's none may be lost, and none counts twice; whoever repeats the approval is told that it was made."""
    server = vouch.Server(env={"VOUCH_FAULT_FILE": "/nonexistent"})
    order = server.data / "run" / "fault"  # where the jailed process may read
    server.env["VOUCH_FAULT_FILE"] = str(order)
    with server:
        server.prepare_workshop()
        with Agent(tmp_path, server.api, "--retry-seconds", "60") as agent:
            shown = agent.shown()
            order.write_text(point + "\n")
            try:
                approve(server, shown)
                approved = True
            except OSError:
                approved = False
            server.process.wait(20)
            order.unlink()
            server.kill()
            server.flags += ["--api", "127.0.0.1:" + server.api.rsplit(":", 1)[1], "--mqtt", f"127.0.0.1:{server.mqtt_port}"]
            server.start()
            try:
                approve(server, shown)
                assert not approved
            except own.Refused as why:
                assert why.status == 409
            assert agent.end() == 0, agent.text()
        assert_one_identity(server, tmp_path)
        eventually(lambda: [p["state"] for p in pairings(server)] == ["DONE"])
        assert [len(own.ledger(server, event=e)) for e in ("pairing-approved", "claim-created", "thing-registered", "pairing-done")] == [1] * 4


# ---- power cuts

BEFORE = ["agent.pair-key", "agent.pair-begun", "agent.pair-saved"]
BEHIND = ["agent.pair-approved", "agent.pair-claim", "agent.connected", "agent.created", "agent.journal", "agent.files", "agent.register", "agent.registered",
          "agent.active-certificate", "agent.active-key", "agent.runtime", "agent.done"]


@pytest.mark.parametrize("point", BEFORE)
def test_power_cut_before_the_code_is_seen(server, tmp_path, point):
    fault = tmp_path / "fault"
    fault.write_text(point + " 1\n")
    with Agent(tmp_path, server.api, VOUCH_FAULT_FILE=str(fault)) as agent:
        assert agent.end() == -signal.SIGKILL and not agent.events("pairing")
    key = kept(tmp_path)["key"]
    with Agent(tmp_path, server.api) as agent:
        shown = agent.shown()
        assert kept(tmp_path)["key"] == key  # what was made stays the device's key
        approve(server, shown)
        assert agent.end() == 0, agent.text()
    assert_one_identity(server, tmp_path)
    assert len(pairings(server)) == (2 if point == "agent.pair-begun" else 1)


@pytest.mark.parametrize("point", BEHIND)
def test_power_cut_behind_the_approval(server, tmp_path, point):
    """Wherever it stops, the next start goes on with the same pairing, and one identity comes of it."""
    fault = tmp_path / "fault"
    with Agent(tmp_path, server.api, VOUCH_FAULT_FILE=str(fault)) as agent:
        shown = agent.shown()
        fault.write_text(point + " 1\n")
        approve(server, shown)
        assert agent.end() == -signal.SIGKILL, agent.text()
    with Agent(tmp_path, server.api) as agent:
        assert agent.end() == 0, agent.text()
    assert_one_identity(server, tmp_path)
    assert [p["pairingId"] for p in pairings(server)] == [shown["pairingId"]]


@pytest.mark.parametrize("last", ["nothing", "key", "codes"])
def test_a_disk_that_is_full(server, tmp_path, last):
    """Files may not grow past a size, that of the last one that is written: status 6 and a next action; with room again it goes on."""

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    path = folder(tmp_path) / "keys" / "pairing.json"
    with Agent(tmp_path, server.api) as whole:  # how large they are, from a run without a limit
        whole.shown()
        limit = {"nothing": 0, "key": path.stat().st_size - 200, "codes": path.stat().st_size + 200}[last]
    path.unlink()
    reader, writer = os.pipe()
    process = subprocess.Popen([AGENT, "--pair", server.api, "--serial-number", "SN-7", "--model", "Lamp 9", "--once", "--json"], stdout=writer, stderr=writer,
                               preexec_fn=small_files, env=dict(os.environ, HOME=str(tmp_path)))
    os.close(writer)
    said, approved = b"", False
    while chunk := os.read(reader, 65536):
        said += chunk
        shown = re.search(rb'"event":"pairing".*?"pairingId":"([^"]*)".*?"keyFingerprint":"([^"]*)"', said)
        if shown and not approved and last == "codes":
            approved = approve(server, {"pairingId": shown.group(1).decode(), "keyFingerprint": shown.group(2).decode()})
    os.close(reader)
    assert process.wait(30) == 6, said.decode()
    failed = json.loads([line for line in said.decode().splitlines() if '"event":"failed"' in line][0])
    assert failed["cause"] == "local" and "full" in failed["next"]
    assert (b'"event":"pairing"' in said) == (last == "codes")
    assert not [p for p in folder(tmp_path).rglob("*.tmp")]
    with Agent(tmp_path, server.api) as agent:
        if last != "codes":
            approve(server, agent.shown())
        assert agent.end() == 0, agent.text()
    assert_one_identity(server, tmp_path)


def test_one_folder_is_one_devices(server, tmp_path):
    with Agent(tmp_path, server.api) as agent:
        shown = agent.shown()
        with Agent(tmp_path, server.api) as second:
            assert second.end() == 1 and "Another agent" in second.text() and not second.events("pairing")
        approve(server, shown)
        assert agent.end() == 0, agent.text()
    assert_one_identity(server, tmp_path)


def test_modes_of_what_is_kept(server, tmp_path):
    with Agent(tmp_path, server.api) as agent:
        shown = agent.shown()
        agent.kill()
    path = folder(tmp_path) / "keys" / "pairing.json"
    path.chmod(0o644)
    with Agent(tmp_path, server.api) as agent:
        assert agent.shown()["userCode"] == shown["userCode"]
        assert path.stat().st_mode & 0o777 == 0o600 and agent.events("modes")
        agent.kill()
    path.parent.chmod(0o777)
    with Agent(tmp_path, server.api) as agent:
        assert agent.end() == 2 and "others may write" in agent.text() and "chmod 700" in agent.text()
    path.parent.chmod(0o700)
    # Other flags are another pairing; a file that was tampered with is none.
    with Agent(tmp_path, server.api, "--key-type", "ec-p384") as agent:
        other = agent.shown()
        assert other["keyFingerprint"] != shown["keyFingerprint"]
        agent.kill()
    path.write_text(path.read_text().replace("BEGIN CERTIFICATE REQUEST", "BEGIN SOMETHING"))
    with Agent(tmp_path, server.api, "--key-type", "ec-p384") as agent:
        assert agent.shown()["userCode"] not in (shown["userCode"], other["userCode"])


# ---- servers that lie


def assert_no_identity(home):
    keys = folder(home) / "keys"
    assert not [p.name for p in keys.iterdir() if p.name.endswith((".crt", ".key"))] and not (folder(home) / "aws-iot-device-client-runtime.conf").exists()


def test_another_root_in_the_claim(fake, tmp_path):
    """Who answers has another root than whom TLS found: refused, and nobody is connected to."""
    other = FakePairing(tmp_path)
    fake.poll = lambda f, body: f.approved(rootCaPem=other.authority.pem())
    for lie in ({"rootCaPem": other.authority.pem()}, {"rootCaPem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}):
        fake.poll = lambda f, body, lie=lie: f.approved(**lie)
        before = fake.connections
        with Agent(tmp_path, fake.url) as agent:
            assert agent.end() == 2 and "TLS found" in agent.text(), agent.text()
        assert fake.connections == before + 1 and kept(tmp_path) is None
        assert "claim-taken" not in agent.steps()
        assert_no_identity(tmp_path)
    fake.start = lambda f, body: f.codes(serverFingerprint=other.root_digest)
    with Agent(tmp_path, fake.url) as agent:
        assert agent.end() == 2 and "Somebody may stand between" in agent.text()
    assert not agent.events("pairing")  # no code is shown for such a server
    other.listener.close()


def test_another_page_in_the_answer(fake, tmp_path):
    """Who stands between leads nobody to a page of theirs, and puts nothing in front of the key and the root that the device saw."""
    smuggled = f"&k={'1' * 16}&r={'2' * 64}"
    for i, lie in enumerate(({"verificationUri": "https://evil.example/install", "verificationUriComplete": "https://evil.example/install#c=BCDFGHJK"},
                             {"verificationUriComplete": f"{fake.url}/install#c=3456-7896" + smuggled}, {"verificationUri": "https://user@evil.example:1/"},
                             {"verificationUriComplete": fake.url + "/install?x=1#y=2"})):
        fake.start = lambda f, body, lie=lie: f.codes(**lie)
        (home := tmp_path / str(i)).mkdir()
        with Agent(home, fake.url) as agent:
            shown = agent.shown()
            agent.kill()
        with Agent(home, fake.url) as agent:
            assert agent.shown() == dict(shown, time=agent.shown()["time"], expiresIn=agent.shown()["expiresIn"])
        assert shown["verificationUri"] == fake.url + "/install"
        assert shown["uri"] == f"{fake.url}/install#c=BCDFGHJK&k={shown['keyFingerprint'][:16]}&r={fake.root_digest}"
        assert "evil" not in agent.text() and smuggled not in agent.text()


def test_a_claim_for_another_key(fake, tmp_path):
    stranger = ec.generate_private_key(ec.SECP256R1()).public_key()
    for lie, said in (({"key": stranger}, "another key"), ({"certificatePem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "cannot be read")):
        fake.poll = lambda f, body, lie=lie: f.approved(**lie)
        before = fake.connections
        with Agent(tmp_path, fake.url) as agent:
            assert agent.end() == 5 and said in agent.text(), agent.text()
        assert fake.connections == before + 1 and kept(tmp_path) is None
        assert_no_identity(tmp_path)


def test_a_claim_that_is_over(fake, tmp_path):
    fake.poll = lambda f, body: f.approved(life=-10)
    with Agent(tmp_path, fake.url) as agent:
        assert agent.end() == 4 and "expired" in agent.text(), agent.text()
    assert kept(tmp_path) is None
    fake.poll = lambda f, body: {"state": "DONE", "interval": 1}
    with Agent(tmp_path, fake.url) as agent:
        assert agent.end() == 4 and "used or over" in agent.text()


def test_words_for_a_terminal(fake, tmp_path):
    """What a terminal would obey is not shown, wherever it stands."""
    for lie in ({"userCode": "\x1b[2JBCDF"}, {"verificationUri": "https://h/\x1b]0;x\x07"}, {"verificationUriComplete": "https://h/#c=`reboot`"},
                {"verificationUri": "javascript:alert(1)"}):
        fake.start = lambda f, body, lie=lie: f.codes(**lie)
        with Agent(tmp_path, fake.url, "--retry-seconds", "0", json_lines=False) as agent:
            assert agent.end() == 3 and "\x1b" not in agent.text() and "reboot" not in agent.text(), agent.text()
    fake.start = lambda f, body: Refusal(400, "\x1b[2Jgone")
    with Agent(tmp_path, fake.url, "--retry-seconds", "0", json_lines=False) as agent:
        assert agent.end() == 5 and "\x1b" not in agent.text() and "400" in agent.text()
    fake.start = lambda f, body: f.codes()
    for sign in ("\x1b", "\x9b", "\u202e", "\u200b"):
        fake.poll = lambda f, body, sign=sign: {"state": "DENIED", "interval": 1, "message": sign + "[2Jgone"}
        with Agent(tmp_path, fake.url, json_lines=False) as agent:
            assert agent.end() == 5 and sign not in agent.text() and "gone" not in agent.text() and "denied" in agent.text()


GARBAGE = [b"", b"{", b"[]", b"<html>", b'{"state": "WAITING"' + b" " * 200000, b"[" * 100000, b'{"a":' * 5000, b"\xff\xfe", b'"' + b"x" * 60000, Raw(b"SSH-2.0-x\r\n"), Raw(b""),
           Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
           Raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100000), Raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
           Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"z" * 1024 + b"\r\n" + b"400\r\n" * 9),
           Raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"w" * 5000000), Raw(b"HTTP/1.1 301 Away\r\nLocation: https://elsewhere/\r\nContent-Length: 0\r\n\r\n")]


def test_answers_that_are_none_at_the_start(fake, tmp_path):
    for lie in GARBAGE:
        fake.start = lambda f, body, lie=lie: lie
        with Agent(tmp_path, fake.url, "--retry-seconds", "0") as agent:
            begun = time.monotonic()
            assert agent.end(20) == (5 if b" 301 " in lie else 3), (lie[:60], agent.text())
            assert time.monotonic() - begun < 5 and not agent.events("pairing")
    assert "poll" not in fake.paths()


def test_answers_that_are_none_while_waiting(fake, tmp_path):
    """Each is a failed question and no more: the next good answer counts. Memory does not follow what is sent."""
    wrong = [lie for lie in GARBAGE if b" 301 " not in lie]
    fake.poll = lambda f, body: wrong[len(f.asked) % len(wrong)]
    with Agent(tmp_path, fake.url) as agent:
        agent.shown()
        eventually(lambda: len(agent.events("retry")) >= 2, 30)
        peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{agent.process.pid}/status").read_text()).group(1))
        fake.poll = lambda f, body: {"state": "DENIED", "interval": 1}
        assert agent.end() == 5 and "denied" in agent.text()
    assert sanitized() or peak < 20 << 10, peak


def test_an_answer_that_drips(fake, tmp_path):
    fake.drip = 0.5
    with Agent(tmp_path, fake.url) as agent:
        eventually(lambda: fake.asked)
        time.sleep(0.5)
        agent.process.send_signal(signal.SIGTERM)
        assert agent.end(5) == 0 and not agent.events("pairing")


def test_the_pace(fake, tmp_path):
    """The interval of the server; longer by five seconds when it says so (RFC 8628 3.5); as long as Retry-After at the start."""
    fake.start = lambda f, body: Refusal(429, "Later.", Retry_After=2) if len(f.asked) == 1 else f.codes()
    answers = iter([{"state": "WAITING", "interval": 1}, {"state": "WAITING", "interval": 1}, Refusal(429, "Slow down."), {"state": "WAITING", "interval": 6},
                    {"state": "DENIED", "interval": 6}])
    fake.poll = lambda f, body: next(answers)
    with Agent(tmp_path, fake.url) as agent:
        assert agent.end() == 5, agent.text()
    assert fake.paths() == ["pairings"] * 2 + ["poll"] * 5
    times = [when for _, _, when in fake.asked]
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert gaps[0] >= 2 and gaps[1] < 1
    for gap, least in zip(gaps[2:], (1, 1, 6, 6)):
        assert least - 0.05 <= gap < least + 3, gaps
    assert {body["deviceCode"] for path, body, _ in fake.asked if path.endswith("poll")} == {"abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE"}


def test_what_the_server_is_told(fake, tmp_path):
    """The request, the names, and nothing else: no path, no secret."""
    with Agent(tmp_path, fake.url) as agent:
        shown = agent.shown()
        agent.kill()
    path, body, _ = fake.asked[0]
    assert path == "/_vouch/pairings" and set(body) == {"certificateSigningRequest", "serialNumber", "model"}
    request = x509.load_pem_x509_csr(body["certificateSigningRequest"].encode())
    assert request.is_signature_valid and spki(request.public_key()) == shown["keyFingerprint"]


def test_a_code_that_the_server_forgot(fake, tmp_path):
    """Told while it waits, it is the end; told to one that has started again, there is a new code at once."""
    fake.poll = lambda f, body: Refusal(404, "Unknown.")
    with Agent(tmp_path, fake.url) as agent:
        assert agent.end() == 4 and "does not know" in agent.text()
    fake.poll = lambda f, body: {"state": "WAITING", "interval": 1}
    with Agent(tmp_path, fake.url) as agent:
        key = agent.shown()["keyFingerprint"]
        agent.kill()
    fake.poll = lambda f, body: Refusal(404, "Unknown.") if f.paths().count("pairings") == 2 else {"state": "DENIED", "interval": 1}
    with Agent(tmp_path, fake.url) as agent:
        assert agent.end() == 5, agent.text()
        assert [e["keyFingerprint"] for e in agent.events("pairing")] == [key, key]
