"""PUBLISH in both directions: topics, quality of service, RETAIN, order."""
import struct

import mqtt5
from conformance.harness import MALFORMED, PROTOCOL, case
from mqtt5 import PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, ack, text


def pair(t, filters="t", qos=0, **opts):
    """A publisher and a subscriber of the case's topics."""
    sender, receiver = t.connect(), t.connect()
    receiver.subscribe(t.topic(filters), qos, **opts)
    return sender, receiver


def ends(t, data, *reasons):
    """These bytes of a connected client end the connection."""
    peer = t.connect()
    peer.send(data)
    peer.ended(*(reasons or (MALFORMED, PROTOCOL)))


# ---- form


@case("3.3.1-4", v5="3.3.1-4")
def qos_three(t):
    ends(t, mqtt5.packet(PUBLISH, 6, text(t.topic()) + b"\0\1" + (b"\0" if t.v5 else b"")), MALFORMED)


@case("3.3.1-2", v5="3.3.1-2")
def dup_of_qos_zero(t):
    ends(t, mqtt5.publish(t.level, t.topic(), dup=True), MALFORMED, PROTOCOL)
    sender, receiver = pair(t)
    sender.publish(t.topic())
    assert not receiver.message().dup


@case("2.3.1-1 2.3.1-5", v5="2.2.1-2")
def identifier_not_zero(t):
    for qos in (1,) if t.aws else (1, 2):
        ends(t, mqtt5.publish(t.level, t.topic(), b"x", qos, 0))
    ends(t, mqtt5.subscribe(t.level, 0, [(t.topic(), 0)]))
    ends(t, mqtt5.unsubscribe(t.level, 0, [t.topic()]))
    sender, receiver = pair(t)
    sender.publish(t.topic(), b"\0\1payload")                          # QoS 0: no identifier, the payload begins at once
    assert receiver.message().payload == b"\0\1payload"


@case("3.3.2-1 4.7.3-2", v5="3.3.2-1 4.7.3-2")
def topic_is_utf8(t):
    for bad in (b"a/\xff", b"\xed\xbf\xbf", b"a\0"):
        ends(t, mqtt5.publish(t.level, bad), MALFORMED)
    ends(t, mqtt5.packet(PUBLISH, 0, b""), MALFORMED)
    ends(t, mqtt5.packet(PUBLISH, 0, b"\0\x05ab"), MALFORMED)


@case("3.3.2-2 4.7.1-1", v5="3.3.2-2 4.7.0-1")
def topic_without_wildcards(t):
    for bad in ("a/+", "#", "a/#/b", "a+b"):
        ends(t, mqtt5.publish(t.level, bad), 0x90, MALFORMED, PROTOCOL)


@case("4.7.3-1", v5="4.7.3-1")
def topics_are_not_empty(t):
    ends(t, mqtt5.publish(t.level, ""), PROTOCOL, 0x90, MALFORMED)
    peer = t.connect()
    peer.send(mqtt5.subscribe(t.level, 1, [("", 0)]))
    if t.v5:
        try:
            assert peer.expect(mqtt5.SUBACK).codes == [0x8F]
        except AssertionError:
            raise
        except mqtt5.Closed:
            pass
    else:
        peer.ended()


@case("1.5.3-3 4.7.3-4", v5="1.5.4-3 4.7.3-4")
def topics_as_they_are(t):
    sender, receiver = pair(t, "#")
    topics = [t.topic(rest) for rest in ("\ufeffa", "a", "A", "\u00e9", "e\u0301", "a ", "a//b", "a/b", "\U0001f600", "\ufffd")]
    for topic in topics:
        sender.publish(topic, topic)
    got = t.got(sender, receiver)
    assert [m.topic for m in got] == topics
    exact = t.connect()
    exact.subscribe(t.topic("\u00e9"))
    sender.publish(t.topic("e\u0301"), b"other bytes")
    sender.publish(t.topic("\u00e9"), b"same bytes")
    assert [m.payload for m in t.got(sender, exact)] == [b"same bytes"]


@case("4.7.3-3", v5="4.7.3-3", aws="topics have at most 256 bytes and 7 slashes")
def long_topics(t):
    sender, receiver = pair(t, "#")
    longest = t.topic("x" * ((256 if t.aws else 900) - len(t.base) - 1))
    sender.publish(longest, b"far")
    assert receiver.message().topic == longest
    if t.aws:
        ends(t, mqtt5.publish(t.level, longest + "x"), 0x90)
        ends(t, mqtt5.publish(t.level, t.topic("1/2/3/4/5/6/7/8")), 0x90)
    else:                                                              # what a policy's resource has no room for is not authorized
        ends(t, mqtt5.publish(t.level, "x" * 65535), 0x87)
        deep = t.topic("/".join("x" * 60))
        sender.publish(deep, b"deep")
        assert receiver.message().topic == deep


