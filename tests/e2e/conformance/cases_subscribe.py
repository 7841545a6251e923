"""SUBSCRIBE and UNSUBSCRIBE, filters, their options, shared subscriptions."""
import struct

import mqtt5
from conformance.cases_publish import ends, pair
from conformance.harness import MALFORMED, PROTOCOL, case
from mqtt5 import PUBACK, PUBREC, PUBREL, SUBSCRIBE, UNSUBSCRIBE, ack, options, text

@case("3.8.4-4", v5="3.8.4-5", aws="8 filters at most in a SUBSCRIBE, 50 subscriptions at most in a session")
def many_filters(t):
    peer = t.connect()
    count = 8 if t.aws else 60
    assert peer.subscribe([(t.topic(f"n{n}"), 0) for n in range(count)]).codes == [0] * count
    if t.aws:
        nine = [(t.topic(f"n{n}"), 0) for n in range(9)]
        if t.v5:
            assert t.connect().subscribe(nine).codes == [0x97] * 9
        else:
            ends(t, mqtt5.subscribe(4, 1, nine))
        for n in range(8, 50):
            assert peer.subscribe(t.topic(f"n{n}")).codes == [0]
        assert peer.subscribe(t.topic("n50")).codes == [0x97 if t.v5 else 0x80]
    else:
        for n in range(60, 200):
            assert peer.subscribe(t.topic(f"n{n}")).codes == [0]
        sender = t.connect()
        for n in range(200):
            sender.publish(t.topic(f"n{n}"))
        assert len(t.got(sender, peer)) == 200


NO_17 = "UNSUBACK of MQTT 5 has 0 also where nothing was subscribed"


@case("3.8.4-1 3.8.4-2 2.3.1-7 3.8.4-5 3.9.3-1 3.9.3-2 3.8.4-4", v5="3.8.4-1 3.8.4-2 2.2.1-6 3.8.4-5 3.8.4-6 3.8.4-7 3.9.3-1 3.9.3-2")
def suback_answers_each_filter(t):
    peer = t.connect()
    for packet_id in (1, 300, 65535):
        peer.send(mqtt5.subscribe(t.level, packet_id, [(t.topic("a"), 0), (t.topic("b"), 1), (t.topic("a/+"), 0)]))
        got = peer.expect(mqtt5.SUBACK)
        assert got.packet_id == packet_id and got.codes == [0, 1, 0]
    if not t.aws:
        assert peer.subscribe([(t.topic("c"), 2), (t.topic("d"), 0)]).codes == [2, 0]
    peer.publish(t.topic("b"), b"x", 1)
    assert peer.message().qos == 1


@case("3.9.3-2", v5="3.8.4-7 3.9.3-2", aws="a filter that is not allowed gets 0x80 on 3.1.1, and then the end")
def subscribe_that_is_not_allowed(t):
    peer = t.connect()
    got = peer.subscribe([(t.topic("a"), 1), (t.topic("forbidden"), 1)])
    assert got.codes[1] == (0x87 if t.v5 else 0x80)
    if t.v5 or not t.aws:
        assert got.codes[0] == 1
        peer.ping()
    else:
        peer.ended()


@case("3.8.3-1 3.10.3-1", v5="3.8.3-1 3.10.3-1")
def filters_are_utf8(t):
    for bad in (b"a/\xff", b"\xed\xa0\x80"):
        ends(t, mqtt5.subscribe(t.level, 1, [(bad, 0)]), MALFORMED)
        ends(t, mqtt5.unsubscribe(t.level, 1, [bad]), MALFORMED)


@case("3.8.3-3 3.10.3-2", v5="3.8.3-2 3.10.3-2")
def a_filter_at_least(t):
    ends(t, mqtt5.subscribe(t.level, 1, []), PROTOCOL, MALFORMED)
    ends(t, mqtt5.unsubscribe(t.level, 1, []), PROTOCOL, MALFORMED)


