"""MQTT 3.1.1 and MQTT 5 by hand, both through one client: every byte is made and read here, none by the codec under test.

Properties are lists of (name, value) in the order of the wire; the same list form comes out of `Packet.props`.
"""
import struct
import time

import mqtt
from mqtt import Closed, length, text

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(1, 16)
NAMES = " CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP DISCONNECT AUTH".split(" ")

# MQTT 5 table 2-4: number and form.
PROPERTIES = {
    "payload-format": (1, "u8"), "message-expiry": (2, "u32"), "content-type": (3, "text"), "response-topic": (8, "text"),
    "correlation-data": (9, "bytes"), "subscription-id": (11, "var"), "session-expiry": (17, "u32"), "assigned-client-id": (18, "text"),
    "server-keep-alive": (19, "u16"), "auth-method": (21, "text"), "auth-data": (22, "bytes"), "request-problem": (23, "u8"),
    "will-delay": (24, "u32"), "request-response": (25, "u8"), "response-information": (26, "text"), "server-reference": (28, "text"),
    "reason-string": (31, "text"), "receive-maximum": (33, "u16"), "topic-alias-maximum": (34, "u16"), "topic-alias": (35, "u16"),
    "maximum-qos": (36, "u8"), "retain-available": (37, "u8"), "user": (38, "pair"), "maximum-packet-size": (39, "u32"),
    "wildcard-available": (40, "u8"), "subscription-id-available": (41, "u8"), "shared-available": (42, "u8"),
}
BY_NUMBER = {number: (name, form) for name, (number, form) in PROPERTIES.items()}


# ---- writing


def value(form, v):
    if form == "u8":
        return bytes([v])
    if form == "u16":
        return struct.pack("!H", v)
    if form == "u32":
        return struct.pack("!I", v)
    if form == "var":
        return length(v)
    if form == "pair":
        return text(v[0]) + text(v[1])
    return text(v)


def block(props):
    """A property block with its length; bytes are taken as they are, length included."""
    if isinstance(props, bytes):
        return props
    body = b"".join(bytes([PROPERTIES[name][0]]) + value(PROPERTIES[name][1], v) for name, v in props)
    return length(len(body)) + body


def packet(kind, flags, body=b""):
    return bytes([kind << 4 | flags]) + length(len(body)) + body


def connect(level, client_id, keep_alive=60, clean=True, will=None, username=None, password=None, props=(), name="MQTT", flags=None,
            tail=None):
    """`will`: dict of topic, payload, qos, retain, props. `flags` and `tail` replace what would be right."""
    bits = 2 if clean else 0
    rest = text(client_id)
    if will:
        bits |= 4 | will.get("qos", 0) << 3 | (32 if will.get("retain") else 0)
        rest += (block(will.get("props", ())) if level == 5 else b"") + text(will["topic"]) + text(will.get("payload", b"gone"))
    if username is not None:
        bits |= 128
        rest += text(username)
    if password is not None:
        bits |= 64
        rest += text(password)
    head = text(name) + bytes([level, bits if flags is None else flags]) + struct.pack("!H", keep_alive)
    return packet(CONNECT, 0, head + (block(props) if level == 5 else b"") + (rest if tail is None else tail))


def publish(level, topic, payload=b"", qos=0, packet_id=0, retain=False, dup=False, props=()):
    payload = payload if isinstance(payload, bytes) else payload.encode()
    body = text(topic) + (struct.pack("!H", packet_id) if qos else b"") + (block(props) if level == 5 else b"") + payload
    return packet(PUBLISH, (8 if dup else 0) | qos << 1 | (1 if retain else 0), body)


def subscribe(level, packet_id, filters, props=()):
    """`filters`: (filter, options byte) pairs."""
    body = struct.pack("!H", packet_id) + (block(props) if level == 5 else b"")
    return packet(SUBSCRIBE, 2, body + b"".join(text(f) + bytes([o]) for f, o in filters))


def unsubscribe(level, packet_id, filters, props=()):
    body = struct.pack("!H", packet_id) + (block(props) if level == 5 else b"")
    return packet(UNSUBSCRIBE, 2, body + b"".join(text(f) for f in filters))


def ack(kind, packet_id, reason=None, props=None):
    body = struct.pack("!H", packet_id) + (b"" if reason is None else bytes([reason])) + (b"" if props is None else block(props))
    return packet(kind, 2 if kind == PUBREL else 0, body)


def disconnect(reason=None, props=None):
    return packet(DISCONNECT, 0, (b"" if reason is None else bytes([reason])) + (b"" if props is None else block(props)))


