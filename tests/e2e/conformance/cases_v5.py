"""What MQTT 5 alone has: properties of messages, topic aliases, flow control, sizes, DISCONNECT."""
import time

import mqtt5
from conformance.cases_publish import ends, pair
from conformance.harness import MALFORMED, PROTOCOL, case
from mqtt5 import PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, ack


# ---- properties of messages


@case(v5="3.3.2-4 3.3.2-15 3.3.2-16 3.3.2-17 3.3.2-18 3.3.2-20 2.2.2-1")
def properties_go_on_unaltered(t):
    sender, receiver = pair(t, qos=1)
    users = [("b", "1"), ("a", ""), ("b", "1"), ("", "x"), ("\ufeffk", "\u00e9")]
    rest = [("payload-format", 1), ("content-type", "text/plain"), ("response-topic", "r/t"), ("correlation-data", b"\0\1\xff")]
    sender.publish(t.topic(), "text", 1, props=[("user", users[0])] + rest + [("user", u) for u in users[1:]])
    sender.publish(t.topic(), b"\xff", 1, props=[("payload-format", 0)])
    sender.publish(t.topic(), b"none", 1)
    got = t.got(sender, receiver)
    assert got[0].all("user") == users
    assert [got[0].get(name) for name, _ in rest] == [v for _, v in rest]
    assert got[1].get("payload-format") in (0, None) and got[2].props == []


@case(v5="3.3.2-4 3.3.2-15 3.3.2-16 3.3.2-17 3.3.2-18 3.3.2-20")
def properties_of_retained_and_stored_messages(t):
    props = [("payload-format", 1), ("content-type", "c"), ("response-topic", "r"), ("correlation-data", b"d"), ("user", ("n", "1")), ("user", ("n", "2"))]
    sender = t.connect()
    away = t.connect(t.id(9), expiry=60)
    away.subscribe(t.topic(), 1)
    away.leave()
    sender.publish(t.topic(), "x", 1, retain=True, props=props)
    late = t.connect()
    late.subscribe(t.topic(), 1)
    for peer in (late, t.connect(t.id(9), expiry=60)):
        assert sorted(peer.message().props, key=str) == sorted(props, key=str)


@case(v5="3.3.2-13 3.3.2-14 3.3.2-19")
def texts_of_publish(t):
    for props in ([("response-topic", b"\xff")], [("content-type", b"\xed\xa0\x80")], [("content-type", b"a\0")]):
        ends(t, mqtt5.publish(5, t.topic(), props=props), MALFORMED)
    for wild in ("a/+", "#"):
        ends(t, mqtt5.publish(5, t.topic(), props=[("response-topic", wild)]), PROTOCOL, MALFORMED, 0x90)


@case(v5="4.13.1-1 3.3.2-8")
def properties_of_publish(t):
    for props in ([("payload-format", 2)], [("payload-format", 1)] * 2, [("message-expiry", 1)] * 2, [("topic-alias", 1)] * 2,
                  [("session-expiry", 1)], [("receive-maximum", 1)], [("content-type", "a"), ("content-type", "a")]):
        ends(t, mqtt5.publish(5, t.topic(), props=props), PROTOCOL)
    for props in (b"\x05", b"\x02\x01", b"\x01\x2b", b"\x02\xff\x01"):
        ends(t, mqtt5.publish(5, t.topic(), props=props), MALFORMED)


@case(v5="3.3.2-5 3.3.2-6 4.3.3-13")
def message_expiry(t):
    sender = t.connect()
    away = t.connect(t.id(9), expiry=60)
    away.subscribe(t.topic("#"), 1)
    away.leave()
    sender.publish(t.topic("short"), b"x", 1, props=[("message-expiry", 1)])
    sender.publish(t.topic("long"), b"y", 1, props=[("message-expiry", 100)])
    sender.publish(t.topic("kept"), b"z", 1, props=[("message-expiry", 1)], retain=True)
    begin = time.monotonic()
    time.sleep(2.1)
    again = t.connect(t.id(9), expiry=60)
    got = t.got(sender, again)
    assert [m.topic for m in got] == [t.topic("long")]
    waited = int(time.monotonic() - begin)
    assert 100 - waited - 1 <= got[0].get("message-expiry") <= 98
    late = t.connect()
    late.subscribe(t.topic("kept"))
    assert t.got(sender, late) == []


