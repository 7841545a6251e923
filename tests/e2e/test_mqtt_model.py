"""Random clients against a model of the broker that is too simple to be wrong.

A run is a list of operations made from a seed: connects of both protocol levels (clean and kept sessions, wills,
take-overs, another certificate), subscriptions, publications (retained or not), ends of every kind, restarts in order
and by kill -9. Nothing sleeps: after each operation the test knows by an answer of the server's that it has happened.
An operation that makes no sense where it stands does nothing, so any part of a failing list may be left out: that is
how the shortest history is looked for that still fails.

VOUCH_MODEL_SEED and VOUCH_MODEL_STEPS choose other runs, VOUCH_MODEL_SHRINK how many are spent on a shorter history.
"""
import json
import os
import random
import time

import pytest

import mqtt5
import vouch
from mqtt_kept import Peer, allow_all

SEEDS = [int(os.environ["VOUCH_MODEL_SEED"])] if "VOUCH_MODEL_SEED" in os.environ else [1, 2]
STEPS = int(os.environ.get("VOUCH_MODEL_STEPS", "2000"))
SHRINK = int(os.environ.get("VOUCH_MODEL_SHRINK", "150"))

CLIENTS = ["a", "b", "c", "d", "e", "f"]
TOPICS = ["t/a", "t/b", "t/a/b", "t/a/", "u"]
FILTERS = TOPICS + ["t/+", "t/#", "t/a/#", "t/+/b", "+", "#", "w/+", "w/a"]


class Wrong(AssertionError):
    """The server and the model disagree."""


def check(condition, words):
    if not condition:
        raise Wrong(words)


def matches(pattern, topic):
    """As AWS: '#' stands for at least one level."""
    pattern, topic = pattern.split("/"), topic.split("/")
    for i, level in enumerate(pattern):
        if level == "#":
            return len(topic) > i
        if i >= len(topic) or level not in ("+", topic[i]):
            return False
    return len(pattern) == len(topic)


# ---- operations, as data


def make_connect(rng):
    level = rng.choice([4, 5])
    kept = rng.random() < 0.6
    will = None
    if rng.random() < 0.4:
        will = {"qos": rng.randrange(2), "retain": rng.random() < 0.2}
    return {"op": "connect", "client": rng.choice(CLIENTS), "level": level, "kept": kept, "will": will,
            "clean": not kept if level == 4 else rng.random() < 0.3, "other": rng.random() < 0.04}


def make_subscribe(rng):
    return {"op": "subscribe", "client": rng.choice(CLIENTS),
            "filters": [(f, rng.randrange(2)) for f in rng.sample(FILTERS, rng.choice([1, 1, 2, 3]))]}


def make_publish(rng):
    retain = rng.random() < 0.25
    return {"op": "publish", "client": rng.choice(CLIENTS), "topic": rng.choice(TOPICS), "qos": rng.choice([0, 1, 1]), "retain": retain,
            "empty": retain and rng.random() < 0.3, "user": rng.random() < 0.3, "count": rng.choice([1, 1, 1, 5])}


def make_end(rng):
    return {"op": "end", "client": rng.choice(CLIENTS), "how": rng.choice(["disconnect", "drop", "forget"])}


def make_kill(rng):
    """With messages on their way, which may or may not have arrived."""
    return {"op": "kill", "unanswered": [dict(make_publish(rng), empty=False) for _ in range(rng.randrange(4))]}


def make_operations(seed, steps):
    rng = random.Random(seed)
    makers = [(make_connect, 14), (make_subscribe, 12), (make_publish, 45), (make_end, 7),
              (lambda r: {"op": "unsubscribe", "client": r.choice(CLIENTS), "filter": r.choice(FILTERS)}, 5),
              (lambda r: {"op": "drain", "client": r.choice(CLIENTS)}, 16),
              (lambda r: {"op": "restart"}, 0.2), (make_kill, 0.4)]
    functions, weights = zip(*makers)
    return [rng.choices(functions, weights)[0](rng) for _ in range(steps)]


# ---- the model


class Message:
    def __init__(self, topic, payload, qos, retained=False, user=None, must=True):
        self.topic, self.payload, self.qos, self.retained, self.user, self.must = topic, payload, qos, retained, user, must

    def __repr__(self):
        return f"{self.topic}={self.payload.decode()}{'' if self.must else '?'} qos {self.qos}{' retained' if self.retained else ''}"


