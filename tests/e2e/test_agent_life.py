"""What vouch-agent does once it has an identity: events, heartbeats, renewal by verify-then-swap, revocation, the service manager."""
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import time

import pytest

import fake_aws_iot
import mqtt
import own
import vouch
from test_agent import ready_device, state
from test_claims import ARN, eventually, status
from test_traps import agent, agent_words
from test_workshop import provision

POINTS = ["renew.made", "renew.saved", "renew.filed", "renew.registered", "renew.proved", "renew.swapped", "renew.copied"]


MAY_RENEW = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["iot:Connect", "iot:Receive"], "Resource": "*"},
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": [
        ARN + "topic/$aws/certificates/create-from-csr/json", ARN + f"topic/$aws/provisioning-templates/{vouch.TEMPLATE}/provision/json"]},
    {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": [
        ARN + "topicfilter/$aws/certificates/create-from-csr/json/*",
        ARN + f"topicfilter/$aws/provisioning-templates/{vouch.TEMPLATE}/provision/json/*"]}]}


@pytest.fixture(scope="module")
def renewing(server):
    """A server whose devices may renew their certificates."""
    server.boto().create_policy(policyName="MayRenew", policyDocument=json.dumps(MAY_RENEW))
    own.call(server, "PUT", f"/_vouch/templates/{vouch.TEMPLATE}/settings", {"rotation": True})
    return server


class Running:
    """An agent that stays, with its JSON lines."""

    def __init__(self, home, words, **env):
        self.log = open(home / "agent.log", "ab")
        self.path = home / "agent.log"
        self.process = subprocess.Popen([str(vouch.BUILD / "vouch-agent"), "--json", *words], stdout=self.log, stderr=self.log,
                                        env=dict(os.environ, HOME=str(home), LOCK_FILE_PATH=str(home), **env))

    def lines(self):
        return [json.loads(line) for line in self.path.read_text().splitlines() if line.startswith("{")]

    def count(self, event):
        return len([line for line in self.lines() if line["event"] == event])

    def wait(self, event, times=1, timeout=15):
        eventually(lambda: self.count(event) >= times or self.process.poll() is not None, timeout)
        assert self.count(event) >= times, self.path.read_text()[-3000:]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.code = self.process.wait(20)
        self.log.close()


def runtime(home):
    return json.loads((state(home) / "aws-iot-device-client-runtime.conf").read_text())["runtime-config"]


def certificate_id(home):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    return x509.load_pem_x509_certificate(pathlib.Path(runtime(home)["cert"]).read_bytes()).fingerprint(hashes.SHA256()).hex()


def provisioned(server, home, thing, *more):
    """The flags of its later starts, after it has been provisioned; it may renew."""
    _, certificate, key = ready_device(home, server)
    words = agent_words(server, home, certificate, key, thing)
    done = agent(server, *words, "--csr", "auto", *more, home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    server.boto().attach_policy(policyName="MayRenew", target=f"{ARN}cert/{certificate_id(home)}")
    return [w for w in words if w != "--once"]


def in_force(server, thing):
    iot = server.boto()
    ids = [p.rsplit("/", 1)[1] for p in iot.list_thing_principals(thingName=thing)["principals"]]
    return [i for i in ids if status(iot, {"certificateId": i}) == "ACTIVE"]


def hook(home, text):
    path = home / "on-event"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o700)
    return str(path)


