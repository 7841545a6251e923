"""Hostile clients, and data folders that somebody has been at."""
import concurrent.futures
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest

import mqtt
import vouch


def provision(server, iot, thing):
    claim = server.claim(iot)
    with mqtt.Client(server, claim) as client:
        client.connect("claim-" + thing)
        accepted, created = client.request(mqtt.CREATE, {})
        assert accepted, created
        accepted, answer = client.request(mqtt.register_topic(vouch.TEMPLATE), {
            "certificateOwnershipToken": created["certificateOwnershipToken"], "parameters": {"ThingName": thing}})
        assert accepted, answer
    return vouch.Identity(server.home, created["certificateId"], created["certificatePem"], created["privateKey"])


def resident_kib(pid):
    """Zero under a sanitizer, which keeps freed memory for a while."""
    with open(f"/proc/{pid}/maps") as maps:
        if re.search("lib[at]san", maps.read()):
            return 0
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


def api_port(server):
    return int(server.api.rsplit(":", 1)[1])


def stranger(port, receive_buffer=None):
    """TLS without a certificate, trusting anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    raw = socket.socket()
    if receive_buffer:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.settimeout(10)
    raw.connect(("127.0.0.1", port))
    return context.wrap_socket(raw)


# ---- those who do not read


def test_unread_answers_do_not_fill_memory(server):
    request = b"GET /_vouch/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    before = resident_kib(server.process.pid)
    with stranger(api_port(server), 4096) as client:
        client.settimeout(2)
        try:
            client.sendall(request * 1000)
        except TimeoutError:
            pass  # the server has stopped reading, as it should
        time.sleep(1)
        assert resident_kib(server.process.pid) - before < 32 * 1024
        client.settimeout(10)
        answers, tail = 0, b""
        while answers < 20:  # all is still answered, in order, once it is read
            data = client.recv(65536)
            assert data
            answers += (tail + data).count(b"HTTP/1.1 200 OK\r\n")
            tail = data[-16:]


def test_a_slow_subscriber_is_cut_and_others_are_not(server):
    iot = server.boto()
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}'
    iot.create_policy(policyName="everything", policyDocument=document)
    clients = []
    for name in ("Slow", "Loud", "Quick"):
        identity = provision(server, iot, name)
        arn = iot.describe_certificate(certificateId=identity.id)["certificateDescription"]["certificateArn"]
        iot.attach_policy(policyName="everything", target=arn)
        clients.append(mqtt.Client(server, identity))
        clients[-1].connect(name)
    slow, loud, quick = clients
    slow.subscribe("noise/#", qos=0)
    quick.subscribe("signal/#", qos=1)
    before = resident_kib(server.process.pid)
    noise = mqtt.publish("noise/x", b"z" * 100000)
    for _ in range(300):
        loud.send(noise)
    loud.publish("signal/x", b"heard")
    assert quick.message() == ("signal/x", b"heard")
    assert resident_kib(server.process.pid) - before < 64 * 1024
    server.wait_log("reason=slow-reader client=Slow")
    for client in clients:
        client.close()


def test_half_open_handshakes_keep_nobody_out(server):
    identity = provision(server, server.boto(), "Patient")
    lame = [socket.create_connection(("127.0.0.1", server.mqtt_port)) for _ in range(300)]
    for number, sock in enumerate(lame):
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[:1 + number % 11])
    started = time.monotonic()
    with mqtt.Client(server, identity) as client:
        client.connect("Patient")
        client.ping()
    assert time.monotonic() - started < 5
    lame[0].settimeout(15)
    assert lame[0].recv(1) == b""  # cut by itself
    for sock in lame:
        sock.close()


# ---- certificates


@pytest.mark.parametrize("name", ["tls/server", "ca/device", "ca/claim", "ca/root"])
def test_our_own_certificates_open_nothing(server, name):
    certificate, key = ((server.data / f"{name}.{end}").read_text() for end in ("pem", "key"))
    with pytest.raises(mqtt.Closed):
        mqtt.Client(server, vouch.Identity(server.home, name.replace("/", "-"), certificate, key)).connect("x")


def test_a_chain_without_end_is_refused(server):
    identity = provision(server, server.boto(), "Chained")
    issuer = (server.data / "ca" / "device.pem").read_text()
    few = vouch.Identity(server.home, "few", identity.certificate + issuer * 2, identity.key)
    many = vouch.Identity(server.home, "many", identity.certificate + issuer * 60, identity.key)
    with mqtt.Client(server, few) as client:
        client.connect("Chained")
    with pytest.raises(mqtt.Closed):
        mqtt.Client(server, many).connect("Chained")


def test_a_certificate_revoked_during_connect_opens_nothing(server):
    """The registry may change between the reading for CONNECT and its answer."""
    iot = server.boto()
    identity = provision(server, iot, "Racer")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        for _ in range(15):
            iot.update_certificate(certificateId=identity.id, newStatus="ACTIVE")
            clients = [mqtt.Client(server, identity) for _ in range(15)]
            revoked = pool.submit(iot.update_certificate, certificateId=identity.id, newStatus="INACTIVE")
            for client in clients:
                try:
                    client.send(mqtt.connect("Racer"))
                except mqtt.Closed:
                    pass
                time.sleep(0.0005)
            revoked.result()
            for client in clients:
                with client, pytest.raises(mqtt.Closed):
                    while True:
                        client.receive(5)


# ---- one claim, many hands


def test_one_claim_makes_one_thing_however_many_hurry(server):
    iot = server.boto()
    claim = server.claim(iot)
    clients = [mqtt.Client(server, claim) for _ in range(6)]
    for number, client in enumerate(clients):
        client.connect(f"hurry-{number}")
    created = [client.request(mqtt.CREATE, {}) for client in clients]
    assert all(accepted for accepted, _ in created)

    def register(number):
        return clients[number].request(mqtt.register_topic(vouch.TEMPLATE), {
            "certificateOwnershipToken": created[number][1]["certificateOwnershipToken"],
            "parameters": {"ThingName": f"Hurry-{number}"}})

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(register, range(6)))
    assert sum(accepted for accepted, _ in answers) == 1
    assert {answer["errorCode"] for accepted, answer in answers if not accepted} == {"AccessDenied"}
    names = [thing["thingName"] for thing in iot.list_things()["things"]]
    assert len([name for name in names if name.startswith("Hurry-")]) == 1
    for client in clients:
        client.close()


def test_a_flood_of_requests_is_throttled_and_all_are_answered(server):
    with mqtt.Client(server, server.claim()) as client:
        client.connect("flood")
        client.send(b"".join(mqtt.publish(mqtt.CREATE, b"{}", 1, number + 1) for number in range(300)))
        answers, accepted = 0, 0
        while answers < 300:
            kind, _, body = client.receive()
            if kind == mqtt.PUBLISH:
                answers += 1
                accepted += b"/accepted" in body[:64]
        assert 1 <= accepted <= 10  # a claim may have ten certificates waiting
        client.ping()


# ---- the log


def test_a_client_id_cannot_forge_a_log_line(server):
    identity = provision(server, server.boto(), "Forger")
    with mqtt.Client(server, identity) as client:
        client.connect('x" reason=ok\n2026-01-01T00:00:00.000Z info vouchd forged=1\x1b[31m', expect=5)
    server.wait_log("forged=1")
    lines = [line for line in server.log_text().split("\n") if "forged=1" in line]
    assert lines and all('client="x\\" reason=ok\\x0a2026' in line and "\x1b" not in line for line in lines)


def test_no_secret_is_logged(server):
    claim = server.claim()
    with mqtt.Client(server, claim) as client:
        client.connect("quiet")
        _, created = client.request(mqtt.CREATE, {})
        client.request(mqtt.register_topic(vouch.TEMPLATE), {"certificateOwnershipToken": created["certificateOwnershipToken"],
                                                             "parameters": {"ThingName": 7}})
    text = server.log_text()
    for secret in ("PRIVATE KEY", server.admin["secretAccessKey"], server.admin["consolePassword"],
                   created["certificateOwnershipToken"]):
        assert secret not in text


# ---- the processes and the folder


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as listed:
        return [int(child) for child in listed.read().split()]


def test_a_signer_that_hangs_gives_503_and_the_server_still_stops():
    with vouch.Server() as server:
        server.prepare_workshop()
        for child in children(server.process.pid):
            if open(f"/proc/{child}/comm").read().startswith("vouchd-signer"):
                os.kill(child, signal.SIGSTOP)
        refused = server.aws("iot", "create-provisioning-claim", "--template-name", vouch.TEMPLATE, check=False)
        assert refused.returncode != 0 and "ServiceUnavailable" in refused.stderr


def refused_start(data, *flags):
    """What vouchd says when it must not start."""
    command = [str(vouch.BUILD / "vouchd"), "--data", str(data), "--api", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stdout == "", done
    return done.stderr


@pytest.fixture(scope="module")
def stopped():
    """The folder of a server that has run and ended."""
    server = vouch.Server()
    server.start()
    server.stop()
    yield server.data
    shutil.rmtree(server.home, ignore_errors=True)


@pytest.fixture
def folder(stopped, tmp_path):
    return shutil.copytree(stopped, tmp_path / "data")


@pytest.mark.parametrize("name, says", [
    ("store/seal.key", "restore it from a copy"),
    ("store/registry.db", "restore it from a copy"),
    ("ca/device.key", "restore it from a copy"),
    ("ca/claim.pem", "restore it from a copy"),
    ("ca/root.pem", "restore it from a copy"),
])
def test_nothing_that_was_lost_is_made_anew(folder, name, says):
    if name.endswith(".db") and os.environ.get("VOUCH_STORE", "sqlite") != "sqlite":
        pytest.skip("the registry is no file of the folder")
    kept = {path: path.read_bytes() for path in (folder / "admin.json", folder / "ca" / "claim.key")}
    (folder / name).unlink()
    for extra in ("-wal", "-shm"):
        (folder / (name + extra)).unlink(missing_ok=True)
    assert says in refused_start(folder)
    assert not (folder / name).exists() or (folder / name).stat().st_size == 0
    assert all(path.read_bytes() == content for path, content in kept.items())


def test_a_damaged_registry_is_not_served(folder):
    (folder / "store" / "registry.db").write_bytes(b"not a database" * 1000)
    assert "database" in refused_start(folder)


def test_swapped_issuers_are_not_served(folder):
    shutil.copy(folder / "ca" / "device.key", folder / "ca" / "claim.key")
    assert "do not belong together" in refused_start(folder)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_is_not_served(folder, mode):
    os.chmod(folder, mode)
    assert "may be written by others" in refused_start(folder)


def test_a_port_is_not_shared_with_another_server(server, folder):
    assert "in use" in refused_start(folder, "--api", f"127.0.0.1:{api_port(server)}")
    assert "in use" in refused_start(folder, "--mqtt", f"127.0.0.1:{server.mqtt_port}")


def test_a_first_start_killed_at_any_moment_is_made_good(tmp_path):
    for round_number in range(12):
        data = tmp_path / str(round_number)
        killed = subprocess.Popen([str(vouch.BUILD / "vouchd"), "--data", str(data), "--account", vouch.ACCOUNT, "--region", vouch.REGION,
                                   "--api", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(0.015 * round_number)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        with vouch.Server(data=data) as server:
            assert server.vouch("template", "list").returncode == 0