def auth(reason=None, props=None):
    return packet(AUTH, 0, (b"" if reason is None else bytes([reason])) + (b"" if props is None else block(props)))


def options(qos=0, no_local=False, as_published=False, handling=0):
    return qos | (4 if no_local else 0) | (8 if as_published else 0) | handling << 4


# ---- reading


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        assert self.at + n <= len(self.data), f"the server's packet ends too early: {self.data!r}"
        self.at += n
        return self.data[self.at - n:self.at]

    def more(self):
        return self.at < len(self.data)

    def u8(self):
        return self.take(1)[0]

    def u16(self):
        return struct.unpack("!H", self.take(2))[0]

    def var(self):
        n = shift = 0
        while True:
            digit = self.u8()
            n |= (digit & 127) << shift
            shift += 7
            if not digit & 128:
                assert not (digit == 0 and shift > 7), "the server sent a length in more bytes than it needs"
                return n
            assert shift < 28, "the server sent a length of five bytes"

    def bytes(self):
        return self.take(self.u16())

    def text(self):
        data = self.bytes()
        assert b"\0" not in data
        return data.decode("utf-8")

    def props(self):
        inner, found = Cursor(self.take(self.var())), []
        while inner.more():
            name, form = BY_NUMBER[inner.var()]
            read = {"u8": inner.u8, "u16": inner.u16, "u32": lambda: struct.unpack("!I", inner.take(4))[0], "var": inner.var, "text": inner.text,
                    "bytes": inner.bytes, "pair": lambda: (inner.text(), inner.text())}[form]
            found.append((name, read()))
        once = [name for name, _ in found if name not in ("user", "subscription-id")]
        assert len(once) == len(set(once)), f"the server sent a property twice: {found}"
        return found


class Packet:
    """What the server sent. Members that a packet does not have are absent."""

    def __init__(self, level, kind, flags, body):
        self.level, self.kind, self.flags, self.size = level, kind, flags, 1 + len(length(len(body))) + len(body)
        self.props = []
        c = Cursor(body)
        if kind == PUBLISH:
            self.dup, self.qos, self.retain = bool(flags & 8), flags >> 1 & 3, bool(flags & 1)
            self.topic = c.text()
            self.packet_id = c.u16() if self.qos else 0
            if level == 5:
                self.props = c.props()
            self.payload = c.take(len(body) - c.at)
            return
        assert flags == (2 if kind == PUBREL else 0), f"{NAMES[kind]} with flags {flags}"
        getattr(self, {CONNACK: "_connack", SUBACK: "_codes", UNSUBACK: "_codes", DISCONNECT: "_reason", AUTH: "_reason", PINGRESP: "_nothing"}
                .get(kind, "_ack"))(c)
        assert not c.more(), f"{NAMES[kind]} goes on: {body!r}"

    def _nothing(self, c):
        pass

    def _connack(self, c):
        flags = c.u8()
        assert flags <= 1, "reserved bits of a CONNACK"
        self.session_present, self.reason = bool(flags), c.u8()
        if self.level == 5:
            self.props = c.props()

    def _codes(self, c):
        self.packet_id = c.u16()
        if self.level == 5:
            self.props = c.props()
        self.codes = list(c.take(len(c.data) - c.at))

    def _ack(self, c):
        self.packet_id = c.u16()
        self._reason(c)

    def _reason(self, c):
        self.reason = 0
        if self.level == 5 and c.more():
            self.reason = c.u8()
        if self.level == 5 and c.more():
            self.props = c.props()

    def get(self, name, default=None):
        """The first value of a property."""
        return next((v for n, v in self.props if n == name), default)

    def all(self, name):
        return [v for n, v in self.props if n == name]

    def __repr__(self):
        return NAMES[self.kind] + " " + " ".join(f"{k}={v!r}" for k, v in self.__dict__.items() if k not in ("kind", "flags", "size", "level"))


# ---- a client