def lives(pid):
    """A process that has ended and that nobody has asked for does not live."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


# ---- renewal


def test_renewed_on_demand(renewing, tmp_path):
    words = provisioned(renewing, tmp_path, "renewable")
    old = certificate_id(tmp_path)
    with Running(tmp_path, words) as running:
        running.wait("ready")
        running.process.send_signal(signal.SIGUSR1)
        running.wait("rotated")
        running.wait("ready", 2)
        new = certificate_id(tmp_path)
        assert new != old
        eventually(lambda: in_force(renewing, "renewable") == [new])
        # And once more, from the renewed one.
        running.process.send_signal(signal.SIGUSR1)
        running.wait("rotated", 2)
        eventually(lambda: in_force(renewing, "renewable") == [certificate_id(tmp_path)])
    assert running.code == 0
    last = certificate_id(tmp_path)
    assert sorted(p.name for p in (state(tmp_path) / "keys").iterdir()) == sorted(
        [f"{last}-certificate.pem.crt", f"{last}-private.pem.key", "active-certificate.pem.crt", "active-private.pem.key"])
    for name in ("certificate.pem.crt", "private.pem.key"):
        assert (state(tmp_path) / "keys" / f"active-{name}").read_text() == (state(tmp_path) / "keys" / f"{last}-{name}").read_text()
    assert all(p.stat().st_mode & 0o077 == 0 for p in (state(tmp_path) / "keys").glob("*.key"))
    assert runtime(tmp_path)["thing-name"] == "renewable" and runtime(tmp_path)["template-name"] == vouch.TEMPLATE


def test_renew_now_and_end(renewing, tmp_path):
    words = provisioned(renewing, tmp_path, "prompt")
    old = certificate_id(tmp_path)
    done = agent(renewing, *words, "--once", "--renew-now", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert in_force(renewing, "prompt") == [certificate_id(tmp_path)] != [old]


@pytest.mark.parametrize("point", POINTS)
def test_killed_while_renewing(renewing, tmp_path, point):
    """The process dies at each step; the next start connects, and one certificate is in force."""
    thing = point.replace(".", "-")
    words = provisioned(renewing, tmp_path, thing)
    old = certificate_id(tmp_path)
    (tmp_path / "fault").write_text(f"{point} 1")
    with Running(tmp_path, [*words, "--renew-now"], VOUCH_FAULT_FILE=str(tmp_path / "fault")) as running:
        running.process.wait(20)
    assert running.code == -signal.SIGKILL, (tmp_path / "agent.log").read_text()[-2000:]
    done = agent(renewing, *words, "--once", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    new = certificate_id(tmp_path)
    eventually(lambda: in_force(renewing, thing) == [new])
    assert (new == old) == (point in POINTS[:1]), done.stdout
    assert not (state(tmp_path) / "keys" / "journal.json").exists()
    assert agent(renewing, *words, "--once", "--renew-now", home=tmp_path).returncode == 0
    assert certificate_id(tmp_path) != new


def test_refused_renewal_keeps_the_identity(renewing, tmp_path):
    """Without the policy the renewing closes the connection; the agent stays with what it has, and says so."""
    words = provisioned(renewing, tmp_path, "content")
    renewing.boto().detach_policy(policyName="MayRenew", target=f"{ARN}cert/{certificate_id(tmp_path)}")
    old = certificate_id(tmp_path)
    program = hook(tmp_path, 'echo "$VOUCH_EVENT" >> "$VOUCH_STATE_DIR/events"\n')
    with Running(tmp_path, [*words, "--renew-now", "--on-event", program]) as running:
        running.wait("renewal")
        running.wait("ready", 2)
    assert running.code == 0 and certificate_id(tmp_path) == old and in_force(renewing, "content") == [old]
    assert (state(tmp_path) / "events").read_text().split() == ["connected", "refused", "connected"]


def test_renewed_at_two_thirds_of_its_life(tmp_path):
    """Certificates that began two minutes ago and live another 64 s: two thirds are over in some seconds."""
    with fake_aws_iot.FakeAws(tmp_path) as server:
        server.script["life"] = [64, 10 ** 8]
        certificate, key, root = server.claim(str(tmp_path / "claim"))
        words = ["--endpoint", "localhost", "--port", str(server.port), "--root-ca", root, "--enable-fleet-provisioning", "true", "--cert", certificate,
                 "--key", key, "--fleet-provisioning-template-name", "T", "--fleet-provisioning-template-parameters", '{"ThingName": "brief"}']
        with Running(tmp_path, words) as running:
            running.wait("rotated", timeout=20)
            ready = [line["time"] for line in running.lines() if line["event"] == "ready"][0]
            asked = [line["time"] for line in running.lines() if line["event"] == "renewing"][0]
        assert running.code == 0 and running.count("rotated") == 1 and ready <= asked
        assert len(server.things["brief"]) == 2 and certificate_id(tmp_path) == server.things["brief"][1]


# ---- events


def test_events_reach_a_program(renewing, tmp_path):
    _, certificate, key = ready_device(tmp_path, renewing)
    program = hook(tmp_path, 'env | sort > "$VOUCH_STATE_DIR/env-$1"; echo "$1" >> "$VOUCH_STATE_DIR/events"\nls /proc/self/fd | wc -l > "$VOUCH_STATE_DIR/fds"\n')
    words = [w for w in agent_words(renewing, tmp_path, certificate, key, "eventful") if w != "--once"]
    with Running(tmp_path, [*words, "--csr", "auto", "--on-event", program], SECRET_OF_MINE="x", VOUCH_TOKEN_PIN="1234") as running:
        running.wait("ready")
        eventually(lambda: (state(tmp_path) / "events").exists() and "connected" in (state(tmp_path) / "events").read_text())
        old = certificate_id(tmp_path)
        renewing.boto().attach_policy(policyName="MayRenew", target=f"{ARN}cert/{old}")
        running.process.send_signal(signal.SIGUSR1)
        running.wait("rotated")
    assert (state(tmp_path) / "events").read_text().split() == ["provisioned", "connected", "rotated", "connected"]
    env = dict(line.split("=", 1) for line in (state(tmp_path) / "env-rotated").read_text().splitlines())
    assert set(env) - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "HOME", "VOUCH_EVENT", "VOUCH_THING_NAME", "VOUCH_CERTIFICATE_ID", "VOUCH_CERTIFICATE",
                                                         "VOUCH_STATE_DIR", "VOUCH_MESSAGE"}
    assert env["VOUCH_THING_NAME"] == "eventful" and env["VOUCH_CERTIFICATE_ID"] == certificate_id(tmp_path) != old
    assert env["VOUCH_CERTIFICATE"] == runtime(tmp_path)["cert"]
    assert int((state(tmp_path) / "fds").read_text()) <= 4  # 0, 1, 2 and that of the folder it lists


def test_a_program_that_hangs_is_ended_and_holds_nothing_up(renewing, tmp_path):
    words = provisioned(renewing, tmp_path, "patient-one")
    program = hook(tmp_path, 'sleep 600 & echo $! > "$VOUCH_STATE_DIR/child"; wait\n')
    with Running(tmp_path, [*words, "--on-event", program, "--event-seconds", "1"]) as running:
        running.wait("hook", 2)
        running.process.send_signal(signal.SIGUSR1)
        running.wait("rotated")
    child = int((state(tmp_path) / "child").read_text())
    eventually(lambda: not lives(child))
    texts = [line["message"] for line in running.lines() if line["event"] == "hook"]
    assert any("took longer than 1000 ms" in t for t in texts) and any("ended by signal 9" in t for t in texts)


def test_programs_that_others_may_change_are_not_run(renewing, tmp_path):
    words = provisioned(renewing, tmp_path, "careful")
    program = hook(tmp_path, "true\n")
    os.chmod(program, 0o777)
    for bad in (program, "on-event", "/nonexistent", str(tmp_path)):
        assert agent(renewing, *words, "--once", "--on-event", bad, home=tmp_path).returncode == 1
    os.chmod(program, 0o755)
    assert agent(renewing, *words, "--once", "--on-event", program, home=tmp_path).returncode == 0


def test_refused_provisioning_is_an_event(renewing, tmp_path):
    _, certificate, key = ready_device(tmp_path, renewing)
    words = agent_words(renewing, tmp_path, certificate, key, "unwanted")
    words[words.index("--fleet-provisioning-template-parameters") + 1] = "{}"
    program = hook(tmp_path, 'echo "$VOUCH_EVENT $VOUCH_MESSAGE" > "$VOUCH_STATE_DIR/said"\n')
    assert agent(renewing, *words, "--on-event", program, home=tmp_path).returncode == 5
    assert re.match("refused .*Cannot resolve reference value: ThingName", (state(tmp_path) / "said").read_text())


# ---- revocation


@pytest.mark.parametrize("new_status", ["REVOKED", "INACTIVE"])
def test_revoked_while_connected(renewing, tmp_path, new_status):
    words = provisioned(renewing, tmp_path, "outcast-" + new_status.lower())
    program = hook(tmp_path, 'echo "$VOUCH_EVENT" >> "$VOUCH_STATE_DIR/events"\n')
    with Running(tmp_path, [*words, "--on-event", program]) as running:
        running.wait("ready")
        renewing.boto().update_certificate(certificateId=certificate_id(tmp_path), newStatus=new_status)
        running.process.wait(30)
    assert running.code == 7, running.path.read_text()[-2000:]
    failed = running.lines()[-1]
    assert failed["event"] == "failed" and failed["cause"] == "revoked" and failed["exit"] == 7 and failed["next"]
    assert (state(tmp_path) / "events").read_text().split()[-1] == "revoked"
    # Nothing was thrown away: activated again, it is back.
    if new_status == "INACTIVE":
        renewing.boto().update_certificate(certificateId=certificate_id(tmp_path), newStatus="ACTIVE")
        assert agent(renewing, *words, "--once", home=tmp_path).returncode == 0


def test_stays_when_revoked_if_asked_to(renewing, tmp_path):
    words = provisioned(renewing, tmp_path, "hopeful")
    program = hook(tmp_path, 'echo "$VOUCH_EVENT" >> "$VOUCH_STATE_DIR/events"\n')
    renewing.boto().update_certificate(certificateId=certificate_id(tmp_path), newStatus="REVOKED")
    with Running(tmp_path, [*words, "--stay-when-revoked", "--on-event", program]) as running:
        eventually(lambda: (state(tmp_path) / "events").exists(), 20)
        eventually(lambda: any(int(re.search(r"again in (\d+) ms", line["message"]).group(1)) >= 1800000
                               for line in running.lines() if line["event"] == "retry"))
        assert running.process.poll() is None
    assert running.code == 0 and (state(tmp_path) / "events").read_text().split() == ["revoked"]


# ---- what it says and writes


def test_heartbeats_are_heard_and_files_that_change_are_published(renewing, tmp_path):
    iot = renewing.boto()
    words = provisioned(renewing, tmp_path, "beating")
    listener = provision(renewing, renewing.claim(iot), "ear")
    iot.create_policy(policyName="all-ears", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}))
    for one in (listener.id, certificate_id(tmp_path)):
        iot.attach_policy(policyName="all-ears", target=f"{ARN}cert/{one}")
    (tmp_path / "out").mkdir(mode=0o745)
    payload = tmp_path / "out" / "file"
    payload.write_text("first")
    payload.chmod(0o600)
    config = tmp_path / "agent.conf"
    config.write_text(json.dumps({"samples": {"pub-sub": {"enabled": True, "publish-topic": "beating/file", "publish-file": str(payload),
                                                          "subscribe-topic": "beating/in", "subscribe-file": str(tmp_path / "out" / "in"), "publish-on-change": True}}}))
    config.chmod(0o600)
    with mqtt.Client(renewing, listener) as ear:
        ear.connect("ear")
        ear.subscribe("beating/beat")
        ear.subscribe("beating/file")
        with Running(tmp_path, [*words, "--heartbeat-topic", "beating/beat", "--heartbeat-seconds", "1", "--config-file", str(config)]) as running:
            heard = [ear.message() for _ in range(3)]
            payload.write_text("second")
            while ("beating/file", b"second") not in heard:
                heard.append(ear.message())
                assert len(heard) < 20, heard
            ear.send(mqtt.publish("beating/in", b"down", 1))
            eventually(lambda: (tmp_path / "out" / "in").exists())
        assert (tmp_path / "out" / "in").read_text() == "down" and (tmp_path / "out" / "in").stat().st_mode & 0o777 == 0o600
    beats = [json.loads(p) for t, p in heard if t == "beating/beat"]
    assert len(beats) >= 2 and beats[0]["thingName"] == "beating" and beats[0]["certificateId"] == certificate_id(tmp_path)
    assert beats[0]["certificateNotAfter"] > beats[0]["time"] and beats[-1]["uptimeSeconds"] >= beats[0]["uptimeSeconds"]
    assert ("beating/file", b"first") in heard and running.code == 0


def test_device_configuration_for_other_programs(tmp_path):
    with fake_aws_iot.FakeAws(tmp_path) as server:
        server.script["configuration"] = {"Fallback": "https://example.com", "Quote": "a\"b"}
        certificate, key, root = server.claim(str(tmp_path / "claim"))
        out = tmp_path / "etc" / "device.json"
        out.parent.mkdir()
        words = ["--endpoint", "localhost", "--port", str(server.port), "--root-ca", root, "--enable-fleet-provisioning", "true", "--cert", certificate, "--key", key,
                 "--fleet-provisioning-template-name", "T", "--fleet-provisioning-template-parameters", '{"ThingName": "told"}', "--once", "--device-config-file", str(out)]
        assert agent(None, *words, home=tmp_path).returncode == 0
        wanted = {"Fallback": "https://example.com", "Quote": "a\"b"}
        assert json.loads(out.read_text()) == wanted and out.stat().st_mode & 0o777 == 0o640
        out.unlink()
        # A later start has it from the runtime file, and a renewal keeps it there.
        assert agent(None, *words, "--renew-now", home=tmp_path).returncode == 0
        assert json.loads(out.read_text()) == wanted == runtime(tmp_path)["device-config"]
        assert len(server.things["told"]) == 2


# ---- the service manager


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told(renewing, tmp_path, abstract):
    words = provisioned(renewing, tmp_path, "managed-" + str(int(abstract)))
    name = f"@vouch-{os.getpid()}" if abstract else str(tmp_path / "notify")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(name.replace("@", "\0", 1) if abstract else name)
    manager.settimeout(15)
    program = hook(tmp_path, 'env > "$VOUCH_STATE_DIR/env"\n')
    with Running(tmp_path, [*words, "--on-event", program], NOTIFY_SOCKET=name, WATCHDOG_USEC="400000") as running:
        said = []
        while said.count("WATCHDOG=1") < 3:
            said += manager.recv(4096).decode().split("\n")
    while "STOPPING=1" not in said:
        said += manager.recv(4096).decode().split("\n")
    assert running.code == 0 and said.index("READY=1") < len(said) - 1 and "STATUS=Connected." in said
    assert "NOTIFY_SOCKET" not in (state(tmp_path) / "env").read_text()


def test_not_ready_before_it_is_connected(tmp_path):
    """No READY=1, but signs of life, while there is nobody to connect to."""
    with fake_aws_iot.FakeAws(tmp_path) as server:
        certificate, key, root = server.claim(str(tmp_path / "claim"))
        words = ["--endpoint", "localhost", "--root-ca", root, "--enable-fleet-provisioning", "true", "--cert", certificate, "--key", key,
                 "--fleet-provisioning-template-name", "T", "--fleet-provisioning-template-parameters", '{"ThingName": "lonely"}']
        assert agent(None, *words, "--port", str(server.port), "--once", home=tmp_path).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(10)
    with Running(tmp_path, [*words, "--port", str(port)], NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="200000") as running:
        said = [manager.recv(4096).decode() for _ in range(4)]
        assert running.count("retry") >= 1
    assert set(said) == {"WATCHDOG=1"} and running.code == 0


def test_the_unit_is_one_that_systemd_takes(tmp_path):
    unit = (vouch.SOURCE / "packaging" / "systemd" / "vouch-agent.service").read_text()
    assert "Type=notify" in unit and "WatchdogSec=" in unit and "--stay-when-revoked" in unit
    tool = "/usr/bin/systemd-analyze"
    assert os.path.exists(tool), "systemd-analyze is among the packages of the tests"
    path = tmp_path / "vouch-agent.service"
    path.write_text(unit.replace("ExecStart=vouch-agent", f"ExecStart={vouch.BUILD}/vouch-agent"))
    done = subprocess.run([tool, "verify", "--man=no", str(path)], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "vouch-agent.service" in line]
    assert not ours, ours
    done = subprocess.run([tool, "security", "--offline=true", "--no-pager", str(path)], capture_output=True, text=True)
    rating = re.search(r"exposure level for vouch-agent\.service: ([\d.]+)", done.stdout)
    assert rating and float(rating.group(1)) < 2.5, done.stdout[-500:] + done.stderr


# ---- progress for programs


def test_progress_has_its_schema(renewing, tmp_path):
    schema = json.loads((vouch.SOURCE / "docs" / "agent-progress.schema.json").read_text())
    words = provisioned(renewing, tmp_path, "schematic")
    with Running(tmp_path, [*words, "--renew-now"]) as running:
        running.wait("ready", 2)
    for line in running.lines():
        assert set(schema["required"]) <= set(line) <= set(schema["properties"])
        assert line["event"] in schema["properties"]["event"]["enum"] and line["level"] in schema["properties"]["level"]["enum"]
        assert re.fullmatch(schema["properties"]["time"]["pattern"], line["time"])
    sources = "".join(p.read_text() for p in (vouch.SOURCE / "src" / "agent").glob("*.c"))
    said = set(re.findall(r'vch_report_(?:line|event)\([^;]*?VCH_REPORT_\w+,\s*"([a-z-]+)"', sources)) | {"failed"}
    assert said == set(schema["properties"]["event"]["enum"])
