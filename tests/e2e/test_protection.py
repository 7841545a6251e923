"""Bounds: connections of an address and of a certificate, memory's ceiling, storms, those who are slow or do not read;
and the end in good order."""
import json
import multiprocessing
import os
import signal
import socket
import ssl
import statistics
import time

import pytest

import mqtt
import mqtt5
import vouch
from test_hostile import api_port, provision, resident_kib, stranger
from test_metrics import numbers

EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]})


def free_device(server, name):
    iot = server.boto()
    identity = provision(server, iot, name)
    try:
        iot.create_policy(policyName="everything", policyDocument=EVERYTHING)
    except iot.exceptions.ResourceAlreadyExistsException:
        pass
    iot.attach_policy(policyName="everything", target=iot.describe_certificate(certificateId=identity.id)["certificateDescription"]["certificateArn"])
    return identity


def ready(*flags):
    server = vouch.Server(*flags).start()
    server.prepare_workshop()
    return server


def ping_ms(client, times=60):
    """The median of what a ping takes, in milliseconds, and the worst."""
    took = []
    for _ in range(times):
        started = time.monotonic()
        client.ping()
        took.append((time.monotonic() - started) * 1000)
        time.sleep(0.002)
    return statistics.median(took), max(took)


# ---- so many and no more


def test_an_address_has_its_bound_and_another_entrance_its_own():
    server = ready("--connections-per-address", "5", "--api-connections-per-address", "3")
    try:
        identity = free_device(server, "Bounded")
        clients = [mqtt.Client(server, identity) for _ in range(5)]
        for number, client in enumerate(clients):
            client.connect(f"Bounded-{number}")
        with pytest.raises((mqtt.Closed, OSError)):
            with mqtt.Client(server, identity) as one_more:
                one_more.connect("Bounded-6")
        for client in clients:
            client.ping()
        told = json.loads(server.vouch("why", "127.0.0.1").stdout)["refusals"]
        assert told[0]["reason"] == "connections-full" and "connections-per-address" in told[0]["message"], told
        clients[0].disconnect()
        deadline = time.monotonic() + 5
        while True:  # there is room again
            try:
                clients[0] = mqtt.Client(server, identity)
                clients[0].connect("Bounded-0")
                break
            except mqtt.Closed:
                assert time.monotonic() < deadline
        held = [socket.create_connection(("127.0.0.1", api_port(server))) for _ in range(2)]
        with stranger(api_port(server)) as caller:  # the third
            caller.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert caller.recv(100).startswith(b"HTTP/1.1 200")
            with pytest.raises((OSError, ssl.SSLError)):
                stranger(api_port(server))
        for sock in held:
            sock.close()
        for client in clients:
            client.close()
    finally:
        server.close()


def test_a_certificate_has_its_bound():
    server = ready("--connections-per-certificate", "2")
    try:
        shared, own = free_device(server, "Shared"), free_device(server, "Own")
        clients = [mqtt.Client(server, shared) for _ in range(2)]
        for number, client in enumerate(clients):
            client.connect(f"Shared-{number}")
        with mqtt.Client(server, shared) as third:
            third.connect("Shared-3", expect=3)
        with mqtt.Client(server, own) as other:
            other.connect("Own")
        told = json.loads(server.vouch("why", "Shared-3").stdout)["refusals"]
        assert told[0]["reason"] == "connections-full" and "connections-per-certificate" in told[0]["message"], told
        clients[0].disconnect()
        server.wait_log("client=Shared-0")
        deadline = time.monotonic() + 5
        while True:
            try:
                with mqtt.Client(server, shared) as again:
                    again.connect("Shared-3")
                break
            except AssertionError:
                assert time.monotonic() < deadline
        clients[1].close()
    finally:
        server.close()


def test_memory_has_a_ceiling():
    server = ready("--memory-max", "8")  # less than it needs: short of memory from the first look
    try:
        server.wait_log("memory-short")
        assert numbers(server)["vouch_memory_short"] == 1
        with pytest.raises(OSError):
            stranger(server.mqtt_port)
        assert numbers(server)['vouch_connections_turned_away_total{entrance="device",bound="memory"}'] >= 1
        told = json.loads(server.vouch("why", "127.0.0.1").stdout)["refusals"]  # the operator is let in
        assert told[0]["reason"] == "memory-full"
    finally:
        server.close()