@case("3.8.3-4", v5="3.8.3-5")
def reserved_bits_of_options(t):
    for byte in (0x40, 0x80, 0xC1) if t.v5 else (3, 4, 8, 0x80):
        ends(t, mqtt5.subscribe(t.level, 1, [(t.topic(), byte)]), MALFORMED)
    if t.v5:
        ends(t, mqtt5.subscribe(5, 1, [(t.topic(), 3)]), MALFORMED, PROTOCOL)
        ends(t, mqtt5.subscribe(5, 1, [(t.topic(), 0x30)]), PROTOCOL, MALFORMED)
    ends(t, mqtt5.packet(SUBSCRIBE, 2, struct.pack("!H", 1) + (b"\0" if t.v5 else b"") + text(t.topic())), MALFORMED)


@case("3.8.3-2 4.7.1-2 4.7.1-3", v5="4.7.1-1 4.7.1-2")
def where_wildcards_stand(t):
    sender, receiver = t.connect(), t.connect()
    b = t.base
    topics = [f"{b}", f"{b}/a", f"{b}/a/b", f"{b}/a/b/c", f"{b}/", f"{b}/b", f"{b}//b"]
    table = {f"{b}/#": [f"{b}/a", f"{b}/a/b", f"{b}/a/b/c", f"{b}/", f"{b}/b", f"{b}//b"] + ([] if t.aws else [f"{b}"]), f"{b}/+": [f"{b}/a", f"{b}/", f"{b}/b"],
             f"{b}/+/b": [f"{b}/a/b", f"{b}//b"], f"{b}/a/+/c": [f"{b}/a/b/c"], f"+/{b}": [], f"{b}/+/#": [f"{b}/a/b", f"{b}/a/b/c", f"{b}//b"] +
             ([] if t.aws else [f"{b}/a", f"{b}/", f"{b}/b"]), f"{b}/a": [f"{b}/a"], f"{b}/A": []}
    for wanted, matching in table.items():
        receiver.subscribe(wanted)
        for topic in topics:
            sender.publish(topic)
        assert sorted(m.topic for m in t.got(sender, receiver)) == sorted(matching), wanted
        receiver.unsubscribe(wanted)


@case("4.7.1-2 4.7.1-3", v5="4.7.1-1 4.7.1-2")
def wildcards_in_the_wrong_place(t):
    for bad in ("a#", "#/a", "a/#/b", "a/b#", "a+", "+a", "a/+b", "a/b+/c", "##", "++"):
        peer = t.connect()
        peer.send(mqtt5.subscribe(t.level, 1, [(bad, 0)]))
        if t.v5:
            try:
                assert peer.receive().codes == [0x8F]
            except mqtt5.Closed:
                raise AssertionError("no SUBACK of 0x8F") from None
            except AttributeError:
                raise AssertionError("another packet") from None
        else:
            peer.ended()


@case("4.7.1-2", v5="4.7.1-1", aws="`a/#` does not match `a`")
def parent_of_a_wildcard(t):
    sender, receiver = pair(t, "a/#")
    for rest in ("a", "a/", "a/b"):
        sender.publish(t.topic(rest), rest)
    assert [m.payload for m in t.got(sender, receiver)] == ([] if t.aws else [b"a"]) + [b"a/", b"a/b"]


@case("4.7.2-1", v5="4.7.2-1")
def dollar_topics_and_wildcards(t):
    sender, receiver = t.connect(), t.connect()
    receiver.subscribe([("#", 0), ("+/" + t.base, 0)])
    topic = "$" + t.base + "/" + t.base
    for reserved in ("$aws/events/" + t.base, "$vouch/events/" + t.base) + ((topic,) if t.aws else ()):
        peer = t.connect()                                             # the server's own
        peer.send(mqtt5.publish(t.level, reserved, b"x", 1, 1))
        if t.v5:
            assert peer.expect(PUBACK).reason >= 128
        else:
            peer.ended()
    if not t.aws:
        exact = t.connect()
        exact.subscribe("$" + t.base + "/#")
        sender.publish(topic, b"x")
        assert [m.topic for m in t.got(sender, exact)] == [topic]
    assert not [m for m in t.got(sender, receiver) if m.topic.startswith("$")]


