"""Wills: when they are published, and as what."""
import time

import mqtt5
from conformance.harness import case


def watch(t, topic, qos=0, **opts):
    watcher = t.connect()
    watcher.subscribe(topic, qos, **opts)
    return watcher


@case("3.1.2-8", v5="3.1.2-7 3.1.2-8")
def will_when_the_network_fails(t):
    watcher = watch(t, t.topic("w"), 1)
    t.connect(will={"topic": t.topic("w"), "payload": b"gone", "qos": 1}).drop()
    got = watcher.message()
    assert (got.payload, got.qos) == (b"gone", 1)


@case("3.1.2-8", v5="3.1.2-7 3.1.2-8")
def will_after_a_protocol_error(t):
    watcher = watch(t, t.topic("w"))
    peer = t.connect(will={"topic": t.topic("w")})
    peer.send(b"\xff\xff")
    peer.ended()
    assert watcher.message().topic == t.topic("w")


@case("3.1.2-8", v5="3.1.2-8")
def will_of_the_client_taken_over(t):
    watcher = watch(t, t.topic("w"))
    first = t.connect(t.id(7), will={"topic": t.topic("w"), "payload": b"first"})
    t.connect(t.id(7), will={"topic": t.topic("w"), "payload": b"second"})
    first.ended(0x8E)
    assert watcher.message().payload == b"first"


@case("3.1.2-10 3.14.4-3", v5="3.1.2-10 3.14.4-3 3.1.2-8")
def disconnect_takes_the_will_back(t):
    watcher = watch(t, t.topic("w"))
    t.connect(will={"topic": t.topic("w")}).leave()
    time.sleep(0.05)
    assert t.got(t.connect(), watcher) == []


@case("3.1.2-10", v5="3.1.2-10")
def will_once_only(t):
    watcher = watch(t, t.topic("w"))
    t.connect(t.id(7), expiry=60, will={"topic": t.topic("w")}).drop()
    watcher.message()
    t.connect(t.id(7), expiry=60).drop()
    time.sleep(0.05)
    assert t.got(t.connect(), watcher) == []


@case(v5="3.1.2-8 3.14.2-1")
def disconnect_with_will(t):
    watcher = watch(t, t.topic("w"))
    t.connect(will={"topic": t.topic("w")}).leave(0x04)
    assert watcher.message().topic == t.topic("w")


@case("3.1.2-12", v5="3.1.2-8")
def no_will_nothing_published(t):
    watcher = watch(t, t.topic("#"))
    t.connect().drop()
    time.sleep(0.05)
    assert t.got(t.connect(), watcher) == []


@case("3.1.2-16", v5="3.1.2-14")
def will_not_retained(t):
    watcher = watch(t, t.topic("w"))
    t.connect(will={"topic": t.topic("w")}).drop()
    assert not watcher.message().retain
    late = watch(t, t.topic("w"))
    assert t.got(t.connect(), late) == []


@case("3.1.2-17", v5="3.1.2-15")
def will_retained(t):
    watcher = watch(t, t.topic("w"))
    t.connect(will={"topic": t.topic("w"), "payload": b"kept", "retain": True}).drop()
    assert not watcher.message().retain
    got = watch(t, t.topic("w")).message()
    assert got.retain and got.payload == b"kept"


NO_DELAY = "the will delay counts as 0, also where a new connection follows: AWS has none"


@case(v5="3.1.3-9 3.1.2-8", aws=NO_DELAY)
def new_connection_within_the_delay(t):
    watcher = watch(t, t.topic("w"))
    will = {"topic": t.topic("w"), "props": [("will-delay", 1)]}
    t.connect(t.id(7), expiry=60, will=will).drop()
    if t.aws:
        watcher.message()
    back = t.connect(t.id(7), expiry=60)
    time.sleep(0.1 if t.aws else 1.5)
    assert t.got(t.connect(), watcher) == []
    back.leave()


@case(v5="3.1.2-8", aws=NO_DELAY)
def will_after_its_delay(t):
    watcher = watch(t, t.topic("w"))
    begin = time.monotonic()
    t.connect(expiry=60, will={"topic": t.topic("w"), "props": [("will-delay", 1)]}).drop()
    assert watcher.message(timeout=4).topic == t.topic("w")
    waited = time.monotonic() - begin
    assert waited < 0.9 if t.aws else waited >= 0.9


@case(v5="3.1.2-8")
def will_when_the_session_ends_before_its_delay(t):
    watcher = watch(t, t.topic("w"))
    begin = time.monotonic()
    t.connect(expiry=0, will={"topic": t.topic("w"), "props": [("will-delay", 60)]}).drop()
    watcher.message(timeout=4)
    assert time.monotonic() - begin < 4


@case(v5="3.1.3-10 3.1.2-9")
def properties_of_the_will(t):
    watcher = watch(t, t.topic("w"))
    users = [("user", ("b", "1")), ("user", ("a", "2")), ("user", ("b", "1"))]
    rest = [("payload-format", 1), ("message-expiry", 60), ("content-type", "text"), ("response-topic", "r/t"), ("correlation-data", b"\0\xff")]
    t.connect(will={"topic": t.topic("w"), "payload": b"bye", "props": users[:1] + rest + users[1:]}).drop()
    got = watcher.message()
    assert got.all("user") == [v for _, v in users]
    assert got.get("message-expiry") in (59, 60)
    rest.remove(("message-expiry", 60))
    assert [got.get(name) for name, _ in rest] == [v for _, v in rest]