# ---- quotas


def test_aws_quotas_of_a_connection():
    server = ready("--limits", "aws")
    try:
        identity, listening = free_device(server, "Hasty"), free_device(server, "Listening")
        listener = mqtt.Client(server, listening)
        listener.connect("Listening")
        listener.subscribe("Hasty/#", qos=0)
        client = mqtt.Client(server, identity)
        time.sleep(1.1)
        client.connect("Hasty")
        client.send(b"".join(mqtt.publish("Hasty/x", b"%d" % n) for n in range(400)))
        client.ping()
        heard = 0
        try:
            while True:
                listener.message(0.7)
                heard += 1
        except TimeoutError:
            pass
        assert 100 <= heard < 300, heard
        client.close()
        with mqtt.Client(server, identity) as again:
            again.connect("Hasty-2")
        with mqtt.Client(server, identity) as again:
            again.connect("Hasty-2", expect=3)
        told = json.loads(server.vouch("why", "Hasty-2").stdout)["refusals"]
        assert told[0]["reason"] == "rate-exceeded" and "once a second" in told[0]["message"], told
        time.sleep(1.1)
        with mqtt.Client(server, identity) as again:
            again.connect("Hasty-2")
        listener.close()
    finally:
        server.close()


# ---- hostile clients, and one who behaves


@pytest.fixture(scope="module")
def server():
    made = ready()
    yield made
    made.close()


@pytest.fixture
def well_behaved(server):
    identity = free_device(server, "Quiet") if not hasattr(server, "quiet") else server.quiet
    server.quiet = identity
    with mqtt.Client(server, identity) as client:
        client.connect("Quiet")
        yield client


def during(server, well_behaved, attack, bound_mib):
    """Latency and memory while four processes attack."""
    processes = multiprocessing.get_context("fork")
    calm, _ = ping_ms(well_behaved)
    before = resident_kib(server.process.pid)
    stop = processes.Event()
    running = [processes.Process(target=attack, args=(stop,)) for _ in range(4)]
    for one in running:
        one.start()
    time.sleep(0.3)
    loaded, worst = ping_ms(well_behaved, 150)
    grown = resident_kib(server.process.pid) - before
    stop.set()
    for one in running:
        one.join(60)
        assert one.exitcode == 0
    print(f"{attack.__name__}: ping {calm:.2f} ms calm, {loaded:.2f} ms under attack ({loaded / calm:.1f} times), worst {worst:.1f} ms; "
          f"memory +{grown / 1024:.1f} MiB")
    assert grown < bound_mib * 1024, f"memory grew by {grown} KiB"
    well_behaved.ping()


def test_slow_handshakes(server, well_behaved):
    def slow_handshake(stop):
        socks = []
        while not stop.is_set() and len(socks) < 200:
            sock = socket.create_connection(("127.0.0.1", server.mqtt_port), 10)
            sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[:1 + len(socks) % 11])
            socks.append(sock)
        stop.wait(2)
        for sock in socks:
            sock.close()
    during(server, well_behaved, slow_handshake, 64)


def test_a_storm_of_connections(server, well_behaved):
    def storm(stop):
        context = ssl.create_default_context(cafile=server.ca)
        context.load_cert_chain(server.quiet.cert_file, server.quiet.key_file)
        while not stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", server.mqtt_port), 10) as raw, context.wrap_socket(raw, server_hostname="localhost"):
                    pass
            except (OSError, ssl.SSLError):
                pass
    during(server, well_behaved, storm, 64)


def test_half_packets_and_single_bytes(server, well_behaved):
    identity = free_device(server, "Halves")
    packet = mqtt.publish("Halves/x", b"z" * 300, 1, 7)

    def halves(stop):
        number = os.getpid()
        with mqtt.Client(server, identity) as client:
            client.connect(f"Halves-{number}")
            while not stop.is_set():
                for at in range(len(packet)):
                    client.send(packet[at:at + 1])
                client.expect(mqtt.PUBACK)
                client.send(packet[:200])
                time.sleep(0.01)
                client.send(packet[200:])
                client.expect(mqtt.PUBACK)
    during(server, well_behaved, halves, 32)