@case("3.8.4-3", v5="3.8.4-3 3.8.4-4")
def same_filter_replaces(t):
    sender, receiver = t.connect(), t.connect()
    sender.publish(t.topic(), b"kept", 1, retain=True)
    receiver.subscribe(t.topic(), 0)
    assert receiver.message().retain
    receiver.subscribe(t.topic(), 1)
    again = receiver.message()
    assert again.payload == b"kept" and again.retain
    sender.publish(t.topic(), b"live", 1)
    assert [(m.payload, m.qos) for m in t.got(sender, receiver)] == [(b"live", 1)]    # one subscription, the new quality


@case("3.3.5-1", v5="3.3.4-2")
def overlapping_subscriptions(t):
    sender, receiver = t.connect(), t.connect()
    receiver.subscribe([(t.topic("a"), 0), (t.topic("+"), 1), (t.topic("#"), 0)])
    sender.publish(t.topic("a"), b"x", 1)
    got = t.got(sender, receiver)
    assert {m.payload for m in got} == {b"x"} and max(m.qos for m in got) == 1


@case("3.10.4-1 3.10.4-2 3.10.4-4 3.10.4-6 2.3.1-7", v5="3.10.4-1 3.10.4-2 3.10.4-4 3.10.4-6 2.2.1-6 3.11.3-1 3.11.3-2", aws=NO_17)
def unsubscribe(t):
    sender, receiver = t.connect(), t.connect()
    filters = [t.topic(rest) for rest in ("a", "b", "+", "c")]
    receiver.subscribe([(f, 0) for f in filters])
    got = receiver.unsubscribe(t.topic("a"), t.topic("A"), t.topic("+"))
    assert got.codes == ([0, 0 if t.aws else 0x11, 0] if t.v5 else [])
    for rest in "abc":
        sender.publish(t.topic(rest), rest)
    assert [m.payload for m in t.got(sender, receiver)] == [b"b", b"c"]


@case("3.10.4-5", v5="3.10.4-5 3.11.3-2", aws=NO_17)
def unsubscribe_of_nothing(t):
    peer = t.connect()
    peer.send(mqtt5.unsubscribe(t.level, 4321, [t.topic()]))
    got = peer.expect(mqtt5.UNSUBACK)
    assert got.packet_id == 4321 and got.codes == ([0 if t.aws else 0x11] if t.v5 else [])


@case("3.10.4-3", v5="3.10.4-3")
def unsubscribe_while_delivering(t):
    sender, receiver = t.connect(), t.connect(t.id(9), expiry=60)
    receiver.auto = False
    receiver.subscribe(t.topic(), 1)
    sender.publish(t.topic(), b"a", 1)
    message = receiver.message()
    receiver.unsubscribe(t.topic())
    receiver.drop()
    again = t.connect(t.id(9), expiry=60)
    assert again.message().payload == message.payload


# ---- options of MQTT 5


@case(v5="3.8.3-3")
def no_local(t):
    one, other = t.connect(), t.connect()
    for peer in (one, other):
        peer.subscribe(t.topic(), no_local=True)
    one.publish(t.topic(), b"mine")
    assert [m.payload for m in t.got(one, other)] == [b"mine"]
    assert t.got(one, one) == []


@case(v5="3.8.3-4")
def no_local_on_a_shared_subscription(t):
    ends(t, mqtt5.subscribe(5, 1, [(f"$share/g/{t.topic()}", options(no_local=True))]), PROTOCOL)


