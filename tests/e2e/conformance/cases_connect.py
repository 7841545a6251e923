"""CONNECT and CONNACK, wills, sessions, keep alive."""
import struct
import time

import mqtt
import mqtt5
from conformance.harness import MALFORMED, PROTOCOL, case
from mqtt5 import CONNACK, CONNECT, PINGREQ, text

NO_ANSWER = None


def malformed_connect(t, **more):
    """3.1.1 closes without a CONNACK [MQTT-3.1.4-1]; MQTT 5 may say why first."""
    peer = t.raw(mqtt5.connect(t.level, t.id(), **more))
    peer.refused(*((NO_ANSWER, MALFORMED, PROTOCOL) if t.v5 else (NO_ANSWER,)))


# ---- the first packet


@case("3.1.0-1", v5="3.1.0-1")
def first_packet_is_connect(t):
    for data in (mqtt5.packet(PINGREQ, 0), mqtt5.publish(t.level, t.topic(), b"x"), mqtt5.subscribe(t.level, 1, [(t.topic(), 0)]),
                 mqtt5.disconnect()):
        t.raw(data).refused(NO_ANSWER)


@case("3.1.0-2", v5="3.1.0-2")
def second_connect(t):
    peer = t.connect()
    peer.send(mqtt5.connect(t.level, peer.client_id))
    peer.ended(PROTOCOL)


@case("3.1.2-1", v5="3.1.2-1")
def other_protocol_name(t):
    for name in ("MQTX", "mqtt", "MQT", "MQTTT", ""):
        t.raw(mqtt5.connect(t.level, t.id(), name=name)).refused(NO_ANSWER, 0x84)


@case("3.1.2-2")
def unknown_level(t):
    for level in (2, 6, 127):
        t.raw(mqtt5.connect(level, t.id())).refused(1)


@case(v5="3.1.2-2")
def unknown_version(t):
    for level in (2, 6, 127):
        peer = t.raw(mqtt5.connect(level, t.id()))
        kind, flags, body = mqtt.Client.receive(peer)                  # in the form of 3.1.1 or of MQTT 5
        assert (kind, flags, body) in ((CONNACK, 0, b"\0\x01"), (CONNACK, 0, b"\0\x84\0"))
        peer.ended()


@case("3.1.2-3", v5="3.1.2-3")
def reserved_connect_flag(t):
    malformed_connect(t, flags=3)


@case("3.1.2-9 3.1.2-11 3.1.2-13 3.1.2-15", v5="3.1.2-9 3.1.2-11 3.1.2-13")
def will_flag_and_fields(t):
    malformed_connect(t, flags=2 | 4)                                  # the flag without the fields
    malformed_connect(t, flags=2, will={"topic": t.topic()})           # the fields without the flag
    malformed_connect(t, flags=2 | 8)                                  # QoS 1 of no will
    malformed_connect(t, flags=2 | 32)                                 # retain of no will
    t.connect(will={"topic": t.topic()}).leave()


@case("3.1.2-14", v5="3.1.2-12")
def will_qos_three(t):
    malformed_connect(t, flags=2 | 4 | 3 << 3, will={"topic": t.topic()})


@case("3.1.2-18 3.1.2-19 3.1.2-20 3.1.2-21", v5="3.1.2-16 3.1.2-17 3.1.2-18 3.1.2-19")
def user_name_and_password_by_flags(t):
    malformed_connect(t, flags=2, username="u")                        # a name without its flag
    malformed_connect(t, flags=2 | 128)                                # the flag without a name
    malformed_connect(t, flags=2 | 128, username="u", password=b"p")   # a password without its flag
    malformed_connect(t, flags=2 | 128 | 64, username="u")             # the flag without a password
    t.connect(username="u", password=b"\0\xff").leave()


@case("3.1.2-22")
def password_without_user_name(t):
    malformed_connect(t, password=b"p")


@case(v5="3.1.2-18 3.1.2-19")
def password_alone_is_fine(t):
    t.connect(password=b"p").leave()


@case("3.1.3-1 3.1.3-3", v5="3.1.3-1 3.1.3-3")
def payload_in_its_order(t):
    watcher = t.connect()
    watcher.subscribe(t.topic("w"))
    peer = t.connect("", will={"topic": t.topic("w"), "payload": b"bye"}, username="name", password=b"secret")
    peer.drop()
    got = watcher.message()
    assert (got.topic, got.payload) == (t.topic("w"), b"bye")
    malformed_connect(t, tail=b"")                                     # no client identifier


