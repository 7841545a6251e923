"""vouch-agent where things go wrong: proxies, clocks, disks, networks, kills. Against vouchd."""
import base64
import json
import os
import pathlib
import resource
import signal
import subprocess
import time

import pytest

import vouch
from device import AGENT, Device, Proxy, Watcher

POINTS = ["connected", "created", "journal", "key", "files", "register", "registered", "active-certificate", "active-key", "runtime", "done"]


def make(server, tmp_path, thing, claim=None):
    folder = tmp_path / "cert"
    folder.mkdir(mode=0o700, exist_ok=True)
    claim = claim or server.claim()
    paths = [folder / "claim.pem.crt", folder / "claim.private.pem.key", folder / "root-ca.pem"]
    for path, text, mode in zip(paths, (claim.certificate, claim.key, pathlib.Path(server.ca).read_text()), (0o644, 0o600, 0o644)):
        path.write_text(text)
        path.chmod(mode)
    return Device(tmp_path, server.edge_port, *map(str, paths), thing=thing)


def active(server, thing):
    """Ids of the thing's certificates that are in force; more than one certificate is a fault by itself."""
    iot = server.boto()
    ids = [p.rsplit("/", 1)[1] for p in iot.list_thing_principals(thingName=thing)["principals"]]
    return [i for i in ids if iot.describe_certificate(certificateId=i)["certificateDescription"]["status"] == "ACTIVE"], ids


def check_one(server, device):
    live, all_of_it = active(server, device.thing)
    assert len(live) == 1 and live == all_of_it
    assert live[0] + "-certificate.pem.crt" in os.listdir(device.path("keys"))
    assert device.runtime()["completed-fp"] is True and device.runtime()["thing-name"] == device.thing
    device.check_whole()
    device.check_private()


# ---- kills -------------------------------------------------------------------

def with_faults():
    return b"VOUCH_FAULT_FILE" in pathlib.Path(vouch.BUILD / "vouch-agent").read_bytes()


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_each_step(server, tmp_path, point):
    """The process dies at a named step; the next start ends with one thing, one certificate, connected."""
    assert with_faults(), "the tests' agent is built with VOUCH_FAULTS"
    device = make(server, tmp_path, "killed-" + point)
    order = tmp_path / "order"
    order.write_text("agent.%s 1\n" % point)
    assert device.run(VOUCH_FAULT_FILE=str(order)) == -signal.SIGKILL, device.output
    device.check_private()
    assert device.run() == 0, device.output
    check_one(server, device)
    assert "journal.json" not in os.listdir(device.path("keys"))


def test_killed_at_one_step_after_the_other(server, tmp_path):
    """Every start dies a little further on."""
    device = make(server, tmp_path, "killed-often")
    order = tmp_path / "order"
    for point in POINTS:
        order.write_text("agent.%s 1\n" % point)
        assert device.run(VOUCH_FAULT_FILE=str(order)) in (-signal.SIGKILL, 0), device.output
    assert device.run() == 0, device.output
    check_one(server, device)


@pytest.mark.parametrize("point", ["certificate.issued", "certificate.saved", "register.planned", "register.saved", "store.committing", "store.committed"])
def test_server_killed_on_the_other_side(tmp_path, point):
    """The server dies while it serves the agent, and comes back; the agent gets there by itself."""
    server = vouch.Server(env={"VOUCH_FAULT_FILE": "/nonexistent"})
    order = server.data / "run" / "fault"  # where the jailed process may read
    server.env["VOUCH_FAULT_FILE"] = str(order)
    with server:
        server.prepare_workshop()
        device = make(server, tmp_path, "other-side")
        order.write_text(point + " 1\n")
        running = device.start("--retry-seconds", "60")
        server.process.wait(20)
        order.unlink()
        server.kill()
        server.flags += ["--edge", "127.0.0.1:%d" % server.edge_port]
        server.start()
        assert running.wait(60) == 0, running.stdout.read()
        check_one(server, device)


# ---- who may read ------------------------------------------------------------