# ---- what is answered


@case("3.3.4-1 2.3.1-6 4.3.2-2", v5="3.3.4-1 2.2.1-5 4.3.2-4 3.4.2-1")
def qos_one_is_acknowledged(t):
    sender, receiver = pair(t, qos=1)
    for packet_id in (1, 7, 65535):
        got = sender.publish(t.topic(), b"%d" % packet_id, 1, packet_id)
        assert got.reason in (0, 0x10)
    assert [m.payload for m in t.got(sender, receiver, 1)] == [b"1", b"7", b"65535"]
    sender.publish(t.topic(), b"zero", 0)
    sender.ping()                                                      # QoS 0 is answered by nothing
    assert sender.inbox == []


@case("4.3.2-2", v5="4.3.2-5")
def identifier_again_after_puback(t):
    sender, receiver = pair(t, qos=1)
    sender.publish(t.topic(), b"one", 1, 9)
    sender.publish(t.topic(), b"two", 1, 9)
    sender.publish(t.topic(), b"three", 1, 9, dup=True)
    assert [m.payload for m in t.got(sender, receiver, 1)] == [b"one", b"two", b"three"]


@case("3.3.4-1 2.3.1-6 4.3.3-2", v5="3.3.4-1 2.2.1-5 4.3.3-8 4.3.3-11 3.5.2-1 3.7.2-1", only="spec")
def qos_two_handshake(t):
    sender, receiver = pair(t, qos=2)
    sender.send(mqtt5.publish(t.level, t.topic(), b"once", 2, 77))
    got = sender.expect(PUBREC)
    assert got.packet_id == 77 and got.reason in (0, 0x10)
    sender.send(ack(PUBREL, 77))
    got = sender.expect(PUBCOMP)
    assert got.packet_id == 77 and got.reason == 0
    assert [(m.payload, m.qos) for m in t.got(sender, receiver)] == [(b"once", 2)]


@case("4.3.3-2", v5="4.3.3-8 4.3.3-9 4.3.3-10 4.3.3-11 4.3.3-12 4.3.3-13 3.5.2-1 3.7.2-1 3.6.2-1", only="aws",
      aws="QoS 2 is not served: a PUBLISH of it gets DISCONNECT 0x9B, or on 3.1.1 the end")
def qos_two_is_not_served(t):
    ends(t, mqtt5.publish(t.level, t.topic(), b"x", 2, 1), 0x9B)
    for kind in (PUBREC, PUBREL, PUBCOMP):
        ends(t, ack(kind, 1), 0x9B, PROTOCOL)


@case("4.3.3-2", v5="4.3.3-10 4.3.3-12 4.3.3-9", only="spec")
def qos_two_copies_are_one(t):
    sender, receiver = pair(t, qos=2)
    for dup in (False, True, True):
        sender.send(mqtt5.publish(t.level, t.topic(), b"once", 2, 5, dup=dup))
        assert sender.expect(PUBREC).packet_id == 5
    sender.release(5)
    sender.publish(t.topic(), b"anew", 2, 5)                           # after PUBCOMP a new message
    assert [m.payload for m in t.got(sender, receiver)] == [b"once", b"anew"]


@case("4.3.3-2 4.4.0-1", v5="4.3.3-10 4.3.3-11", only="spec")
def qos_two_over_two_connections(t):
    sender, receiver = t.connect(t.id(9), expiry=60), t.connect()
    receiver.subscribe(t.topic(), 2)
    sender.send(mqtt5.publish(t.level, t.topic(), b"once", 2, 5))
    sender.expect(PUBREC)
    sender.drop()
    sender = t.connect(t.id(9), expiry=60)
    assert sender.connack.session_present
    sender.send(mqtt5.publish(t.level, t.topic(), b"once", 2, 5, dup=True))
    sender.expect(PUBREC)
    sender.release(5)
    assert [m.payload for m in t.got(sender, receiver)] == [b"once"]


@case(v5="3.6.2-1 3.7.2-1 4.3.3-11", only="spec")
def pubrel_of_nothing(t):
    peer = t.connect()
    peer.send(ack(PUBREL, 99))
    assert peer.expect(PUBCOMP).reason == 0x92
    peer.send(ack(PUBREC, 98))
    assert peer.expect(PUBREL).reason == 0x92
    peer.ping()