class Session:
    def __init__(self, client, level, identity):
        self.client, self.level, self.identity = client, level, identity
        self.kept = False
        self.subs = {}
        self.expected = []
        self.peer = None
        self.will = None
        self.acknowledged = set()  # since the server started: a kill may bring them back
        self.twice = set()  # may come once more


class Run:
    """One list of operations against the server, under topics and client ids of its own."""

    number = 0

    def __init__(self, server, identities):
        Run.number += 1
        self.prefix = f"m{Run.number}"
        self.server, self.identities = server, identities
        self.sessions, self.retained = {}, {}
        self.floating = set()  # wills of connections that a restart cut: published at some time, or not
        self.unsure = {}  # topic: what may be retained there after a kill
        self.counter = 0
        self.patience = 10  # for what must come
        self.open_observer()

    # ---- small things

    def name(self, part):
        return f"{self.prefix}/{part}"

    def payload(self):
        self.counter += 1
        return f"{self.prefix}.{self.counter}".encode()

    def open_observer(self):
        """Sees every will, so that its publication can be waited for."""
        self.observer = Peer(self.server, self.identities[0], 4)
        self.observer.connect(f"{self.prefix}-observer")
        self.observer.subscribe(self.name("w/+"))

    def barrier(self):
        """All that has happened is durable: what has no answer of its own may otherwise be undone by a kill."""
        self.observer.publish(f"barrier-{self.prefix}", b"x", 1, retain=True)

    def connected(self, client):
        session = self.sessions.get(client)
        return session if session and session.peer else None

    # ---- what a publication does

    def route(self, topic, payload, qos, retain=False, user=None, must=True, sender=None):
        full = self.name(topic)
        for session in self.sessions.values():
            granted = [q for f, q in session.subs.items() if matches(f, topic)]
            if not granted:
                continue
            q = min(qos, max(granted))
            if session.peer or (q == 1 and session.kept):
                certain = must and session is not sender
                session.expected.append(Message(full, payload, q, user=user, must=certain))
        if not retain:
            return
        old = self.retained.get(topic)
        new = Message(full, payload, qos, True, user) if payload else None
        if not must:
            self.unsure.setdefault(topic, [old]).append(new)
        else:
            self.unsure.pop(topic, None)
            self.retained[topic] = new

    def will_of(self, session):
        """Its client has gone without a word."""
        will, session.will = session.will, None
        if will:
            self.route("w/" + session.client, will["payload"], will["qos"], will["retain"], sender=session)
        return will

    def close(self, session):
        session.peer = None
        session.expected = [m for m in session.expected if m.qos == 1]
        if not session.kept:
            del self.sessions[session.client]

    # ---- operations

    def connect(self, op):
        client, level = op["client"], op["level"]
        identity = self.identities[1 if op["other"] else 0]
        old = self.sessions.get(client)
        present = bool(old and old.kept and not op["clean"] and old.level == level and old.identity is identity)
        will = dict(op["will"], payload=self.payload(), topic=self.name("w/" + client)) if op["will"] else None
        peer = Peer(self.server, identity, level)
        props = [("session-expiry", 3000)] if level == 5 and op["kept"] else []
        answer = peer.connect(f"{self.prefix}-{client}", clean=op["clean"], will=will, props=props)
        check(answer.reason == 0, f"CONNACK {answer.reason}")
        if old and old.peer:
            before = old.peer
            gone = old if not old.kept else None
            if gone:
                del self.sessions[client]
            self.will_of(old)
            if not gone:
                self.close(old)
            before.drop()
        check(answer.session_present == present, f"session present {answer.session_present}, expected {present}")
        if present:
            session = old
        else:
            session = Session(client, level, identity)
            self.sessions[client] = session
        if session.kept != op["kept"]:
            self.barrier()
        session.kept, session.peer, session.will = op["kept"], peer, will

    def end(self, op):
        session = self.connected(op["client"])
        if not session:
            return
        peer = session.peer
        if op["how"] == "drop":
            peer.drop()
            will = session.will
            self.close(session)
            self.will_of(session)
            if will:
                self.wait_for_will(will["payload"])
            return
        if op["how"] == "forget" and session.level == 5:
            peer.leave(0, [("session-expiry", 0)])
            if session.kept:
                self.barrier()
            session.kept = False
        else:
            peer.leave()
        session.will = None
        self.close(session)

    def wait_for_will(self, payload):
        while True:
            try:
                if self.observer.message(self.patience).payload == payload:
                    return
            except TimeoutError:
                raise Wrong(f"the will {payload.decode()} was not published")

    def subscribe(self, op):
        session = self.connected(op["client"])
        if not session:
            return
        got = session.peer.subscribe([(self.name(f), q) for f, q in op["filters"]])
        check(got.codes == [q for _, q in op["filters"]], f"SUBACK {got.codes}")
        for f, q in op["filters"]:
            session.subs[f] = q
            message = self.retained.get(f)
            if f in self.unsure or f.startswith("w/") and self.floating:
                for maybe in self.unsure.get(f, [message]):
                    if maybe:
                        session.expected.append(Message(maybe.topic, maybe.payload, min(q, maybe.qos), True, maybe.user, must=False))
            elif message:
                session.expected.append(Message(message.topic, message.payload, min(q, message.qos), True, message.user))

    def unsubscribe(self, op):
        session = self.connected(op["client"])
        if not session:
            return
        session.peer.unsubscribe(self.name(op["filter"]))
        session.subs.pop(op["filter"], None)

    def publish(self, op):
        session = self.connected(op["client"])
        for _ in range(op["count"] if session else 0):
            payload, user = self.send(session, op, wait=True)
            self.route(op["topic"], payload, op["qos"], op["retain"], user)
        if session and op["qos"] == 0:
            session.peer.ping()
            if op["retain"]:
                self.barrier()

    def send(self, session, op, wait):
        payload = b"" if op["empty"] else self.payload()
        user = [("user", ("n", str(self.counter)))] if op["user"] and session.level == 5 else []
        answer = session.peer.publish(self.name(op["topic"]), payload, op["qos"], retain=op["retain"], props=user, wait=wait)
        check(answer is None or answer.reason in (0, 16), f"PUBACK {answer and answer.reason}")
        return payload, user

    # ---- what comes is what was expected

    def meet(self, session, got):
        """One message that came."""
        for at, wanted in enumerate(session.expected):
            if (wanted.topic, wanted.payload) == (got.topic, got.payload) and wanted.qos == got.qos and wanted.retained == got.retain:
                break
        else:
            key = (got.topic, got.payload)
            check(key in session.twice or key in self.floating, f"{session.client} got {got}, expected {session.expected[:5]}")
            return
        for earlier in [m for m in session.expected[:at] if m.topic == got.topic and m.retained == got.retain]:
            check(not earlier.must, f"{session.client} got {got} before {earlier}")
            session.expected.remove(earlier)
        session.expected.remove(wanted)
        if session.level == 5:
            check(got.all("user") == [v for _, v in wanted.user or []], f"{session.client}: user properties {got.props} of {wanted}")
        if got.qos:
            session.acknowledged.add((got.topic, got.payload))

    def take(self, session, inbox):
        while inbox:
            got = inbox.pop(0)
            self.meet(session, got)
            if got.qos:
                session.peer.send(mqtt5.ack(mqtt5.PUBACK, got.packet_id))

    def drain(self, op):
        session = self.connected(op["client"])
        if not session:
            return
        peer = session.peer
        self.take(session, peer.inbox)
        while any(m.must for m in session.expected):
            try:
                got = peer.receive(self.patience)
            except TimeoutError:
                raise Wrong(f"{session.client} waits for {[m for m in session.expected if m.must][:5]}")
            check(got.kind == mqtt5.PUBLISH, f"{session.client} got {got}")
            self.take(session, [got])
        for _ in range(2):  # what another loop has for this one has come when the second is answered
            peer.ping()
            self.take(session, peer.inbox)
        session.expected, session.twice = [], set()

    # ---- restarts

    def cut(self, killed):
        """All connections are gone; wills may be published at some time."""
        for session in list(self.sessions.values()):
            if session.will:
                self.floating.add((self.name("w/" + session.client), session.will["payload"]))
                if session.will["retain"]:
                    self.unsure.setdefault("w/" + session.client, [self.retained.get("w/" + session.client)])
            session.will = None
            if session.peer:
                session.peer.drop()
                self.close(session)
            if killed:
                session.twice |= session.acknowledged
            session.acknowledged = set()
        self.observer.close()

    def restart(self, _):
        self.server.stop()
        self.cut(killed=False)
        self.server.start()
        self.open_observer()

    def kill(self, op):
        for unanswered in op["unanswered"]:
            session = self.connected(unanswered["client"])
            if session:
                payload, user = self.send(session, unanswered, wait=False)
                self.route(unanswered["topic"], payload, unanswered["qos"], unanswered["retain"], user, must=False)
        self.server.kill()
        self.cut(killed=True)
        self.server.start()
        self.open_observer()
        self.look_at_retained()

    def look_at_retained(self):
        """What is it now, of what it may be?"""
        for topic in [t for t in self.unsure if not t.startswith("w/")]:
            possible = self.unsure.pop(topic)
            with Peer(self.server, self.identities[0], 5) as peer:
                peer.connect(f"{self.prefix}-probe")
                peer.subscribe(self.name(topic), qos=1)
                peer.ping()
                peer.ping()
                got = peer.inbox[0].payload if peer.inbox else None
                peer.leave()
            found = [m for m in possible if (m.payload if m else None) == got]
            check(found, f"{topic} retains {got}, expected one of {possible}")
            self.retained[topic] = found[-1]

    # ---- all

    def step(self, op):
        getattr(self, op["op"])(op)

    def finish(self):
        """Everybody comes back and hears what is left; then nothing of the run remains."""
        for session in list(self.sessions.values()):
            if not session.peer:
                self.connect({"client": session.client, "level": session.level, "kept": True, "clean": False, "will": None,
                              "other": session.identity is self.identities[1]})
            self.drain({"client": session.client})

    def clean_up(self):
        for session in self.sessions.values():
            if session.peer:
                session.peer.drop()
        self.observer.publish(f"barrier-{self.prefix}", b"", 1, retain=True)
        self.observer.close()
        for session in self.sessions.values():
            with Peer(self.server, session.identity, 4) as peer:
                peer.connect(f"{self.prefix}-{session.client}", clean=True)