@case("1.5.3-1 3.1.3-4 3.1.3-10 3.1.3-11 3.1.4-1", v5="1.5.4-1 3.1.3-4 3.1.3-11 3.1.3-12 3.1.4-1")
def strings_of_connect_are_utf8(t):
    for bad in (b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xff"):
        t.raw(mqtt5.connect(t.level, bad)).refused(*((NO_ANSWER, MALFORMED, 0x85) if t.v5 else (NO_ANSWER,)))
        malformed_connect(t, will={"topic": b"w" + bad})
        malformed_connect(t, username=b"u" + bad)


@case("1.5.3-2", v5="1.5.4-2")
def no_null_in_strings(t):
    t.raw(mqtt5.connect(t.level, b"a\0b")).refused(*((NO_ANSWER, MALFORMED, 0x85) if t.v5 else (NO_ANSWER,)))
    malformed_connect(t, will={"topic": b"w\0"})
    malformed_connect(t, username=b"u\0")
    for make in (lambda p: mqtt5.publish(t.level, b"a\0b"), lambda p: mqtt5.subscribe(t.level, 1, [(b"a\0b", 0)]),
                 lambda p: mqtt5.unsubscribe(t.level, 1, [b"a\0b"])):
        peer = t.connect()
        peer.send(make(peer))
        peer.ended(MALFORMED)


@case("3.1.4-1", v5="3.1.4-1 4.13.1-1")
def connect_of_another_form(t):
    good = mqtt5.connect(t.level, t.id())[2:]
    expected = (NO_ANSWER, MALFORMED, PROTOCOL) if t.v5 else (NO_ANSWER,)
    t.raw(mqtt5.packet(CONNECT, 0, good + b"\0")).refused(*expected)
    t.raw(mqtt5.packet(CONNECT, 0, good[:-1])).refused(*expected)
    t.raw(mqtt5.packet(CONNECT, 1, good)).refused(*expected)


# ---- client identifiers


@case("3.1.3-5", v5="3.1.3-5")
def letters_and_digits(t):
    for name in ("a", "0", "Z" * 23, "0123456789ABCDEFabcdef" + "z", "ghijklmnopqrstuvwxyzGHI", "JKLMNOPQRSTUVWXYZ456789"):
        t.connect(name).leave()


@case("3.1.3-6", v5="3.1.3-6")
def empty_identifier_is_replaced(t):
    first, second = t.connect(""), t.connect("")
    first.ping()
    second.ping()                                                      # two clients, not one


@case(v5="3.1.3-7 3.2.2-16")
def assigned_identifier_is_told(t):
    first, second = t.connect(""), t.connect("")
    names = {first.connack.get("assigned-client-id"), second.connack.get("assigned-client-id")}
    assert len(names) == 2 and all(names)
    assert t.connect("given" + t.id()).connack.get("assigned-client-id") is None
    if not t.aws:                                                      # there `$` is reserved, and so is what the server assigns
        again = t.connect(first.client_id)
        first.ended(0x8E)
        again.ping()


@case("3.1.3-8 3.1.3-9 3.2.2-4 3.2.2-5")
def empty_identifier_without_clean_session(t):
    t.raw(mqtt5.connect(4, "", clean=False)).refused(2)


@case("3.1.3-9", v5="3.1.3-8 3.1.4-2 3.2.2-6 3.2.2-7 3.2.2-8 4.13.2-1")
def identifier_refused(t):
    if t.aws:
        for name in ("x" * 129, "$reserved"):
            t.raw(mqtt5.connect(t.level, name)).refused(0x85 if t.v5 else 2)
    else:
        name = "x" * 4000
        t.raw(mqtt5.connect(t.level, name)).refused(0x85 if t.v5 else 2)


@case("3.1.3-2", v5="3.1.3-2")
def identifier_names_the_session(t):
    name = t.id()
    one = t.connect(name, expiry=60)
    one.subscribe(t.topic(), 1)
    one.leave()
    assert not t.connect(name + "y", expiry=60).connack.session_present
    assert t.connect(name, expiry=60).connack.session_present


# ---- acceptance


@case("3.1.4-4 3.2.0-1 3.2.2-1", v5="3.1.4-5 3.2.0-1 3.2.0-2 3.2.2-1 3.2.2-2 2.2.2-1")
def connack_first_and_once(t):
    peer = t.raw(mqtt5.connect(t.level, t.id()) + mqtt5.packet(PINGREQ, 0))
    got = peer.receive()
    assert got.kind == CONNACK and got.reason == 0 and not got.session_present
    assert peer.receive().kind == mqtt5.PINGRESP


@case("3.1.4-5", v5="3.1.4-6")
def nothing_after_a_refusal(t):
    watcher = t.connect()
    watcher.subscribe(t.topic())
    bad = mqtt5.connect(4, "", clean=False) if not t.v5 else mqtt5.connect(5, "x" * 4000)
    peer = t.raw(bad + mqtt5.publish(t.level, t.topic(), b"after a refusal"))
    peer.refused(*((0x85, 0x80, 0x95, 0x81, 0x82, NO_ANSWER) if t.v5 else (2,)))
    assert t.got(t.connect(), watcher) == []


@case("3.2.2-6", v5="4.13.1-1")
def half_a_connect_gets_no_answer(t):
    peer = t.raw(mqtt5.packet(CONNECT, 0, b"\0\x04MQTT"))
    peer.refused(NO_ANSWER, MALFORMED)


@case("3.1.4-2", v5="3.1.4-3 4.13.2-1")
def second_client_of_an_identifier(t):
    first = t.connect(t.id())
    second = t.connect(t.id())
    first.ended(0x8E)
    second.ping()


@case("3.1.4-2 3.1.2-4 3.2.2-2", v5="3.1.4-3 3.1.2-5 3.2.2-3")
def session_of_the_client_taken_over(t):
    sender, first = t.connect(), t.connect(t.id(7), expiry=60)
    first.auto = False
    first.subscribe(t.topic(), 1)
    sender.publish(t.topic(), b"open", 1)
    assert first.message().payload == b"open"
    second = t.connect(t.id(7), expiry=60)
    assert second.connack.session_present
    first.ended(0x8E)
    assert second.message().payload == b"open"                         # it was not acknowledged
    sender.publish(t.topic(), b"new", 1)
    assert [m.payload for m in t.got(sender, second, 1)] == [b"new"]


@case("7.0.0-2 7.1.1-1 4.2.0-1", v5="4.2-1")
def plain_mqtt_over_a_stream(t):
    peer = t.open()
    for byte in mqtt5.connect(t.level, t.id()):
        peer.send(bytes([byte]))
    assert peer.expect(CONNACK).reason == 0
    peer.send(mqtt5.publish(t.level, t.topic(), b"1") + mqtt5.publish(t.level, t.topic(), b"2") + mqtt5.packet(PINGREQ, 0)[:1])
    peer.send(mqtt5.packet(PINGREQ, 0)[1:])
    peer.expect(mqtt5.PINGRESP)


# ---- sessions


@case("3.1.2-4 3.1.2-5 3.2.2-2 3.2.2-3 4.1.0-1 4.5.0-1 3.1.4-3", v5="3.1.2-5 3.1.2-6 3.1.2-23 3.2.2-3 4.5.0-1 3.1.4-4")
def session_is_resumed_with_what_came(t):
    one = t.connect(t.id(), expiry=60)
    assert not one.connack.session_present
    one.subscribe(t.topic(), 1)
    one.leave()
    sender = t.connect()
    for n in range(5):
        sender.publish(t.topic(), b"%d" % n, 1)
    again = t.connect(t.id(), expiry=60)
    assert again.connack.session_present
    assert [again.message().payload for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
    sender.publish(t.topic(), b"live", 1)
    assert again.message().payload == b"live"


@case("3.1.2-6 3.2.2-1 3.1.4-3", v5="3.1.2-4 3.2.2-2 3.1.4-4")
def clean_start_discards(t):
    one = t.connect(t.id(), expiry=60)
    one.subscribe(t.topic(), 1)
    one.leave()
    clean = t.connect(t.id(), clean=True)
    assert not clean.connack.session_present
    assert t.got(t.connect(), clean) == []
    sender = t.connect()
    sender.publish(t.topic(), b"x", 1)
    assert t.got(sender, clean) == []
    clean.leave()
    assert not t.connect(t.id(), expiry=60).connack.session_present    # nor is the clean one reused


@case("4.1.0-2", v5="4.1.0-1")
def session_lasts_as_its_connection(t):
    one = t.connect(t.id(), clean=True)
    one.subscribe(t.topic())
    sender = t.connect()
    for _ in range(3):
        sender.publish(t.topic(), b"x")
        assert len(t.got(sender, one)) == 1


@case(v5="4.1.0-2")
def session_ends_with_its_expiry(t):
    zero = t.connect(t.id(), expiry=0)
    zero.subscribe(t.topic(), 1)
    zero.leave()
    assert not t.connect(t.id(), expiry=0).connack.session_present     # 0: with the connection
    one = t.connect(t.id(1), expiry=60)
    one.leave(0, [("session-expiry", 0)])                              # made 0 by DISCONNECT
    assert not t.connect(t.id(1), expiry=60).connack.session_present
    short = t.connect(t.id(2), expiry=1)
    short.leave()
    time.sleep(2.2)
    late = t.connect(t.id(2), expiry=1)
    assert not late.connack.session_present, "a second over"


@case(v5="3.1.2-23 3.14.4-3")
def disconnect_changes_the_expiry(t):
    one = t.connect(t.id(), expiry=1)
    one.leave(0, [("session-expiry", 60)])
    time.sleep(2.2)
    assert t.connect(t.id(), expiry=1).connack.session_present
    zero = t.connect(t.id(1))
    zero.send(mqtt5.disconnect(0, [("session-expiry", 60)]))           # 0 stays 0: a protocol error (3.14.2.2.2)
    zero.ended(PROTOCOL)


@case("3.1.2-7", v5="4.1.0-2")
def retained_messages_outlive_the_session(t):
    one = t.connect(t.id())
    one.publish(t.topic(), b"kept", 1, retain=True)
    one.leave()
    t.connect(t.id(), clean=True).leave()
    other = t.connect()
    other.subscribe(t.topic())
    assert other.message().payload == b"kept"


@case(aws="sessions of 3.1.1 and MQTT 5 are not interchangeable", v5="3.1.2-5")
def session_of_the_other_level(t):
    old = t.connect(t.id(), level=4, clean=False)
    old.leave()
    new = t.connect(t.id(), level=5, expiry=60)
    assert new.connack.session_present == (not t.aws)


# ---- what the server says in an MQTT 5 CONNACK


@case(v5="3.2.2-9", aws="QoS 0 and 1: Maximum QoS is 1")
def maximum_qos(t):
    told = t.connect().connack.get("maximum-qos")
    assert told == (1 if t.aws else None)


@case(v5="3.2.2-10", aws="a SUBSCRIBE of QoS 2 ends the connection")
def subscribe_over_the_maximum_qos(t):
    peer = t.connect()
    if t.aws:
        peer.send(mqtt5.subscribe(5, 1, [(t.topic(), 2)]))
        peer.ended(0x9B)
    else:
        assert peer.subscribe(t.topic(), 2).codes == [2]


@case(v5="3.2.2-12")
def will_over_the_maximum_qos(t):
    data = mqtt5.connect(5, t.id(), will={"topic": t.topic(), "qos": 2})
    if t.aws:
        t.raw(data).refused(0x9B)
    else:
        assert t.connect(will={"topic": t.topic(), "qos": 2}).connack.reason == 0


@case(v5="3.2.2-19 3.2.2-20")
def small_connack_for_a_small_client(t):
    peer = t.open()
    peer.send(mqtt5.connect(5, "x" * 4000, props=[("maximum-packet-size", 8)]))
    try:
        got = peer.receive()
        assert got.kind == CONNACK and got.size <= 8
    except mqtt5.Closed:
        pass                                                           # too small for any CONNACK
    peer = t.open()
    got = None
    peer.send(mqtt5.connect(5, t.id(), props=[("maximum-packet-size", 128)]))
    got = peer.expect(CONNACK)
    assert got.reason == 0 and got.size <= 128


@case(v5="3.2.2-22")
def keep_alive_of_the_client_counts(t):
    told = t.connect(keep_alive=61).connack.get("server-keep-alive")
    assert told in (None, 61)
    if t.aws:
        assert t.connect(keep_alive=5).connack.get("server-keep-alive") == 30
        assert t.connect(keep_alive=0).connack.get("server-keep-alive") == 1200
        assert t.connect(keep_alive=5000).connack.get("server-keep-alive") == 1200


@case(v5="3.1.2-28")
def no_response_information_unasked(t):
    assert t.connect().connack.get("response-information") is None
    assert t.connect(props=[("request-response", 0)]).connack.get("response-information") is None


@case("3.1.2-24", v5="3.1.2-22", aws="a keep alive below 30 s counts as 30 s: a client of 1 s is not cut after 1.5")
def silence_ends_the_connection(t):
    watcher = t.connect()
    watcher.subscribe(t.topic("w"))
    peer = t.connect(keep_alive=1, will={"topic": t.topic("w")})
    calm = t.connect(keep_alive=0)
    begin = time.monotonic()
    if t.aws:
        assert peer.silent(2)
        peer.ping()
        return
    peer.ended(0x8D, timeout=4)
    assert 1.0 <= time.monotonic() - begin <= 3.5
    assert watcher.message().topic == t.topic("w")                     # as if the network had failed
    calm.ping()


# ---- authentication: no method is served


@case(v5="4.12.0-1 4.12.0-4")
def authentication_method_is_refused(t):
    t.raw(mqtt5.connect(5, t.id(), props=[("auth-method", "SCRAM"), ("auth-data", b"x")])).refused(0x8C, 0x87)


@case(v5="4.12.0-6")
def no_method_in_connack(t):
    assert t.connect().connack.get("auth-method") is None


@case(v5="4.12.0-7 4.12.1-1 4.12.1-2 3.15.2-1")
def auth_without_method(t):
    for reason in (0x18, 0x19, 0x00):
        peer = t.connect()
        peer.send(mqtt5.auth(reason, [("auth-method", "m")]))
        peer.ended(PROTOCOL, 0x8C, 0x87)
    peer = t.connect()
    peer.send(mqtt5.auth(0x01, [("auth-method", "m")]))                # no reason of AUTH
    peer.ended(PROTOCOL, MALFORMED)
    t.raw(mqtt5.auth(0x18, [("auth-method", "m")])).refused(NO_ANSWER)


@case(v5="3.15.1-1")
def auth_with_flags(t):
    peer = t.connect()
    peer.send(mqtt5.packet(mqtt5.AUTH, 1, b""))
    peer.ended(MALFORMED)


# ---- values of CONNECT's properties


@case(v5="3.1.4-1 4.13.1-1")
def properties_of_connect(t):
    wrong = [[("receive-maximum", 0)], [("maximum-packet-size", 0)], [("request-problem", 2)], [("request-response", 2)],
             [("session-expiry", 1), ("session-expiry", 1)], [("receive-maximum", 1), ("receive-maximum", 1)], [("topic-alias", 1)],
             [("will-delay", 1)], [("maximum-qos", 1)], [("subscription-id", 1)], [("auth-data", b"x")], [("reason-string", "x")]]
    for props in wrong:
        t.raw(mqtt5.connect(5, t.id(), props=props)).refused(PROTOCOL)
    for props in (b"\x01\x00", b"\x02\x7f\x00", b"\x05\x11\0\0\0", b"\x80\x00", b"\xff\xff\xff\xff\x01"):
        t.raw(mqtt5.connect(5, t.id(), props=props)).refused(MALFORMED)
    for props in ([("receive-maximum", 0)], [("session-expiry", 1)], [("topic-alias", 1)], [("will-delay", 1), ("will-delay", 1)],
                  [("payload-format", 2)]):
        t.raw(mqtt5.connect(5, t.id(), will={"topic": t.topic(), "props": props})).refused(PROTOCOL)
    fine = [("session-expiry", 0), ("receive-maximum", 65535), ("maximum-packet-size", 0xFFFFFFFF), ("topic-alias-maximum", 0),
            ("request-response", 0), ("request-problem", 1), ("user", ("a", "b")), ("user", ("a", "b"))]
    t.connect(props=fine).ping()


@case(v5="1.5.5-1")
def length_in_too_many_bytes(t):
    peer = t.connect()
    peer.send(b"\xc0\x80\x00")
    peer.ended(MALFORMED)
    peer = t.connect()
    peer.send(mqtt5.packet(mqtt5.PUBLISH, 0, text(t.topic()) + b"\x80\x00" + b"x"))
    peer.ended(MALFORMED)
    peer = t.connect()
    peer.send(mqtt5.subscribe(5, 1, [(t.topic(), 0)], b"\x03\x0b\x81\x00"))
    peer.ended(MALFORMED, 0xA1)


@case(v5="1.5.7-1")
def strings_of_user_properties(t):
    for pair in ((b"\xff", "v"), ("n", b"\xed\xa0\x80"), (b"\0", "v"), ("n", b"\0")):
        peer = t.connect()
        peer.send(mqtt5.publish(5, t.topic(), props=[("user", pair)]))
        peer.ended(MALFORMED)