@case("3.3.4-1", v5="3.3.4-1")
def publish_where_nobody_listens(t):
    assert t.connect().publish(t.topic("nobody"), b"x", 1).reason in (0, 0x10)


@case("3.3.5-2", v5="3.4.2-1 3.3.4-1")
def publish_that_is_not_allowed(t):
    watcher, sender = t.connect(), t.connect()
    watcher.subscribe(t.topic("#"))
    sender.send(mqtt5.publish(t.level, t.topic("forbidden"), b"x", 1, 1))
    if t.v5:
        assert sender.expect(PUBACK).reason == 0x87
        sender.ping()
    else:
        sender.ended()
    assert t.got(t.connect(), watcher) == []


# ---- what is sent


@case("4.3.2-1 2.3.1-4 4.3.1-1", v5="4.3.1-1 4.3.2-1 4.3.2-2 4.3.2-3 2.2.1-4")
def qos_one_is_sent(t):
    sender, receiver = pair(t, "#", qos=1)
    receiver.auto = False
    for n in range(20):
        sender.publish(t.topic(f"n{n}"), b"%d" % n, 1)
    got = t.got(sender, receiver, 0)
    assert [m.payload for m in got] == [b"%d" % n for n in range(20)]
    ids = [m.packet_id for m in got]
    assert len(set(ids)) == 20 and 0 not in ids                        # all of them unacknowledged: no identifier twice
    assert all(m.qos == 1 and not m.dup for m in got)
    for message in got:
        receiver.acknowledge(message)
    sender.publish(t.topic("zero"), b"z", 0)
    zero = receiver.message()
    assert zero.qos == 0 and not zero.dup


@case("4.3.3-1", v5="4.3.3-1 4.3.3-2 4.3.3-3 4.3.3-4 4.3.3-5 4.3.3-6 3.6.2-1", only="spec")
def qos_two_is_sent(t):
    sender, receiver = pair(t, qos=2)
    receiver.auto = False
    sender.publish(t.topic(), b"a", 2)
    sender.publish(t.topic(), b"b", 2)
    first, second = receiver.message(), receiver.message()
    assert first.qos == second.qos == 2 and not first.dup and first.packet_id != second.packet_id
    for message in (first, second):
        receiver.send(ack(PUBREC, message.packet_id))
        release = receiver.expect(PUBREL)
        assert release.packet_id == message.packet_id and release.reason == 0
        receiver.send(ack(PUBCOMP, message.packet_id))
    assert t.got(sender, receiver) == []                               # neither is sent again


@case("4.3.3-1", v5="4.3.3-1 4.3.3-2 4.3.3-3 4.3.3-4 4.3.3-5 4.3.3-6 3.6.2-1 4.3.3-7 4.8.2-4 4.8.2-5", only="aws",
      aws="nothing is sent with QoS 2: a SUBSCRIBE that asks for it ends the connection")
def qos_two_is_not_granted(t):
    ends(t, mqtt5.subscribe(t.level, 1, [(t.topic(), 2)]), 0x9B)


@case("4.4.0-1 3.3.1-1 4.3.2-1", v5="4.4.0-1 3.3.1-1 4.3.2-3",
      aws="a message that comes again has no DUP, and may have another packet identifier")
def unacknowledged_again_after_resume(t):
    receiver, sender = t.connect(t.id(9), expiry=60), t.connect()
    receiver.auto = False
    receiver.subscribe(t.topic(), 1)
    for payload in (b"a", b"b"):
        sender.publish(t.topic(), payload, 1)
    first, second = receiver.message(), receiver.message()
    receiver.acknowledge(first)
    receiver.ping()
    receiver.drop()
    again = t.connect(t.id(9), expiry=60)
    got = again.message()
    assert got.payload == b"b"
    if not t.aws:
        assert got.dup and got.packet_id == second.packet_id
    assert t.got(sender, again, 1) == []


@case("4.4.0-1", v5="4.4.0-1 4.3.3-5 4.3.3-6", only="spec")
def unfinished_qos_two_goes_on(t):
    receiver, sender = t.connect(t.id(9), expiry=60), t.connect()
    receiver.auto = False
    receiver.subscribe(t.topic(), 2)
    sender.publish(t.topic(), b"a", 2)
    message = receiver.message()
    receiver.send(ack(PUBREC, message.packet_id))
    receiver.expect(PUBREL)
    receiver.drop()
    again = t.connect(t.id(9), expiry=60)
    assert again.expect(PUBREL).packet_id == message.packet_id         # and no PUBLISH
    again.send(ack(PUBCOMP, message.packet_id))
    assert again.inbox == []
    again.drop()
    last = t.connect(t.id(9), expiry=60)
    last.ping()
    assert last.inbox == []