def play(server, identities, operations):
    """None, or the operation at which they disagree, and how."""
    run = Run(server, identities)
    at = -1
    try:
        for at, op in enumerate(operations):
            run.step(op)
        at = len(operations)
        run.finish()
        return None
    except (Wrong, AssertionError, mqtt5.Closed, TimeoutError) as error:
        return at, f"{type(error).__name__}: {error}"
    finally:
        if server.process is None or server.process.poll() is not None:
            server.process = None
            server.start()
        run.clean_up()


def shorter(server, identities, operations, budget):
    """Leaves out parts, larger ones first, as long as what is left fails too."""
    part = max(len(operations) // 2, 1)
    until = time.monotonic() + 120
    while budget > 0 and time.monotonic() < until:
        at = 0
        while at < len(operations) and budget > 0:
            less = operations[:at] + operations[at + part:]
            budget -= 1
            failed = play(server, identities, less)
            if failed:
                operations = less[:failed[0] + 1]
            else:
                at += part
        if part == 1:
            break
        part = max(part // 2, 1)
    return operations


@pytest.fixture(scope="module")
def world():
    with vouch.Server("--loops", "2") as server:
        yield server, [allow_all(server, "all-1"), allow_all(server, "all-2")]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_clients(world, seed):
    server, identities = world
    print(f"VOUCH_MODEL_SEED={seed} VOUCH_MODEL_STEPS={STEPS}")
    operations = make_operations(seed, STEPS)
    failed = play(server, identities, operations)
    if not failed:
        return
    at, words = failed
    short = shorter(server, identities, operations[:at + 1], SHRINK)
    again = play(server, identities, short)
    history = "\n".join(f"  {json.dumps(op)}" for op in short)
    pytest.fail(f"seed {seed}, operation {at}: {words}\n"
                f"{len(short)} operations fail too ({again[1] if again else 'not always'}):\n{history}")


# ---- the model itself: it must be able to disagree


@pytest.mark.parametrize("pattern,topic,expected", [
    ("t/#", "t/a", True), ("t/#", "t", False), ("t/#", "t/", True), ("t/+", "t/a", True), ("t/+", "t/a/b", False), ("#", "t", True),
    ("t/+/b", "t/a/b", True), ("t/a", "t/a/", False), ("+", "t", True), ("+", "t/a", False)])
def test_the_model_matches_as_aws(pattern, topic, expected):
    assert matches(pattern, topic) is expected


def test_a_lost_message_is_noticed(world):
    """The model expects a message that was never sent."""
    server, identities = world

    run = Run(server, identities)
    run.patience = 0.5
    run.connect({"client": "a", "level": 4, "kept": False, "clean": True, "will": None, "other": False})
    run.subscribe({"client": "a", "filters": [("u", 1)]})
    session = run.connected("a")
    session.peer.publish(run.name("u"), b"sent", 1)
    run.route("u", b"sent", 1)
    run.route("u", b"never sent", 1)
    with pytest.raises(Wrong, match="never sent"):
        run.drain({"client": "a"})
    run.clean_up()