def test_a_giant_remaining_length(server, well_behaved):
    identity = free_device(server, "Giant")

    def giant(stop):
        number = os.getpid()
        while not stop.is_set():
            with mqtt.Client(server, identity) as client:
                client.connect(f"Giant-{number}")
                try:
                    client.send(b"\x30\xff\xff\xff\x7f" + b"x" * 60000)
                    client.expect_closed()
                except mqtt.Closed:
                    pass
    during(server, well_behaved, giant, 32)
    told = json.loads(server.vouch("why", "--certificate", identity.id).stdout)["refusals"]
    assert told and told[0]["reason"] == "payload-too-large", told


def test_a_giant_connect(server, well_behaved):
    with mqtt.Client(server, server.quiet) as client:
        client.send(b"\x10\xff\xff\xff\x7f" + b"x" * 100)
        assert client.expect_closed()
    well_behaved.ping()


def test_reading_nothing_under_a_flood(server, well_behaved):
    deaf, loud = free_device(server, "Deaf"), free_device(server, "Flood")

    def flood(stop):
        number = os.getpid()
        with mqtt.Client(server, deaf) as reader, mqtt.Client(server, loud) as speaker:
            reader.connect(f"Deaf-{number}")
            reader.subscribe(f"flood/{number}", qos=0)
            speaker.connect(f"Flood-{number}")
            packet = mqtt.publish(f"flood/{number}", b"z" * 50000)
            for _ in range(200):
                if stop.is_set():
                    break
                speaker.send(packet)
            speaker.ping()
    during(server, well_behaved, flood, 96)
    server.wait_log("reason=slow-reader")


# ---- the end


def test_a_stop_in_good_order():
    server = ready()
    try:
        identities = [free_device(server, f"Last-{n}") for n in range(3)]
        clients = [mqtt.Client(server, identity) for identity in identities]
        for number, client in enumerate(clients):
            client.connect(f"Last-{number}", will=("wills/gone", b"%d" % number, 0, False))
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        for client in clients:
            while True:
                try:
                    client.receive(10)
                except mqtt.Closed:
                    break
            client.close()
        assert server.process.wait(20) == 0
        print(f"stopped after {time.monotonic() - started:.2f} s")
        assert time.monotonic() - started < 15
        log = server.log_text()
        assert all(f"reason=server-stopping client=Last-{n}" in log for n in range(3)), log[-2000:]
        assert "drain-cut" not in log
        server.process.stdout.close()
        server.process = None
        server.start()
        connectivity = server.boto().search_index(queryString="thingName:Last-0")["things"][0]["connectivity"]
        assert connectivity["disconnectReason"] == "SERVER_INITIATED_DISCONNECT"
    finally:
        server.close()


def test_an_answer_under_way_is_finished():
    server = ready()
    try:
        claims = [server.claim() for _ in range(4)]
        clients = [mqtt.Client(server, claim) for claim in claims]
        for number, client in enumerate(clients):
            client.connect(f"claim-{number}")
        for client in clients:
            client.send(mqtt.publish(mqtt.CREATE, b"{}", 1, 3))
        for client in clients:
            client.expect(mqtt.PUBACK)  # it is taken
        os.kill(server.process.pid, signal.SIGTERM)
        for client in clients:
            topic, answer = client.message()
            assert topic == mqtt.CREATE + "/accepted" and b"certificateOwnershipToken" in answer
            client.close()
        assert server.process.wait(20) == 0
        server.process.stdout.close()
        server.process = None
        assert "stopping" in server.log_text()
    finally:
        server.close()


def test_aws_quota_of_publishes_on_mqtt_5():
    server = ready("--limits", "aws")
    try:
        identity = free_device(server, "HastyFive")
        time.sleep(1.1)
        with mqtt5.Peer(server, identity, 5) as peer:
            peer.connect("HastyFive")
            codes = [peer.publish("HastyFive/x", qos=1).reason for _ in range(150)]
        assert 100 <= sum(code < 0x80 for code in codes) < 150 and set(codes) - {0x00, 0x10} == {0x97}, codes
    finally:
        server.close()
