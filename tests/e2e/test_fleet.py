"""vouch-fleet against the server: everybody is provisioned, and the figures add up."""
import json
import os
import socket
import subprocess
import threading

import pytest

import certs
import vouch

FLEET = str(vouch.BUILD / "vouch-fleet")
PHASES = ["claim", "claim-connect", "create", "register", "reconnect", "all"]


def fleet(server, *words, env=None, data=True):
    command = [FLEET, words[0], *(["--data", str(server.data)] if data else []), *words[1:]]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=dict(os.environ, **(env or {})))


def summary(server, *words):
    done = fleet(server, *words, "--json", "--pid", str(server.process.pid))
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def things(server, prefix):
    iot = server.boto()
    found, token = [], {}
    while True:
        page = iot.list_things(maxResults=250, **token)
        found += [t["thingName"] for t in page["things"] if t["thingName"].startswith(prefix)]
        if not page.get("nextToken"):
            return found
        token = {"nextToken": page["nextToken"]}


@pytest.mark.parametrize("extra", [[], ["--csr"]])
def test_everybody_is_provisioned(server, extra):
    before = set(things(server, "fleet-"))
    found = summary(server, "provision", "--devices", "24", "--concurrency", "6", *extra)
    assert (found["done"], found["failed"], found["errors"]) == (24, 0, {})
    made = set(things(server, "fleet-")) - before
    assert sorted(int(n.rsplit("-", 1)[1]) for n in made) == list(range(24))
    assert sorted(found["phases"]) == sorted(PHASES)
    for phase in found["phases"].values():
        assert phase["count"] == 24
        assert 0 < phase["p50Ms"] <= phase["p99Ms"] <= phase["p999Ms"] <= phase["maxMs"]
    whole = sum(found["phases"][p]["meanMs"] for p in PHASES[:-1])
    assert whole <= found["phases"]["all"]["meanMs"] * 1.05
    assert found["server"]["processes"] >= 2 and found["server"]["peakKiB"] > 0 and found["server"]["cpuSeconds"] >= 0
    crypto = found["crypto"]
    keys = crypto["keyUs"] + crypto["verifyUs"] if extra else 2 * crypto["keyUs"]
    assert crypto["msPerProvisioning"] == pytest.approx((2 * (crypto["handshakeUs"] + crypto["signUs"]) + keys) / 1000, abs=0.002)
    assert found["server"]["cpuToCrypto"] == pytest.approx(found["server"]["cpuMsPerProvisioning"] / crypto["msPerProvisioning"], abs=0.01)
    iot = server.boto()
    thing = sorted(made)[0]
    (arn,) = iot.list_thing_principals(thingName=thing)["principals"]
    assert [p["policyName"] for p in iot.list_attached_policies(target=arn)["policies"]] == ["fleet-policy"]


def test_time_bounds_the_run(server):
    found = summary(server, "provision", "--seconds", "1", "--concurrency", "4")
    assert found["done"] > 0 and found["failed"] == 0
    assert 0.9 < found["seconds"] < 10


def test_idle_connections(server):
    found = summary(server, "idle", "--devices", "40", "--concurrency", "8", "--seconds", "1")
    assert (found["mode"], found["done"], found["failed"], found["errors"]) == ("idle", 40, 0, {})
    assert "bytesPerIdleConnection" in found["server"]
    assert found["connect"]["count"] == 40 and 0 < found["connect"]["p50Us"] <= found["connect"]["maxUs"]


def test_connections_come_and_go(server):
    found = summary(server, "connect", "--devices", "60", "--concurrency", "8", "--threads", "2")
    assert (found["mode"], found["done"], found["failed"], found["errors"]) == ("connect", 60, 0, {})
    assert found["ratePerSecond"] > 0 and found["connect"]["count"] == 60 and found["server"]["cpuUsEach"] > 0


@pytest.mark.parametrize("words", [["--qos", "0"], ["--qos", "1"], ["--qos", "1", "--gather", "--payload", "3000"],
                                   ["--qos", "1", "--rate", "300"], ["--qos", "1", "--mqtt", "5"], ["--qos", "0", "--threads", "3", "--window", "7"]])
def test_messages_are_counted(server, words):
    found = summary(server, "publish", "--publishers", "4", "--subscribers", "3", "--seconds", "1", *words)
    assert (found["failed"], found["errors"], found["done"]) == (0, {}, 7)
    assert found["sent"] > 20 and found["expected"] == 3 * found["sent"]
    assert (found["received"], found["lost"], found["duplicates"]) == (found["expected"], 0, 0)
    assert found["acknowledged"] == (found["sent"] if "1" in words[:2] else 0) and found["acknowledgedLost"] == 0
    assert found["latency"]["count"] == found["received"] and 0 < found["latency"]["p50Us"] <= found["latency"]["maxUs"]
    if "--rate" in words:
        assert 250 <= found["sent"] <= 302