@pytest.mark.parametrize("extra", [[], ["--csr", "auto"]])
def test_no_key_is_readable_by_others_at_any_moment(server, tmp_path, extra):
    device = make(server, tmp_path, "watched" + ("-csr" if extra else ""))
    old = os.umask(0)
    try:
        watcher = Watcher(device.home)
        assert device.run(*extra) == 0, device.output
        watcher.stop()
    finally:
        os.umask(old)
    names = [name for name, _ in watcher.seen]
    assert [n for n in names if n.endswith(".key")] and [n for n in names if "journal" in n], "the watcher saw nothing"
    assert watcher.bad == []


def test_the_watcher_sees_a_key_that_is_open(tmp_path):
    watcher = Watcher(tmp_path)
    (tmp_path / "keys").mkdir()
    time.sleep(0.1)
    path = tmp_path / "keys" / "x.tmp"
    path.write_text("-----BEGIN PRIVATE KEY-----")
    path.chmod(0o644)
    assert watcher.stop().bad


def test_no_secret_is_in_any_log_or_other_file(server, tmp_path):
    device = make(server, tmp_path, "secretive")
    log = tmp_path / "log"
    log.mkdir(mode=0o700)
    assert device.run("--log-type", "FILE", "--log-file", str(log / "a.log"), "--json") == 0
    claim_lines = {line for line in pathlib.Path(device.key).read_text().splitlines() if line and not line.startswith("-")}
    secrets = device.secrets() | claim_lines
    assert len(secrets) > 3
    texts = {"output": device.output, "log": (log / "a.log").read_text()}
    texts.update({name: pathlib.Path(device.path(name)).read_text() for name in device.files() if not name.endswith(".key")})
    texts["lock"] = "".join(p.read_text() for p in pathlib.Path(device.home).glob("*.lock"))
    for name, text in texts.items():
        assert not [line for line in secrets if line in text], name
    assert len(texts["log"].splitlines()) > 5


# ---- the disk ----------------------------------------------------------------

def test_read_only_folder(server, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("a folder that root cannot write needs a mount")
    device = make(server, tmp_path, "read-only")
    os.makedirs(device.state)
    script = 'mount -t tmpfs -o size=64k,mode=700 none "$0" && mount -o remount,ro "$0" && exec "$@"'
    code = device.run(command=["unshare", "-m", "sh", "-c", script, device.state, *device.flags()])
    assert code == 6, device.output
    assert "Read-only file system" in device.output and "next:" in device.output
    assert "read-only" not in [t["thingName"] for t in server.boto().list_things()["things"]]


@pytest.mark.parametrize("kib", [4, 8, 12, 16, 20])
def test_full_disk(server, tmp_path, kib):
    """A file system of some pages: whatever the write that fails, it is said, nothing is half-written, and room mends it."""
    if os.geteuid() != 0:
        pytest.skip("a small file system needs a mount")
    thing = "full-%d" % kib
    device = make(server, tmp_path, thing)
    os.makedirs(device.state)
    keep = tmp_path / "keep"
    keep.mkdir()
    # What the small file system holds in the end is copied out, for the next run to find.
    script = 'mount -t tmpfs -o size=%dk,mode=700 none "$0" && "$@"; code=$?; cp -a "$0/." "%s"; exit $code' % (kib, keep)
    code = device.run(command=["unshare", "-m", "sh", "-c", script, device.state, *device.flags()])
    assert code in (0, 6), device.output
    if code == 6:
        assert "No space left on device" in device.output and "disk is not full" in device.output
    os.rmdir(device.state)
    os.rename(keep, device.state)
    os.chmod(device.state, 0o700)
    device.check_whole()
    assert device.run() == 0, device.output
    check_one(server, device)


def test_files_that_may_not_grow(server, tmp_path):
    """RLIMIT_FSIZE stands in for a full disk where nothing can be mounted."""
    device = make(server, tmp_path, "no-growth")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    assert device.run(before=limit) == 6, device.output
    device.check_whole()
    assert device.run() == 0, device.output
    check_one(server, device)


# ---- the clock ---------------------------------------------------------------

FAKETIME = next((str(p) for p in pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)


def at(year):
    """libfaketime keeps its hands off the monotonic clock; it breaks the wait for a name, so hosts are addresses here."""
    assert FAKETIME, "install Debian's faketime"
    return {"LD_PRELOAD": FAKETIME, "FAKETIME": "@%d-01-02 03:04:05" % year, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC",
            "FAKETIME_DONT_RESET": "1"}


def run_at(device, year, *extra, command=None):
    words = list(command or device.flags(*extra)) + ([] if not command else ["--endpoint", "127.0.0.1"])
    return device.run(command=["127.0.0.1" if word == "localhost" else word for word in words], **at(year))


def sanitized():
    return b"__asan_init" in pathlib.Path(vouch.BUILD / "vouch-agent").read_bytes()


@pytest.mark.parametrize("year", [1970, 2040])
def test_wrong_clock(server, tmp_path, year):
    if sanitized():
        pytest.skip("faketime and the sanitizer both want to be first")
    device = make(server, tmp_path, "year-%d" % year)
    assert run_at(device, year) == 0, device.output
    assert "This device's clock says %d-01-02T03:04:05" % year in device.output and "which the claim tells" in device.output
    check_one(server, device)
    # Later, with the identity: a clock before it is mended from it; one of 2040 makes the server look expired, and that is said.
    code = run_at(device, year)
    if year == 1970:
        assert code == 0 and "which the device certificate tells" in device.output, device.output
    else:
        assert code == 3 and "certificate has expired" in device.output and "clock" in device.output, device.output
    assert device.run() == 0, device.output


def test_wrong_clock_with_a_bundle(server, tmp_path):
    if sanitized():
        pytest.skip("faketime and the sanitizer both want to be first")
    device = make(server, tmp_path, "year-bundle")
    out = tmp_path / "handover"
    server.vouch("claim", "create", "--template", vouch.TEMPLATE, "--out", str(out))
    command = ["--claim", str(out / "bundle.json"), "--port", str(server.edge_port), "--once",
               "--fleet-provisioning-template-parameters", json.dumps({"ThingName": device.thing})]
    assert run_at(device, 1970, command=[device.flags()[0], *command]) == 0, device.output
    check_one(server, device)


def test_wrong_clock_does_not_make_a_stranger_trusted(server, tmp_path):
    """The root of another installation: no hint of the time changes that."""
    if sanitized():
        pytest.skip("faketime and the sanitizer both want to be first")
    device = make(server, tmp_path, "year-stranger")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", os.devnull,
                    "-out", device.root, "-subj", "/CN=Other", "-days", "3650"], check=True, capture_output=True)
    assert run_at(device, 1970, "--retry-seconds", "0") == 3, device.output
    assert "not trusted" in device.output