@case(v5="3.3.2-6")
def message_expiry_of_live_messages(t):
    sender, receiver = pair(t)
    sender.publish(t.topic(), b"x", props=[("message-expiry", 50)])
    sender.publish(t.topic(), b"y")
    got = t.got(sender, receiver)
    assert got[0].get("message-expiry") in (49, 50) and got[1].get("message-expiry") is None


@case(v5="4.3.3-7 4.3.3-13", only="spec")
def expiry_does_not_touch_what_was_sent(t):
    receiver, sender = t.connect(t.id(9), expiry=60), t.connect()
    receiver.auto = False
    receiver.subscribe(t.topic(), 2)
    sender.publish(t.topic(), b"x", 2, props=[("message-expiry", 1)])
    message = receiver.message()
    time.sleep(1.6)
    receiver.send(ack(PUBREC, message.packet_id))
    assert receiver.expect(PUBREL).reason == 0
    receiver.send(ack(PUBCOMP, message.packet_id))
    receiver.ping()


# ---- topic aliases


@case(v5="3.3.2-12 3.3.2-7 3.3.2-8")
def topic_aliases_of_a_client(t):
    watcher = t.connect()
    watcher.subscribe(t.topic("#"), 1)
    sender = t.connect(t.id(9), expiry=60)
    most = sender.connack.get("topic-alias-maximum", 0)
    assert most == 8 if t.aws else most > 0
    for alias in (1, most):
        sender.publish(t.topic(f"a{alias}"), b"first", 1, props=[("topic-alias", alias)])
        sender.publish("", b"second", 1, props=[("topic-alias", alias)])
    sender.publish(t.topic("other"), b"third", 1, props=[("topic-alias", 1)])
    sender.publish("", b"fourth", 1, props=[("topic-alias", 1)])
    assert [(m.topic, m.payload) for m in t.got(t.connect(), watcher, 1)] == [
        (t.topic("a1"), b"first"), (t.topic("a1"), b"second"), (t.topic(f"a{most}"), b"first"), (t.topic(f"a{most}"), b"second"),
        (t.topic("other"), b"third"), (t.topic("other"), b"fourth")]
    assert all(m.get("topic-alias") is None for m in watcher.inbox)
    sender.leave()
    again = t.connect(t.id(9), expiry=60)                              # aliases do not outlive the connection
    again.send(mqtt5.publish(5, "", b"x", props=[("topic-alias", 1)]))
    again.ended(PROTOCOL, 0x94)
    ends(t, mqtt5.publish(5, t.topic(), props=[("topic-alias", most + 1)]) if most < 65535 else mqtt5.publish(5, ""), 0x94, PROTOCOL)
    ends(t, mqtt5.publish(5, t.topic(), props=[("topic-alias", 0)]), 0x94, PROTOCOL)
    ends(t, mqtt5.publish(5, ""), PROTOCOL)


@case(v5="3.1.2-26 3.1.2-27 3.3.2-11")
def topic_aliases_of_the_server(t):
    sender = t.connect()
    for allowed in (None, 0, 2):
        peer = t.connect(props=[] if allowed is None else [("topic-alias-maximum", allowed)])
        peer.subscribe(t.topic("+"))
        known = {}
        for n in (0, 1, 2, 3, 0, 1, 2, 3):
            sender.publish(t.topic(f"n{n}"), b"%d" % n)
        t.fence(sender, peer)
        for n, message in zip((0, 1, 2, 3, 0, 1, 2, 3), peer.inbox):
            alias = message.get("topic-alias")
            assert alias is None or 0 < alias <= (allowed or 0)
            if alias and message.topic:
                known[alias] = message.topic
            assert (message.topic or known[alias]) == t.topic(f"n{n}")
        assert len(peer.inbox) == 8
        peer.leave()


# ---- flow control


