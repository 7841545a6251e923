"""What MQTT keeps outlives the server: sessions, queues, wills and retained messages after kill -9, on a full disk, and
from a file that is not in order. A PUBACK is a promise: what was acknowledged is delivered.

VOUCH_DURABILITY_ROUNDS sets the number of kills of the storm.
"""
import os
import pathlib
import random
import resource
import sqlite3
import threading
import time

import pytest

import mqtt5
import vouch
from mqtt_kept import Peer, allow_all

ROUNDS = int(os.environ.get("VOUCH_DURABILITY_ROUNDS", "15"))


@pytest.fixture(scope="module")
def world():
    with vouch.Server("--loops", "2") as server:
        yield server, allow_all(server, "all")


def connect(world, level, client_id, kept=True, clean=False, **more):
    server, identity = world
    peer = Peer(server, identity, level)
    if level == 5 and kept:
        more.setdefault("props", [("session-expiry", 3000)])
    answer = peer.connect(client_id, clean=clean or (level == 4 and not kept), **more)
    assert answer.reason == 0
    return peer


def kill(world):
    world[0].kill()
    world[0].start()


def ask(path, sql):
    """The first row, of a file that no server has open; its log is gone afterwards."""
    db = sqlite3.connect(path)
    try:
        return db.execute(sql).fetchone()
    finally:
        db.close()


def all_messages(peer, count):
    """So many and no more: the rest of what waits would come before the second answer."""
    got = [peer.message() for _ in range(count)]
    peer.ping()
    peer.ping()
    assert not peer.inbox, peer.inbox
    return got


# ---- kill -9


@pytest.mark.parametrize("level", [4, 5])
def test_session_and_queue_survive(world, level):
    with connect(world, level, f"keep-{level}") as peer:
        assert not peer.connack.session_present
        peer.subscribe([(f"k{level}/+", 1), (f"zero{level}", 0)])
        peer.leave()
    with connect(world, 5, "sender", kept=False, clean=True) as sender:
        for i in range(60):
            sender.publish(f"k{level}/{i % 3}", f"m{i}", 1, props=[("user", ("n", str(i))), ("content-type", "text/x")])
        sender.publish(f"zero{level}", "not kept", 1)
    kill(world)
    with connect(world, level, f"keep-{level}") as peer:
        assert peer.connack.session_present
        got = all_messages(peer, 60)
        assert [m.payload for m in got] == [f"m{i}".encode() for i in range(60)]
        assert all(m.qos == 1 and not m.retain for m in got)
        if level == 5:
            assert [m.get("user") for m in got] == [("n", str(i)) for i in range(60)]
            assert {m.get("content-type") for m in got} == {"text/x"}
        peer.leave()
    world[0].stop()  # in order: what was acknowledged is forgotten
    world[0].start()
    with connect(world, level, f"keep-{level}") as peer:
        assert peer.connack.session_present
        all_messages(peer, 0)
        peer.leave()


def test_what_was_sent_and_not_acknowledged_comes_again(world):
    with connect(world, 5, "slow", clean=True) as peer, connect(world, 5, "sender", kept=False, clean=True) as sender:
        peer.acknowledges = False
        peer.subscribe("s/a", 1)
        for i in range(5):
            sender.publish("s/a", f"m{i}", 1)
        got = [peer.message() for _ in range(5)]
        for message in got[:2]:
            peer.acknowledge(message)
        peer.ping()
        peer.leave()
    world[0].stop()
    world[0].start()
    with connect(world, 5, "slow") as peer:
        assert [m.payload for m in all_messages(peer, 3)] == [b"m2", b"m3", b"m4"]