def test_old_claim_with_a_right_clock(clock_server, tmp_path):
    """A claim of the year before last: tried, refused, and the sentence says what it most probably is."""
    if sanitized():
        pytest.skip("faketime and the sanitizer both want to be first")
    device = make(clock_server, tmp_path, "old-claim")
    clock_server.advance_clock(600)
    assert run_at(device, 2029, "--retry-seconds", "0") in (3, 5), device.output
    assert "The claim ended at" in device.output and "Make a new claim" in device.output


# ---- proxies -----------------------------------------------------------------

def test_proxy_of_the_environment(server, tmp_path):
    device = make(server, tmp_path, "by-environment")
    with Proxy() as proxy:
        assert device.run(HTTPS_PROXY="http://localhost:%d" % proxy.port) == 0, device.output
        assert len(proxy.requests) == 2
        assert proxy.requests[0] == "CONNECT localhost:%d HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % (server.edge_port, server.edge_port)
    check_one(server, device)


def test_no_proxy(server, tmp_path):
    device = make(server, tmp_path, "no-proxy")
    assert device.run(https_proxy="http://localhost:1", NO_PROXY="example.org, localhost") == 0, device.output
    assert "NO_PROXY" in device.output


def proxy_file(tmp_path, **members):
    path = tmp_path / "http-proxy.conf"
    path.write_text(json.dumps({"http-proxy-enabled": True, "http-proxy-host": "localhost", "http-proxy-auth-method": "None", **members}))
    path.chmod(0o600)
    return str(path)


def test_proxy_file_of_the_aws_client(server, tmp_path):
    device = make(server, tmp_path, "by-file")
    with Proxy(base64.b64encode(b"lamp:geheim no. 7").decode()) as proxy:
        named = {"http-proxy-port": str(proxy.port), "http-proxy-auth-method": "UserNameAndPassword", "http-proxy-username": "lamp"}
        path = proxy_file(tmp_path, **named, **{"http-proxy-password": "wrong"})
        assert device.run("--http-proxy-config", path) == 3, device.output
        assert "does not accept these credentials" in device.output and "HTTP proxy" in device.output
        assert len(proxy.requests) == 1  # the same again would not help
        path = proxy_file(tmp_path, **named, **{"http-proxy-password": "geheim no. 7"})
        assert device.run("--http-proxy-config", path, HTTPS_PROXY="http://localhost:1") == 0, device.output
        assert "geheim" not in device.output
    check_one(server, device)