class Peer(mqtt.Client):
    """A client of either level. What was published to it waits in `inbox` while another packet is expected; it is acknowledged as it comes
    while `auto` is on."""

    def __init__(self, server, identity, level, **more):
        super().__init__(server, identity, **more)
        self.level = level
        self.inbox = []
        self.last_id = 0
        self.auto = True

    def new_id(self):
        self.last_id = self.last_id % 65535 + 1
        return self.last_id

    def receive(self, timeout=None):
        kind, flags, body = super().receive(timeout)
        return Packet(self.level, kind, flags, body)

    def expect(self, kind, timeout=None):
        """The next packet of this kind; PUBLISH packets before it go to the inbox."""
        while True:
            got = self.receive(timeout)
            if self.auto and got.kind == PUBLISH and got.qos:
                self.send(ack(PUBACK if got.qos == 1 else PUBREC, got.packet_id))
            if got.kind == kind:
                return got
            if self.auto and got.kind == PUBREL:
                self.send(ack(PUBCOMP, got.packet_id))
                continue
            assert got.kind == PUBLISH, f"{got} instead of {NAMES[kind]}"
            self.inbox.append(got)

    def connect(self, client_id, **more):
        self.client_id = client_id
        self.send(connect(self.level, client_id, **more))
        self.connack = self.expect(CONNACK)
        self.client_id = self.connack.get("assigned-client-id", client_id)
        return self.connack

    def publish(self, topic, payload=b"x", qos=0, packet_id=None, wait=True, **more):
        """The final acknowledgement, or None for QoS 0."""
        packet_id = (packet_id or self.new_id()) if qos else 0
        self.send(publish(self.level, topic, payload, qos, packet_id, **more))
        if not wait or qos == 0:
            return None
        if qos == 1:
            got = self.expect(PUBACK)
            assert got.packet_id == packet_id
            return got
        got = self.expect(PUBREC)
        assert got.packet_id == packet_id
        return got if got.reason >= 128 else self.release(packet_id)

    def release(self, packet_id):
        self.send(ack(PUBREL, packet_id))
        got = self.expect(PUBCOMP)
        assert got.packet_id == packet_id
        return got

    def subscribe(self, filters, qos=0, props=(), **opts):
        """`filters`: a filter, or (filter, options) pairs."""
        pairs = [(filters, options(qos, **opts))] if isinstance(filters, str) else filters
        packet_id = self.new_id()
        self.send(subscribe(self.level, packet_id, pairs, props))
        got = self.expect(SUBACK)
        assert got.packet_id == packet_id
        return got

    def unsubscribe(self, *filters, props=()):
        packet_id = self.new_id()
        self.send(unsubscribe(self.level, packet_id, filters, props))
        got = self.expect(UNSUBACK)
        assert got.packet_id == packet_id
        return got

    def acknowledge(self, message):
        """By hand, with `auto` off."""
        if message.qos == 1:
            self.send(ack(PUBACK, message.packet_id))
        elif message.qos == 2:
            self.send(ack(PUBREC, message.packet_id))
            assert self.expect(PUBREL).packet_id == message.packet_id
            self.send(ack(PUBCOMP, message.packet_id))

    def message(self, timeout=None):
        """The next PUBLISH."""
        return self.inbox.pop(0) if self.inbox else self.expect(PUBLISH, timeout)

    def silent(self, seconds):
        """Nothing but what the inbox has comes for a while."""
        try:
            got = self.receive(seconds)
        except TimeoutError:
            return True
        raise AssertionError(f"{got} came")

    def ping(self):
        self.send(packet(PINGREQ, 0))
        self.expect(PINGRESP)

    def ended(self, *reasons, timeout=5):
        """The server closes; on MQTT 5 with a DISCONNECT of one of `reasons` before, if any is given. That packet, or None."""
        last = None
        try:
            while True:
                got = self.receive(timeout)
                if got.kind == PUBLISH:
                    self.inbox.append(got)
                    continue
                assert got.kind == DISCONNECT and last is None and self.level == 5, f"{got} instead of the end"
                last = got
        except Closed:
            pass
        if reasons and self.level == 5:
            assert last is not None, "closed without a DISCONNECT"
            assert last.reason in reasons, f"DISCONNECT 0x{last.reason:02x} instead of {[hex(r) for r in reasons]}"
        return last

    def refused(self, *reasons, timeout=5):
        """A CONNECT is refused: a CONNACK with one of `reasons` (None among them: none at all), and the end."""
        got = None
        try:
            got = self.receive(timeout)
            assert got.kind == CONNACK, f"{got} instead of CONNACK"
            assert not got.session_present
            self.receive(timeout)
            raise AssertionError("open after a refusal")
        except Closed:
            pass
        code = got.reason if got else None
        assert code in reasons, f"CONNACK {code} instead of {reasons}"
        return got

    def leave(self, reason=None, props=None):
        self.send(disconnect(reason, props))
        self.gone()

    def gone(self, timeout=5):
        """The server has seen the end and closed too."""
        end = time.monotonic() + timeout
        try:
            while True:
                self.receive(max(end - time.monotonic(), 0.01))
        except Closed:
            pass
        self.close()

    def drop(self):
        """As if the network had failed."""
        self.close()