@case("4.4.0-1", v5="4.3.3-3 4.4.0-1 3.3.1-1", only="spec")
def qos_two_without_pubrec_comes_again(t):
    receiver, sender = t.connect(t.id(9), expiry=60), t.connect()
    receiver.auto = False
    receiver.subscribe(t.topic(), 2)
    sender.publish(t.topic(), b"a", 2)
    message = receiver.message()
    receiver.drop()
    again = t.connect(t.id(9), expiry=60)
    got = again.message()
    assert got.dup and got.packet_id == message.packet_id and got.payload == b"a"


@case(v5="4.4.0-1")
def nothing_again_without_reconnect(t):
    sender, receiver = pair(t, qos=1)
    receiver.auto = False
    sender.publish(t.topic(), b"a", 1)
    receiver.message()
    assert receiver.silent(0.3)


@case(v5="4.4.0-2 4.8.2-6")
def refusing_puback_acknowledges(t):
    receiver, sender = t.connect(t.id(9), expiry=60), t.connect()
    receiver.auto = False
    receiver.subscribe(t.topic(), 1)
    sender.publish(t.topic(), b"a", 1)
    receiver.send(ack(PUBACK, receiver.message().packet_id, 0x80))
    receiver.ping()
    receiver.drop()
    again = t.connect(t.id(9), expiry=60)
    assert t.got(sender, again, 1) == []


@case(v5="4.4.0-2 4.3.3-4", only="spec")
def refusing_pubrec_acknowledges(t):
    receiver, sender = t.connect(t.id(9), expiry=60), t.connect()
    receiver.auto = False
    receiver.subscribe(t.topic(), 2)
    sender.publish(t.topic(), b"a", 2)
    receiver.send(ack(PUBREC, receiver.message().packet_id, 0x97))
    receiver.ping()                                                    # no PUBREL came
    receiver.drop()
    again = t.connect(t.id(9), expiry=60)
    assert t.got(sender, again, 2) == []


@case("3.3.1-3", v5="3.3.1-3")
def dup_is_not_passed_on(t):
    sender, receiver = pair(t, qos=1)
    sender.publish(t.topic(), b"a", 1, dup=True)
    assert not receiver.message().dup


@case("3.8.4-6 3.3.2-3", v5="3.8.4-8 3.3.2-3")
def smaller_quality_of_service(t):
    top = 1 if t.aws else 2
    sender = t.connect()
    receivers = [t.connect() for _ in range(top + 1)]
    for qos, receiver in enumerate(receivers):
        assert receiver.subscribe(t.topic("+"), qos).codes == [qos]
    for qos in range(top + 1):
        sender.publish(t.topic("q"), b"%d" % qos, qos)
    for granted, receiver in enumerate(receivers):
        got = t.got(sender, receiver)
        assert [(m.payload, m.qos, m.topic) for m in got] == [(b"%d" % q, min(q, granted), t.topic("q")) for q in range(top + 1)]


@case("4.6.0-5 4.6.0-6", v5="4.6.0-5 4.6.0-6")
def messages_in_their_order(t):
    sender = t.connect()
    for qos in (0, 1) if t.aws else (0, 1, 2):
        receiver = t.connect()
        receiver.subscribe(t.topic("+"), qos)
        for n in range(60):
            sender.publish(t.topic(str(qos)), b"%d" % n, qos)
        got = [m for m in t.got(sender, receiver, min(qos, 1)) if m.topic == t.topic(str(qos))]
        assert [m.payload for m in got] == [b"%d" % n for n in range(60)]


# ---- RETAIN


@case("3.3.1-5 3.3.1-6 3.3.1-8", v5="3.3.1-5 3.3.1-9")
def retained_for_new_subscriptions(t):
    sender = t.connect()
    sender.publish(t.topic("a"), b"old", 1, retain=True)
    sender.publish(t.topic("a"), b"new", 1, retain=True)
    late = t.connect()
    late.subscribe(t.topic("a"), 1)
    got = late.message()
    assert (got.payload, got.retain, got.qos) == (b"new", True, 1)
    assert t.got(sender, late) == []