def test_proxy_that_wants_credentials(server, tmp_path):
    device = make(server, tmp_path, "wants-credentials")
    with Proxy(base64.b64encode(b"a:b@c").decode()) as proxy:
        assert device.run(HTTPS_PROXY="http://localhost:%d" % proxy.port) == 3
        assert "wants a user name and password" in device.output
        assert device.run(HTTPS_PROXY="http://a:b%%40c@localhost:%d" % proxy.port) == 0, device.output


@pytest.mark.parametrize("answer, sentence", [
    (b"", "closed the connection"),
    (b"HTTP/1.1 403 Forbidden\r\n\r\n", "403 Forbidden"),
    (b"HTTP/1.0 502 Bad Gateway\r\nX: y\r\n\r\n", "502 Bad Gateway"),
    (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not an HTTP proxy"),
    (b"HTTP/1.1 20x What\r\n\r\n", "not an HTTP proxy"),
    (b"HTTP/1.1 200", "closed the connection"),
    (b"HTTP/1.1 403 \x1b[31mred\r\n\r\n", "403 ."),
    (b"x" * 9000, "longer than 8 KiB"),
])
def test_proxy_that_refuses(server, tmp_path, answer, sentence):
    device = make(server, tmp_path, "refused-by-proxy")
    with Proxy() as proxy:
        proxy.answer = answer
        assert device.run("--retry-seconds", "0", HTTPS_PROXY="localhost:%d" % proxy.port) == 3
        assert sentence in device.output and "\x1b" not in device.output
        assert "Check the HTTP proxy" in device.output
    assert device.run(HTTPS_PROXY="socks5://localhost:1") == 1
    assert "HTTPS_PROXY does not name an HTTP proxy" in device.output


@pytest.mark.parametrize("after", [0, 300, 1500, 2500, 3200, 4000, 4600])
def test_unplugged_in_the_middle(server, tmp_path, after):
    """The way to the server breaks after so many bytes; the agent goes on by itself, and one certificate is left in force."""
    device = make(server, tmp_path, "unplugged-%d" % after)
    with Proxy() as proxy:
        proxy.cut_after = after
        running = device.start("--retry-seconds", "30", HTTPS_PROXY="localhost:%d" % proxy.port)
        deadline = time.time() + 10
        while len(proxy.requests) < 2 and running.poll() is None and time.time() < deadline:
            time.sleep(0.02)
        proxy.cut_after = None
        assert running.wait(40) == 0, running.stdout.read()
    check_one(server, device)


class Island:
    """A network of the agent's own: one wire to a proxy on this side, which tests pull out and put in again."""

    def __init__(self, tmp_path):
        number = os.getpid() % 250
        self.name, self.near, self.far = "vch%d" % os.getpid(), "vn%d" % os.getpid(), "vf%d" % os.getpid()
        self.here, self.there, self.nobody = ("10.231.%d.%d" % (number, n) for n in (1, 2, 3))
        self.hosts = tmp_path / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n%s gate.test\n%s gate.test\n" % (self.nobody, self.here))

    def ip(self, *words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def __enter__(self):
        try:
            self.ip("netns", "add", self.name)
            self.ip("link", "add", self.near, "type", "veth", "peer", "name", self.far, "netns", self.name)
            self.ip("addr", "add", self.here + "/24", "dev", self.near)
            self.ip("link", "set", self.near, "up")
            for words in (["addr", "add", self.there + "/24", "dev", self.far], ["link", "set", self.far, "up"], ["link", "set", "lo", "up"]):
                self.ip("-n", self.name, *words)
        except (OSError, subprocess.CalledProcessError) as error:
            self.__exit__()
            pytest.skip("no network namespace here (%s); the proxy that cuts stands in for it" % error)
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "link", "del", self.near], capture_output=True)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)

    def plug(self, state):
        self.ip("link", "set", self.near, state)

    def command(self, words):
        script = 'mount --bind "$0" /etc/hosts && exec "$@"'
        return ["ip", "netns", "exec", self.name, "unshare", "-m", "sh", "-c", script, str(self.hosts), *words]