def test_what_suback_and_unsuback_promise(world):
    """Killed as soon as they are there."""
    with connect(world, 4, "subs", clean=True, kept=False) as peer:
        peer.leave()
    with connect(world, 4, "subs") as peer:
        peer.subscribe("p/one", 1)
    kill(world)
    with connect(world, 4, "subs") as peer:
        assert peer.connack.session_present
        peer.subscribe("p/two", 1)
        peer.unsubscribe("p/one")
    kill(world)
    with connect(world, 5, "sender", kept=False, clean=True) as sender:
        assert sender.publish("p/one", "no", 1).reason in (0, 16)
        sender.publish("p/two", "yes", 1)
    with connect(world, 4, "subs") as peer:
        assert [m.payload for m in all_messages(peer, 1)] == [b"yes"]


@pytest.mark.parametrize("level", [4, 5])
def test_a_clean_start_ends_the_old_session(world, level):
    with connect(world, level, f"gone-{level}") as peer:
        peer.subscribe("g/a", 1)
    with connect(world, level, f"gone-{level}", kept=False, clean=True) as peer:
        assert not peer.connack.session_present
    kill(world)
    with connect(world, level, f"gone-{level}") as peer:
        assert not peer.connack.session_present


def test_retained_messages_survive(world):
    with connect(world, 5, "sender", kept=False, clean=True) as sender:
        sender.publish("r/a", "old", 1, retain=True)
        sender.publish("r/a", "new", 1, retain=True, props=[("user", ("a", "b")), ("response-topic", "r/answer")])
        sender.publish("r/b", "x", 1, retain=True)
        sender.publish("r/b", "", 1, retain=True)
        sender.publish("r/zero", "lazy", 0, retain=True)
        sender.publish("r/c", "last", 1, retain=True)  # takes the one of QoS 0 with it
    kill(world)
    with connect(world, 5, "reader", kept=False, clean=True) as reader:
        reader.subscribe([("r/a", 1), ("r/b", 1), ("r/zero", 1), ("r/c", 0)])
        got = {m.topic: m for m in all_messages(reader, 3)}
        assert {t: (m.payload, m.qos, m.retain) for t, m in got.items()} == {
            "r/a": (b"new", 1, True), "r/zero": (b"lazy", 0, True), "r/c": (b"last", 0, True)}
        assert got["r/a"].get("user") == ("a", "b") and got["r/a"].get("response-topic") == "r/answer"


def test_a_will_is_published_after_a_kill(world):
    with connect(world, 4, "heir", clean=True, kept=False) as heir:
        heir.leave()
    with connect(world, 4, "heir") as heir:
        heir.subscribe("will/+", 1)
        heir.leave()
    will = {"topic": "will/dying", "payload": b"gone", "qos": 1, "retain": True}
    dying = connect(world, 5, "dying", clean=True, will=will)
    quiet = connect(world, 5, "quiet", clean=True, will=dict(will, topic="will/quiet"))
    for peer in (dying, quiet):
        peer.subscribe("any", 1)  # durable, and all before it
    quiet.leave()  # takes its will back
    dying.subscribe("other", 1)
    kill(world)
    with connect(world, 4, "heir") as heir:
        assert heir.connack.session_present
        got = heir.message()
        assert (got.topic, got.payload) == ("will/dying", b"gone")
        all_messages(heir, 0)
    with connect(world, 5, "reader", kept=False, clean=True) as reader:
        reader.subscribe([("will/dying", 1), ("will/quiet", 1)])
        got = reader.message()
        assert (got.topic, got.payload, got.retain) == ("will/dying", b"gone", True)
        all_messages(reader, 0)
    dying.close()


