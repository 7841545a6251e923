"""Cases and what they run on.

    @case("3.1.0-1", v5="3.1.0-1 4.13.1-1", aws="what differs there, if anything")
    def name(t): ...

shows the clauses of MQTT 3.1.1 that the first words name, with `t.level` 4, and those of MQTT 5 that `v5` names, with `t.level` 5. Each clause
is a test of its own per profile; a case runs once per level and profile, and its outcome counts for all of its clauses. `only` names the one profile
that a case is for; then another case shows the clause in the other profile, or `aws` says why there is none.
"""
import contextlib
import itertools
import time

import mqtt5

CASES = []
MALFORMED, PROTOCOL = 0x81, 0x82


class Case:
    def __init__(self, run, v311, v5, aws, only):
        self.run, self.name, self.aws, self.only = run, run.__name__, aws, only
        self.keys = [(4, n) for n in v311.split()] + [(5, n) for n in v5.split()]


def case(v311="", v5="", aws=None, only=None):
    def register(run):
        CASES.append(Case(run, v311, v5, aws, only))
        return run
    return register


class Table:
    """What a case has: a server, an identity, a level, names of its own, and clients that are closed behind it."""

    serial = itertools.count(1)

    def __init__(self, server, identity, level, profile):
        self.server, self.identity, self.level, self.profile = server, identity, level, profile
        self.aws, self.v5 = profile == "aws", level == 5
        self.base = f"c{next(self.serial)}"
        self.peers = []

    def topic(self, rest="t"):
        return f"{self.base}/{rest}"

    def id(self, n=0):
        return f"{self.base}x{n}"

    def open(self, level=None, **more):
        peer = mqtt5.Peer(self.server, self.identity, level or self.level, **more)
        self.peers.append(peer)
        return peer

    def connect(self, client_id=None, level=None, expiry=None, props=(), **more):
        """A connection that was accepted. `expiry`: the session outlives it, on either level."""
        peer = self.open(level)
        if expiry is not None:
            more.setdefault("clean", False)
            if peer.level == 5:
                props = [("session-expiry", expiry), *props]
        got = peer.connect(self.id(len(self.peers)) if client_id is None else client_id, props=props, **more)
        assert got.reason == 0, got
        return peer

    def raw(self, data):
        """Bytes as the first of a connection."""
        peer = self.open()
        peer.send(data)
        return peer

    def fence(self, publisher, *subscribers, qos=0):
        """Whatever the publisher sent before has reached the subscribers, and is in their inboxes."""
        topic = f"{self.base}/fence/{next(self.serial)}"
        for subscriber in subscribers:
            assert subscriber.subscribe(topic, qos).codes == [qos]
        publisher.publish(topic, b"fence", qos)
        for subscriber in subscribers:
            got = next((m for m in subscriber.inbox if m.topic == topic), None)
            while got is None or got.topic != topic:
                got = subscriber.expect(mqtt5.PUBLISH)
                if got.topic != topic:
                    subscriber.inbox.append(got)
            subscriber.unsubscribe(topic)
            subscriber.inbox = [m for m in subscriber.inbox if m.topic != topic]

    def got(self, publisher, subscriber, qos=0):
        """The messages that came."""
        self.fence(publisher, subscriber, qos=qos)
        found, subscriber.inbox = subscriber.inbox, []
        return found

    def wait(self, ready, timeout=5):
        end = time.monotonic() + timeout
        while not ready():
            assert time.monotonic() < end, "it did not come to that"
            time.sleep(0.01)

    def close(self):
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.close()


class Runner:
    """Runs each case once per level and profile."""

    def __init__(self):
        self.outcomes = {}

    def run(self, one, server, identity, level, profile):
        key = (one.name, level, profile)
        if key not in self.outcomes:
            table = Table(server, identity, level, profile)
            try:
                one.run(table)
                self.outcomes[key] = None
            except Exception as error:  # shown for each clause
                self.outcomes[key] = error
            finally:
                table.close()
        if self.outcomes[key]:
            raise self.outcomes[key]