@case("3.3.1-6", v5="3.3.1-9", aws="a wildcard subscription gets no retained messages")
def retained_for_wildcards(t):
    sender = t.connect()
    for n in range(3):
        sender.publish(t.topic(f"{n}/x"), b"%d" % n, 1, retain=True)
    sender.publish(t.topic("1"), b"short", 1, retain=True)
    late = t.connect()
    late.subscribe(t.topic("+/x"), 1)
    got = sorted(m.payload for m in t.got(sender, late))
    assert got == ([] if t.aws else [b"0", b"1", b"2"])


@case("3.3.1-7", v5="3.3.1-5")
def retained_of_qos_zero_replaces(t):
    sender = t.connect()
    sender.publish(t.topic(), b"one", 1, retain=True)
    sender.publish(t.topic(), b"zero", 0, retain=True)
    t.fence(sender, sender)
    late = t.connect()
    late.subscribe(t.topic(), 1)
    got = late.message()
    assert (got.payload, got.qos) == (b"zero", 0)


@case("3.3.1-9", v5="3.3.1-12")
def retain_is_zero_for_established_subscriptions(t):
    sender, receiver = pair(t)
    sender.publish(t.topic(), b"x", retain=True)
    sender.publish(t.topic(), b"y")
    assert [(m.payload, m.retain) for m in t.got(sender, receiver)] == [(b"x", False), (b"y", False)]


@case("3.3.1-10 3.3.1-11", v5="3.3.1-6 3.3.1-7")
def empty_retained_removes(t):
    sender, receiver = pair(t)
    sender.publish(t.topic(), b"x", 1, retain=True)
    sender.publish(t.topic(), b"", 1, retain=True)
    assert [m.payload for m in t.got(sender, receiver)] == [b"x", b""]
    late = t.connect()
    late.subscribe(t.topic())
    assert t.got(sender, late) == []


@case("3.3.1-12", v5="3.3.1-8")
def nothing_stored_without_retain(t):
    sender = t.connect()
    sender.publish(t.topic("a"), b"x", 1)
    sender.publish(t.topic("b"), b"kept", 1, retain=True)
    sender.publish(t.topic("b"), b"passing", 1)
    sender.publish(t.topic("b"), b"", 1)
    late = t.connect()
    late.subscribe([(t.topic("a"), 0), (t.topic("b"), 0)])
    assert [m.payload for m in t.got(sender, late)] == [b"kept"]


# ---- malformed packets of the rest


@case("2.2.2-1 2.2.2-2 3.6.1-1 3.8.1-1 3.10.1-1 3.14.1-1 4.8.0-1", v5="2.1.3-1 3.6.1-1 3.8.1-1 3.10.1-1 3.14.1-1 4.13.1-1")
def reserved_flags(t):
    subscribe = struct.pack("!H", 1) + (b"\0" if t.v5 else b"") + text(t.topic())
    bodies = {mqtt5.PUBACK: b"\0\1", PUBREC: b"\0\1", PUBREL: b"\0\1", PUBCOMP: b"\0\1", mqtt5.SUBSCRIBE: subscribe + b"\0",
              mqtt5.UNSUBSCRIBE: subscribe, mqtt5.PINGREQ: b"", mqtt5.DISCONNECT: b""}
    for kind, body in bodies.items():
        right = 2 if kind in (PUBREL, mqtt5.SUBSCRIBE, mqtt5.UNSUBSCRIBE) else 0
        for flags in (0, 1, 2, 4, 8):
            if flags != right:
                ends(t, mqtt5.packet(kind, flags, body), MALFORMED)


@case("4.8.0-1", v5="4.13.1-1")
def what_only_servers_send(t):
    for data in (mqtt5.packet(mqtt5.CONNACK, 0, b"\0\0" + (b"\0" if t.v5 else b"")), mqtt5.packet(mqtt5.SUBACK, 0, b"\0\1\0" + (b"\0" if t.v5 else b"")),
                 mqtt5.packet(mqtt5.UNSUBACK, 0, b"\0\1" + (b"\0\0" if t.v5 else b"")), mqtt5.packet(mqtt5.PINGRESP, 0), mqtt5.packet(0, 0)):
        ends(t, data, MALFORMED, PROTOCOL)
    ends(t, b"\xc0\xff\xff\xff\xff\x01", MALFORMED)


@case("3.12.4-1", v5="3.12.4-1")
def ping(t):
    peer = t.connect()
    for _ in range(3):
        peer.ping()
    ends(t, mqtt5.packet(mqtt5.PINGREQ, 0, b"\0"), MALFORMED)