@case(v5="3.3.1-13 3.3.1-12")
def retain_as_published(t):
    sender, plain, as_is = t.connect(), t.connect(), t.connect()
    plain.subscribe(t.topic())
    as_is.subscribe(t.topic(), as_published=True)
    sender.publish(t.topic(), b"1", retain=True)
    sender.publish(t.topic(), b"0")
    assert [m.retain for m in t.got(sender, as_is)] == [True, False]
    assert [m.retain for m in t.got(sender, plain)] == [False, False]


@case(v5="3.3.1-9 3.3.1-10 3.3.1-11 3.8.4-4")
def retain_handling(t):
    sender, receiver = t.connect(), t.connect()
    sender.publish(t.topic(), b"kept", 1, retain=True)

    def after(handling):
        receiver.subscribe(t.topic(), handling=handling)
        return [m.payload for m in t.got(sender, receiver)]

    assert after(2) == []
    assert after(1) == []                                              # it is there already
    assert after(0) == [b"kept"]
    assert after(0) == [b"kept"]
    receiver.unsubscribe(t.topic())
    assert after(1) == [b"kept"]                                       # new again


@case(v5="3.3.4-3 3.3.4-4 3.3.4-5", aws="subscription identifiers are not served: SUBSCRIBE with one gets DISCONNECT 0xA1")
def subscription_identifiers(t):
    if t.aws:
        assert t.connect().connack.get("subscription-id-available") == 0
        ends(t, mqtt5.subscribe(5, 1, [(t.topic(), 0)], [("subscription-id", 1)]), 0xA1)
        return
    sender, receiver = t.connect(), t.connect()
    receiver.subscribe(t.topic("a"), props=[("subscription-id", 1)])
    receiver.subscribe(t.topic("+"), props=[("subscription-id", 268435455)])
    receiver.subscribe(t.topic("#"))
    sender.publish(t.topic("a"), b"x")
    got = t.got(sender, receiver)
    assert sorted(i for m in got for i in m.all("subscription-id")) == [1, 268435455]
    receiver.subscribe(t.topic("a"), props=[("subscription-id", 2)])   # replaced
    receiver.subscribe(t.topic("+"))                                   # taken away
    sender.publish(t.topic("a"), b"x")
    assert [i for m in t.got(sender, receiver) for i in m.all("subscription-id")] == [2]


@case(v5="3.3.4-3", only="spec")
def subscription_identifier_of_a_resumed_session(t):
    receiver, sender = t.connect(t.id(9), expiry=60), t.connect()
    receiver.subscribe(t.topic(), 1, props=[("subscription-id", 77)])
    receiver.leave()
    sender.publish(t.topic(), b"x", 1)
    again = t.connect(t.id(9), expiry=60)
    assert again.message().all("subscription-id") == [77]


@case(v5="3.3.4-6")
def subscription_identifier_from_a_client(t):
    ends(t, mqtt5.publish(5, t.topic(), props=[("subscription-id", 1)]), PROTOCOL)


@case(v5="4.13.1-1")
def properties_of_subscribe(t):
    for props in ([("subscription-id", 0)], [("topic-alias", 1)], [("subscription-id", 1), ("subscription-id", 2)]):
        ends(t, mqtt5.subscribe(5, 1, [(t.topic(), 0)], props), PROTOCOL, 0xA1)
    ends(t, mqtt5.unsubscribe(5, 1, [t.topic()], [("subscription-id", 1)]), PROTOCOL)
    peer = t.connect()
    assert peer.subscribe(t.topic(), props=[("user", ("a", "b"))]).codes == [0]
    peer.unsubscribe(t.topic(), props=[("user", ("a", "b")), ("user", ("a", "b"))])


# ---- shared subscriptions


def members(t, count, qos=1, name="g"):
    found = [t.connect() for _ in range(count)]
    for peer in found:
        assert peer.subscribe(f"$share/{name}/{t.topic()}", qos).codes == [qos]
    return found