@case(v5="3.3.4-9 3.3.4-10 4.9.0-1 4.9.0-2 4.9.0-3")
def receive_maximum_of_a_client(t):
    sender = t.connect()
    receiver = t.connect(props=[("receive-maximum", 2)])
    receiver.auto = False
    receiver.subscribe([(t.topic("a"), 1), (t.topic("zero"), 0)])
    for n in range(5):
        sender.publish(t.topic("a"), b"%d" % n, 1)
    sender.publish(t.topic("zero"), b"z")
    receiver.subscribe(t.topic("more"))                                # other packets are answered all the same
    receiver.ping()
    receiver.unsubscribe(t.topic("more"))
    receiver.ping()
    assert receiver.silent(0.1) if not receiver.inbox else True
    ones = [m for m in receiver.inbox if m.qos]
    assert [m.payload for m in ones] == [b"0", b"1"]
    seen = list(ones)
    receiver.inbox.clear()
    for expected in (b"2", b"3", b"4"):
        receiver.acknowledge(seen.pop(0))
        got = receiver.expect(PUBLISH)
        while got.qos == 0:
            got = receiver.expect(PUBLISH)
        assert got.payload == expected
        seen.append(got)
    for message in seen:
        receiver.acknowledge(message)
    receiver.ping()


@case(v5="3.3.4-9 4.9.0-2", only="spec")
def receive_maximum_and_qos_two(t):
    sender, receiver = t.connect(), t.connect(props=[("receive-maximum", 1)])
    receiver.auto = False
    receiver.subscribe(t.topic(), 2)
    for n in range(2):
        sender.publish(t.topic(), b"%d" % n, 2)
    first = receiver.message()
    receiver.send(ack(PUBREC, first.packet_id))
    receiver.expect(PUBREL)
    receiver.ping()
    assert receiver.inbox == []                                        # PUBREC frees nothing, PUBCOMP does
    receiver.send(ack(PUBCOMP, first.packet_id))
    assert receiver.message().payload == b"1"


@case(v5="4.13.2-1 4.9.0-3", only="spec")
def receive_maximum_of_the_server(t):
    peer = t.connect()
    most = peer.connack.get("receive-maximum", 65535)
    if most == 65535:
        return peer.ping()
    for n in range(most):
        peer.publish(t.topic(), b"x", 2, n + 1, wait=False)
        assert peer.expect(PUBREC).reason < 128
    peer.publish(t.topic(), b"x", 2, most + 1, wait=False)
    peer.ended(0x93)


# ---- sizes


@case(v5="3.1.2-24 3.1.2-25")
def maximum_packet_size_of_a_client(t):
    sender = t.connect()
    receiver = t.connect(props=[("maximum-packet-size", 200)])
    receiver.subscribe(t.topic("+"), 1)
    for size in (10, 500, 150, 201, 20):
        sender.publish(t.topic("s"), b"x" * size, 1)
    got = t.got(sender, receiver, 1)
    assert [len(m.payload) for m in got] == [10, 150, 20] and all(m.size <= 200 for m in got)
    sender.publish(t.topic("u"), b"x", 1, props=[("user", ("n", "v" * 300))])
    sender.publish(t.topic("u"), b"y", 1)
    assert [m.payload for m in t.got(sender, receiver, 1)] == [b"y"]


@case(v5="4.13.1-1")
def maximum_packet_size_of_the_server(t):
    peer = t.connect()
    most = peer.connack.get("maximum-packet-size")
    assert most and most >= 131072
    peer.send(bytes([PUBLISH << 4]) + mqtt5.length(most))              # with its fixed header over it
    peer.ended(0x95)


@case(v5="3.1.2-25")
def too_large_counts_as_delivered(t):
    receiver, sender = t.connect(t.id(9), expiry=60, props=[("maximum-packet-size", 100)]), t.connect()
    receiver.subscribe(t.topic(), 1)
    sender.publish(t.topic(), b"x" * 500, 1)
    assert t.got(sender, receiver, 1) == []
    receiver.leave()
    again = t.connect(t.id(9), expiry=60)
    assert t.got(sender, again, 1) == []


@case(v5="3.4.2-2 3.4.2-3 3.9.2-1 3.9.2-2 3.11.2-1 3.11.2-2 3.14.2-3 3.14.2-4")
def answers_fit_a_small_client(t):
    peer = t.connect(props=[("maximum-packet-size", 40)])
    long = "x" * 300
    got = peer.publish(long + "/" + t.topic(), b"x", 1, wait=False)
    try:
        answer = peer.receive()
        assert answer.size <= 40
    except mqtt5.Closed:
        pass
    peer = t.connect(props=[("maximum-packet-size", 40)])
    got = peer.subscribe([(t.topic(), 0), (t.topic("a#"), 0)])
    assert got.size <= 40 and got.codes == [0, 0x8F]
    assert peer.unsubscribe(t.topic(), t.topic("none")).size <= 40
    peer.send(mqtt5.publish(5, t.topic("+"), b"x"))
    last = peer.ended(0x90, MALFORMED, PROTOCOL)
    assert last.size <= 40