def test_a_will_that_is_not_allowed_any_more_is_not_published_after_a_kill(world):
    server = world[0]
    lost, kept = allow_all(server, "lost"), allow_all(server, "kept")
    peers = []
    for name, identity in (("lost", lost), ("kept", kept)):
        peers.append(connect((server, identity), 5, f"will-{name}", clean=True, will={"topic": f"inherit/{name}", "payload": b"gone", "qos": 1, "retain": True}))
        peers[-1].subscribe("any", 1)  # durable, and all before it
    server.boto().detach_policy(policyName="lost", target=f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:cert/{lost.id}")
    kill(world)
    with connect(world, 5, "will-reader", kept=False, clean=True) as reader:
        reader.subscribe([("inherit/kept", 1), ("inherit/lost", 1)])
        assert reader.message().topic == "inherit/kept"
        all_messages(reader, 0)
    for peer in peers:
        peer.close()


def test_one_message_for_many_sessions_is_stored_once(world):
    server = world[0]
    names = [f"many-{i}" for i in range(20)]
    for name in names:
        with connect(world, 5, name, clean=True) as peer:
            peer.subscribe("many", 1)
            peer.leave()
    with connect(world, 5, "sender", kept=False, clean=True) as sender:
        sender.publish("many", b"x" * 100000, 1)
    server.stop()
    path = server.data / "store" / "messages.db"
    assert ask(path, "SELECT COUNT(*), MAX(refs) FROM messages WHERE topic = 'many'") == (1, len(names))
    server.start()
    for name in names:
        with connect(world, 5, name) as peer:
            assert peer.message().payload == b"x" * 100000
            peer.ping()
            peer.leave(0, [("session-expiry", 0)])
    server.stop()
    assert ask(path, "SELECT COUNT(*) FROM messages WHERE topic = 'many'") == (0,)
    assert ask(path, "SELECT COUNT(*) FROM sessions WHERE client_id LIKE 'many-%'") == (0,)
    server.start()


# ---- the storm


class Storm:
    """Publishers that write down each PUBACK, one subscriber that comes and goes, and a server that is killed."""

    PUBLISHERS, WINDOW = 4, 20

    def __init__(self, world):
        self.world = world
        self.acknowledged = [set() for _ in range(self.PUBLISHERS)]
        self.next = [0] * self.PUBLISHERS
        self.received = [[] for _ in range(self.PUBLISHERS)]
        self.seen = [0] * self.PUBLISHERS

    def waiting(self):
        """At most: what the subscriber has not seen. The server keeps a thousand messages for it."""
        return sum(self.next) - sum(self.seen)

    def publish(self, n, level):
        """Until the connection breaks."""
        waiting = {}
        try:
            with connect(self.world, level, f"storm-{n}", kept=False, clean=True) as peer:
                while True:
                    while len(waiting) < self.WINDOW and self.waiting() < 800:
                        packet_id = peer.new_id()
                        waiting[packet_id] = self.next[n]
                        peer.publish(f"storm/{n}", str(self.next[n]), 1, packet_id=packet_id, wait=False)
                        self.next[n] += 1
                    if not waiting:
                        time.sleep(0.002)
                        peer.ping()
                        continue
                    got = peer.expect(mqtt5.PUBACK)
                    if got.reason in (0, 16):
                        self.acknowledged[n].add(waiting[got.packet_id])
                    del waiting[got.packet_id]
        except (mqtt5.Closed, TimeoutError, OSError, AssertionError):
            return

    def note(self, message):
        n, number = int(message.topic.split("/")[1]), int(message.payload)
        self.received[n].append(number)
        self.seen[n] = max(self.seen[n], number + 1)

    def subscribe(self, rng):
        """Comes and goes until the server is away."""
        try:
            while True:
                with connect(self.world, 4, "storm-reader") as peer:
                    peer.subscribe("storm/+", 1)
                    for _ in range(rng.randrange(50, 400)):
                        self.note(peer.message(2))
        except (mqtt5.Closed, TimeoutError, OSError, AssertionError):
            return

    def round(self, rng):
        workers = [threading.Thread(target=self.publish, args=(n, 4 + n % 2)) for n in range(self.PUBLISHERS)]
        workers.append(threading.Thread(target=self.subscribe, args=(rng,)))
        for worker in workers:
            worker.start()
        time.sleep(0.05 + rng.random() * 0.4)
        self.world[0].kill()
        for worker in workers:
            worker.join()
        self.world[0].start()

    def lost(self, n):
        return self.acknowledged[n] - set(self.received[n])

    def drain(self):
        """Until nothing comes any more; while something is missing, a machine that is busy is given longer."""
        silence = 0.5
        with connect(self.world, 4, "storm-reader") as peer:
            assert peer.connack.session_present
            while True:
                try:
                    self.note(peer.message(silence))
                    silence = 0.5
                except TimeoutError:
                    if silence > 0.5 or not any(map(self.lost, range(self.PUBLISHERS))):
                        break
                    silence = 10
            peer.ping()

    def check(self):
        for n in range(self.PUBLISHERS):
            lost = self.lost(n)
            assert not lost, f"acknowledged and lost: storm/{n} {sorted(lost)[:10]} of {len(self.acknowledged[n])}"
            seen, first = set(), []
            for number in self.received[n]:
                if number not in seen:
                    first.append(number)
                seen.add(number)
            assert first == sorted(first), f"storm/{n} out of order"


def test_storm(world):
    seed = int(os.environ.get("VOUCH_DURABILITY_SEED", "1"))
    rng = random.Random(seed)
    storm = Storm(world)
    with connect(world, 4, "storm-reader") as peer:
        peer.subscribe("storm/+", 1)
    for _ in range(ROUNDS):
        storm.round(rng)
    storm.drain()
    storm.check()
    total, received = sum(map(len, storm.acknowledged)), sum(map(len, storm.received))
    print(f"{ROUNDS} kills (VOUCH_DURABILITY_SEED={seed}): {total} messages acknowledged, none lost, {received} received")
    assert total > ROUNDS * 10


# ---- a full disk


def front_pid(server):
    return int(next(pathlib.Path(server.data, "run").glob("*.pid")).read_text())


def limit_files(server, size):
    """A limit on the size of files stands for a full disk."""
    hard = resource.prlimit(front_pid(server), resource.RLIMIT_FSIZE)[1]
    resource.prlimit(front_pid(server), resource.RLIMIT_FSIZE, (size if size else hard, hard))


def test_full_disk(world):
    server = world[0]
    with connect(world, 5, "full-reader", clean=True) as peer:
        peer.subscribe("full", 1)
        peer.leave()
    server.stop()
    server.start()  # with an empty log
    acknowledged, refused, n = [], 0, 0
    sender = connect(world, 5, "full-sender", kept=False, clean=True)
    limit_files(server, server.log_path.stat().st_size + 200000)
    try:
        while refused < 3:
            answer = sender.publish("full", f"{n:06}" + "x" * 8000, 1)
            if answer.reason in (0, 16):
                acknowledged.append(n)
            else:
                assert answer.reason in (0x80, 0x97), hex(answer.reason)
                refused += 1
            n += 1
            assert n < 500
        old = connect(world, 4, "full-old", kept=False, clean=True)
        old.send(mqtt5.publish(4, "full", f"{n:06}", 1, 1))
        old.ended()  # 3.1.1 has no word for it
        n += 1
        sender.publish("elsewhere", "goes on", 1)  # nobody keeps it
        server.wait_log("messages-wait")
    finally:
        limit_files(server, None)
    deadline = time.monotonic() + 10
    while True:  # by itself
        answer = sender.publish("full", f"{n:06}", 1)
        n += 1
        if answer.reason == 0:
            acknowledged.append(n - 1)
            break
        assert time.monotonic() < deadline
    sender.close()
    assert len(acknowledged) > 5
    server.wait_log("messages-written")
    kill(world)
    with connect(world, 5, "full-reader") as peer:
        got = []
        while not got or got[-1] != acknowledged[-1]:
            got.append(int(peer.message().payload[:6]))
    assert set(acknowledged) <= set(got) and got == sorted(got)


# ---- what is over


def test_expired_things_do_not_come_back(world):
    with connect(world, 5, "short", clean=True, props=[("session-expiry", 1)]) as peer:
        peer.subscribe("e/a", 1)
        peer.leave()
    with connect(world, 5, "long", clean=True) as peer:
        peer.subscribe("e/a", 1)
        peer.leave()
    with connect(world, 5, "sender", kept=False, clean=True) as sender:
        sender.publish("e/a", "short", 1, props=[("message-expiry", 1)])
        sender.publish("e/a", "long", 1, props=[("message-expiry", 1000)])
        sender.publish("e/b", "short", 1, retain=True, props=[("message-expiry", 1)])
        sender.publish("e/c", "long", 1, retain=True, props=[("message-expiry", 1000)])
    over = time.time() + 1.5
    world[0].kill()
    while time.time() < over:
        time.sleep(0.05)
    world[0].start()
    with connect(world, 5, "short") as peer:
        # Its time begins when the server that starts again takes it over: it may be there for that second.
        assert all(m.payload == b"long" for m in (all_messages(peer, 1) if peer.connack.session_present else []))
    with connect(world, 5, "long") as peer:
        assert peer.connack.session_present
        (message,) = all_messages(peer, 1)
        assert message.payload == b"long" and 900 < message.get("message-expiry") < 1000
        peer.subscribe([("e/b", 1), ("e/c", 1)])
        (message,) = all_messages(peer, 1)
        assert message.topic == "e/c" and message.retain


def test_an_expired_session_is_gone(world):
    with connect(world, 5, "brief", clean=True, props=[("session-expiry", 1)]) as peer:
        peer.subscribe("brief", 1)
        peer.leave()
    world[0].stop()  # its end is known
    over = time.time() + 1.5
    while time.time() < over:
        time.sleep(0.05)
    world[0].start()
    with connect(world, 5, "brief") as peer:
        assert not peer.connack.session_present


# ---- files that are not in order


def refuses(server, word):
    with pytest.raises(AssertionError, match="did not become ready"):
        server.start()
    server.process.wait(30)
    server.process.stdout.close()
    assert server.process.returncode not in (0, None)
    server.process = None
    text = server.log_text()[-3000:]
    assert word in text and "messages.db" in text, text


def test_damaged_and_newer_files_are_refused():
    server = vouch.Server("--loops", "1")
    server.start()
    try:
        server.stop()
        path = server.data / "store" / "messages.db"
        good = path.read_bytes()
        ask(path, "PRAGMA user_version = 99")
        refuses(server, "newer program")
        path.write_bytes(b"garbage " * 512)
        refuses(server, "damaged")
        assert path.read_bytes() == b"garbage " * 512  # left for whoever can mend it
        path.write_bytes(good[:len(good) // 2 // 4096 * 4096])
        refuses(server, "damaged")
        path.unlink()  # the way out that the message names
        server.start()
    finally:
        server.close()


# ---- figures


def test_figures(world, capsys):
    """Not a test of speed: prints how many QoS 1 messages a second are kept for a session that is away."""
    with connect(world, 5, "figures", clean=True) as peer:
        peer.subscribe("figures", 1)
        peer.leave()
    lines = []
    for window in (1, 10, 100):
        with connect(world, 4, "sender", kept=False) as sender:
            one = mqtt5.publish(4, "figures", b"x" * 64, 1, 1)
            count, open_ids, until, begun = 0, 0, time.monotonic() + 1, time.monotonic()
            while time.monotonic() < until or open_ids:
                while open_ids < window and time.monotonic() < until:
                    burst = window - open_ids
                    sender.send(one * burst)
                    open_ids += burst
                while open_ids:
                    sender.expect(mqtt5.PUBACK)
                    open_ids -= 1
                    count += 1
                    if window > 1 and open_ids < window // 2 and time.monotonic() < until:
                        break
            lines.append(f"{window} in flight: {count / (time.monotonic() - begun):.0f} messages/s kept and acknowledged")
            assert count > 0
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    with connect(world, 5, "figures", kept=False, clean=True) as peer:
        peer.leave()