@case(v5="4.8.2-1 4.8.2-2")
def form_of_shared_filters(t):
    for bad in (f"$share//{t.topic()}", "$share/g+/a", "$share/g#/a", "$share/+/a", "$share/g", "$share/g/", "$share/", "$share/g/a#"):
        peer = t.connect()
        peer.send(mqtt5.subscribe(5, 1, [(bad, 0)]))
        assert peer.expect(mqtt5.SUBACK).codes == [0x8F], bad
    sender, receiver = t.connect(), t.connect()
    assert receiver.subscribe(f"$share/g/{t.topic('+')}").codes == [0]
    sender.publish(t.topic("a"), b"x")
    assert [m.topic for m in t.got(sender, receiver)] == [t.topic("a")]


@case(v5="4.8.2-3")
def shared_messages_go_to_one(t):
    sender, (one, two) = t.connect(), members(t, 2, qos=0)
    other = members(t, 1, qos=1, name="h")[0]
    for n in range(20):
        sender.publish(t.topic(), b"%d" % n, 1)
    first, second, third = t.got(sender, one), t.got(sender, two), t.got(sender, other)
    assert sorted(m.payload for m in first + second) == sorted(b"%d" % n for n in range(20))
    assert {m.qos for m in first + second} == {0} and {m.qos for m in third} == {1}
    assert len(third) == 20


@case(v5="3.3.1-9")
def shared_subscriptions_get_nothing_retained(t):
    sender = t.connect()
    sender.publish(t.topic(), b"kept", 1, retain=True)
    receiver = members(t, 1)[0]
    sender.publish(t.topic(), b"live", 1)
    assert [(m.payload, m.retain) for m in t.got(sender, receiver, 1)] == [(b"live", False)]


@case(v5="4.8.2-6")
def refused_shared_message_goes_to_nobody(t):
    sender, (one, two) = t.connect(), members(t, 2)
    one.auto = two.auto = False
    sender.publish(t.topic(), b"x", 1)
    t.fence(sender, one, two)
    holder, rest = (one, two) if one.inbox else (two, one)
    holder.send(ack(PUBACK, holder.inbox.pop().packet_id, 0x80))
    holder.ping()
    assert t.got(sender, rest) == [] and t.got(sender, holder) == []


@case(v5="4.8.2-4", only="spec")
def shared_qos_two_is_finished(t):
    sender = t.connect()
    one = t.connect(t.id(9), expiry=60)
    one.auto = False
    one.subscribe(f"$share/g/{t.topic()}", 2)
    sender.publish(t.topic(), b"x", 2)
    message = one.message()
    one.send(ack(PUBREC, message.packet_id))
    one.expect(PUBREL)
    two = t.connect()
    two.subscribe(f"$share/g/{t.topic()}", 2)
    one.drop()
    again = t.connect(t.id(9), expiry=60)
    assert again.expect(PUBREL).packet_id == message.packet_id
    assert t.got(sender, two) == []


@case(v5="4.8.2-5", only="spec")
def shared_qos_two_goes_to_nobody_else(t):
    sender = t.connect()
    one = t.connect(t.id(9), expiry=60)
    one.auto = False
    one.subscribe(f"$share/g/{t.topic()}", 2)
    sender.publish(t.topic(), b"x", 2)
    one.message()
    two = t.connect()
    two.subscribe(f"$share/g/{t.topic()}", 2)
    one.drop()
    t.connect(t.id(9), clean=True).leave()                             # the session ends
    assert t.got(sender, two) == []


@case("3.8.3-2")
def shared_subscriptions_on_311(t):
    sender, receivers = t.connect(), [t.connect(), t.connect()]
    for peer in receivers:
        peer.subscribe(f"$share/g/{t.topic()}")
    for n in range(10):
        sender.publish(t.topic(), b"%d" % n)
    got = [m.payload for peer in receivers for m in t.got(sender, peer)]
    assert sorted(got) == sorted(b"%d" % n for n in range(10))