@case(v5="3.5.2-2 3.5.2-3 3.6.2-2 3.6.2-3 3.7.2-2 3.7.2-3", only="spec")
def qos_two_answers_fit_a_small_client(t):
    peer = t.connect(props=[("maximum-packet-size", 30)])
    peer.send(mqtt5.publish(5, t.topic(), b"x", 2, 1))
    assert peer.expect(PUBREC).size <= 30
    peer.send(ack(PUBREL, 2))
    assert peer.expect(PUBCOMP).size <= 30
    peer.send(ack(PUBREC, 3))
    assert peer.expect(PUBREL).size <= 30
    assert peer.release(1).size <= 30


@case(v5="3.5.2-2 3.5.2-3 3.6.2-2 3.6.2-3 3.7.2-2 3.7.2-3", only="aws", aws="QoS 2 is not served: there is no PUBREC, PUBREL, PUBCOMP")
def no_qos_two_answers(t):
    peer = t.connect(props=[("maximum-packet-size", 30)])
    peer.send(mqtt5.publish(5, t.topic(), b"x", 2, 1))
    assert peer.ended(0x9B).size <= 30


@case(v5="3.1.2-29")
def no_problem_information(t):
    peer = t.connect(props=[("request-problem", 0)])
    answers = [peer.subscribe([(t.topic("a#"), 0), (t.topic(), 0)]), peer.unsubscribe(t.topic("none")), peer.publish(t.topic(), b"x", 1)]
    assert answers[0].codes == [0x8F, 0]
    for answer in answers:
        assert not answer.all("user") and answer.get("reason-string") is None


# ---- DISCONNECT


@case(v5="3.14.2-1 4.13.1-1")
def reasons_of_disconnect(t):
    for reason in (0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99):
        t.connect().leave(reason)
    for reason in (0x01, 0x10, 0x84, 0xFF):
        ends(t, mqtt5.disconnect(reason), PROTOCOL, MALFORMED)
    ends(t, mqtt5.disconnect(0, [("receive-maximum", 1)]), PROTOCOL)
    ends(t, mqtt5.disconnect(0, [("session-expiry", 1)] * 2), PROTOCOL)
    t.connect().leave(0, [("reason-string", "bye"), ("user", ("a", "b"))])


@case(v5="3.14.0-1")
def no_disconnect_before_connack(t):
    peer = t.raw(mqtt5.connect(5, t.id(), flags=3))
    peer.refused(None, MALFORMED)                                      # CONNACK or the end, and no DISCONNECT


@case(v5="3.14.4-1 3.14.4-2 3.14.2-2 4.13.2-1")
def the_servers_disconnect_is_its_last(t):
    peer = t.connect(expiry=60)
    peer.subscribe(t.topic())
    peer.send(mqtt5.packet(PUBLISH, 6, b""))
    last = peer.ended(MALFORMED)                                       # `ended` allows nothing behind it
    assert last.get("session-expiry") is None


@case("3.14.4-3", v5="3.14.4-2 3.14.4-3")
def the_server_closes_after_disconnect(t):
    peer = t.connect()
    peer.send(mqtt5.disconnect() + mqtt5.publish(t.level, t.topic(), b"too late", 1, 1))
    assert peer.ended() is None


@case(v5="3.4.2-1 4.13.1-1")
def forms_of_acknowledgements(t):
    for data in (ack(PUBACK, 1, 0x01), ack(PUBACK, 1, 0x92), ack(PUBACK, 1, 0, [("topic-alias", 1)]), mqtt5.packet(PUBACK, 0, b"\0"),
                 ack(PUBACK, 1, 0, b"\x05\x00"), ack(PUBACK, 0)):
        ends(t, data, PROTOCOL, MALFORMED)
    peer = t.connect()
    for data in (ack(PUBACK, 1), ack(PUBACK, 1, 0), ack(PUBACK, 1, 0x10), ack(PUBACK, 1, 0x80, [("reason-string", "no"), ("user", ("a", "b"))])):
        peer.send(data)                                                # of nothing: ignored, or told
    peer.ping()