def test_fan(server):
    found = summary(server, "fan", "--subscribers", "20", "--rate", "100", "--seconds", "1")
    assert (found["mode"], found["publishers"], found["subscribers"], found["lost"]) == ("fan", 1, 20, 0)
    assert found["received"] == 20 * found["sent"] and found["receivedPerSecond"] > found["sentPerSecond"]


class LossyBroker(threading.Thread):
    """MQTT over plain TCP for one publisher and one subscriber: acknowledges everything, delivers the fourth message never and the fifth twice."""

    def __init__(self, level):
        super().__init__(daemon=True)
        self.level, self.subscriber, self.count = level, None, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    @staticmethod
    def packet(stream):
        """First byte, the bytes of the length, the body; None at the end."""
        head, length = stream.read(1), b""
        if not head:
            return None
        while not length or length[-1] & 128:
            length += stream.read(1)
        return head, length, stream.read(sum((byte & 127) << 7 * n for n, byte in enumerate(length)))

    def serve(self, sock):
        stream, properties = sock.makefile("rb"), b"\0" if self.level == 5 else b""
        while packet := self.packet(stream):
            head, length, body = packet
            kind = head[0] >> 4
            if kind == 1:
                assert body[6] == self.level
                sock.sendall(bytes([0x20, 2 + len(properties), 0, 0]) + properties)
            elif kind == 8:
                self.subscriber = sock
                sock.sendall(bytes([0x90, 3 + len(properties)]) + body[:2] + properties + b"\1")
            elif kind == 3:
                at = 2 + int.from_bytes(body[:2], "big")
                sock.sendall(b"\x40\x02" + body[at:at + 2])
                self.count += 1
                self.subscriber.sendall((head + length + body) * {4: 0, 5: 2}.get(self.count, 1))


@pytest.mark.parametrize("version, level", [("3", 4), ("5", 5)])
def test_what_a_broker_loses_is_told(version, level):
    broker = LossyBroker(level)
    broker.start()
    done = subprocess.run([FLEET, "publish", "--host", "127.0.0.1", "--port", str(broker.port), "--plain", "--mqtt", version, "--qos", "1",
                           "--rate", "50", "--seconds", "1", "--json"], capture_output=True, text=True, timeout=60)
    found = json.loads(done.stdout)
    assert done.returncode == 2, "acknowledged and lost is a failure"
    assert (found["lost"], found["acknowledgedLost"], found["duplicates"], found["failed"]) == (1, 1, 1, 0)
    assert found["acknowledged"] == found["sent"] == found["received"] + 1 and found["server"] is None


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    done = subprocess.run([FLEET, "connect", "--host", "127.0.0.1", "--port", str(port), "--plain"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3 and "Cannot connect" in done.stderr


def test_a_stranger_is_refused(server, tmp_path):
    """Its certificate is nobody's here: the handshake is refused, and the cause is told."""
    private = certs.key()
    (tmp_path / "key.pem").write_text(certs.key_pem(private))
    (tmp_path / "certificate.pem").write_text(certs.Authority("stranger").sign("device", private.public_key()))
    done = subprocess.run([FLEET, "connect", "--host", "localhost", "--port", str(server.mqtt_port), "--ca", server.ca,
                           "--cert", str(tmp_path / "certificate.pem"), "--key", str(tmp_path / "key.pem")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3 and "unknown CA" in done.stderr, done.stderr


def test_text_for_people(server):
    done = fleet(server, "provision", "--devices", "3")
    assert done.returncode == 0, done.stderr
    assert "3 provisioned in" in done.stdout and "claim-connect" in done.stdout


def test_another_template(server):
    done = fleet(server, "provision", "--devices", "2", "--template", vouch.TEMPLATE, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["done"] == 2


def test_failures_are_counted_by_cause(server):
    done = fleet(server, "provision", "--devices", "4", "--template", "NoSuchTemplate", "--json")
    assert done.returncode == 2
    found = json.loads(done.stdout)
    assert (found["done"], found["failed"]) == (0, 4)
    ((cause, count),) = found["errors"].items()
    assert cause.startswith("claim: ") and "404" in cause and count == 4


def test_without_the_folder(server):
    flags = ["--endpoint", "localhost", "--mqtt-port", str(server.mqtt_port), "--api", server.api, "--ca", server.ca, "--region", vouch.REGION]
    keys = {"AWS_ACCESS_KEY_ID": server.admin["accessKeyId"], "AWS_SECRET_ACCESS_KEY": server.admin["secretAccessKey"]}
    done = fleet(server, "provision", "--devices", "3", *flags, env=keys, data=False)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = fleet(server, "provision", "--devices", "3", *flags, env=dict(keys, AWS_SECRET_ACCESS_KEY="wrong"), data=False)
    assert wrong.returncode == 3 and "cannot be used" in wrong.stderr
    none = fleet(server, "provision", "--devices", "3", *flags, env=dict(keys, AWS_ACCESS_KEY_ID=""), data=False)
    assert none.returncode == 3 and "access key" in none.stderr


def test_usage(server):
    assert fleet(server, "provision", "--data", "twice").returncode == 1
    assert fleet(server, "dance").returncode == 1
    assert fleet(server, "provision", "--help").returncode == 0