@pytest.mark.parametrize("after", [1, 2])
def test_wire_pulled_out(server, tmp_path, after):
    """No packet says so: the wire is gone for a while, during the first connection or the second."""
    device = make(server, tmp_path, "wire-%d" % after)
    with Island(tmp_path) as island, Proxy(address="0.0.0.0") as proxy:
        proxy.on_request = lambda: len(proxy.requests) == after and island.plug("down")
        running = device.start(command=island.command(device.flags("--retry-seconds", "60")), HTTPS_PROXY="%s:%d" % (island.here, proxy.port))
        deadline = time.time() + 10
        while len(proxy.requests) < after and time.time() < deadline:
            time.sleep(0.02)
        assert len(proxy.requests) >= after
        time.sleep(1.5)
        assert running.poll() is None
        proxy.on_request = None
        island.plug("up")
        assert running.wait(60) == 0, running.stdout.read()
    check_one(server, device)


def test_no_wire_at_all(server, tmp_path):
    device = make(server, tmp_path, "wireless")
    with Island(tmp_path) as island, Proxy(address="0.0.0.0") as proxy:
        island.plug("down")
        code = device.run(command=island.command(device.flags("--retry-seconds", "0")), HTTPS_PROXY="%s:%d" % (island.here, proxy.port))
        assert code == 3 and "Cannot connect to %s" % island.here in device.output and "next:" in device.output
    assert not os.path.exists(device.path("aws-iot-device-client-runtime.conf"))


def test_an_address_that_is_dead_costs_a_quarter_second(server, tmp_path):
    """Two addresses of one name, nobody at the first (RFC 8305)."""
    device = make(server, tmp_path, "two-addresses")
    with Island(tmp_path) as island, Proxy(address="0.0.0.0") as proxy:
        start = time.time()
        code = device.run(command=island.command(device.flags()), HTTPS_PROXY="gate.test:%d" % proxy.port)
        assert code == 0, device.output
        assert time.time() - start < 2.5  # the kernel alone would give the dead one three seconds, twice
    check_one(server, device)


def test_proxy_on_ipv6(server, tmp_path):
    device = make(server, tmp_path, "by-six")
    try:
        proxy = Proxy(address="::1")
    except OSError:
        pytest.skip("no IPv6 on the loopback here")
    with proxy:
        assert device.run(HTTPS_PROXY="http://[::1]:%d" % proxy.port) == 0, device.output
        assert len(proxy.requests) == 2


# ---- figures -----------------------------------------------------------------

def moment(line):
    return time.mktime(time.strptime(line["time"][:19], "%Y-%m-%dT%H:%M:%S")) + int(line["time"][20:23]) / 1000 - time.timezone


def test_figures(server, tmp_path):
    """Size, memory, time: printed; the bounds are those that hold on a loaded machine."""
    stripped = tmp_path / "agent"
    subprocess.run(["strip", "-o", stripped, AGENT], check=True)
    device = make(server, tmp_path, "figures")
    command = [word for word in device.flags("--json") if word != "--once"]
    begin = time.time()
    running = device.start(command=command)
    lines = []
    for text in running.stdout:
        lines.append(json.loads(text))
        if lines[-1]["event"] == "ready":
            break
    status = pathlib.Path("/proc/%d/status" % running.pid).read_text().split()
    running.terminate()
    assert running.wait(10) == 0
    peak, own = (int(status[status.index(word) + 1]) for word in ("VmHWM:", "RssAnon:"))
    first = next(line for line in lines if line["message"].endswith("create."))
    second = [line for line in lines if line["event"] == "connecting"][1]
    print("stripped %d bytes; peak %d KiB, of these %d its own; first PUBLISH after %.0f ms, second CONNECT after %.0f ms"
          % (stripped.stat().st_size, peak, own, 1000 * (moment(first) - begin), 1000 * (moment(second) - begin)))
    if not sanitized():
        assert stripped.stat().st_size <= 204800
        assert peak <= 6 << 10 and own <= 2000
        assert moment(first) - begin < 2 and moment(second) - begin < 5
