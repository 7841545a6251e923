"""MQTT 3.1.1 by hand: every byte is made here, none by the codec under test."""
import json
import socket
import ssl
import struct
import time

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = \
    1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("!H", len(data)) + data


def length(n):
    out = b""
    while True:
        n, digit = divmod(n, 128)
        out += bytes([digit | (0x80 if n else 0)])
        if not n:
            return out


def packet(kind, flags, body=b""):
    return bytes([kind << 4 | flags]) + length(len(body)) + body


def connect(client_id, keep_alive=60, clean=True, will=None, username=None, password=None, level=4, name="MQTT", flags=None):
    bits = 2 if clean else 0
    tail = text(client_id)
    if will:
        topic, payload, qos, retain = will
        bits |= 4 | qos << 3 | (32 if retain else 0)
        tail += text(topic) + text(payload)
    if username is not None:
        bits |= 128
        tail += text(username)
    if password is not None:
        bits |= 64
        tail += text(password)
    return packet(CONNECT, 0, text(name) + bytes([level, bits if flags is None else flags]) + struct.pack("!H", keep_alive) + tail)


def publish(topic, payload=b"", qos=0, packet_id=1, retain=False, dup=False):
    payload = payload if isinstance(payload, bytes) else payload.encode()
    body = text(topic) + (struct.pack("!H", packet_id) if qos else b"") + payload
    return packet(PUBLISH, (8 if dup else 0) | qos << 1 | (1 if retain else 0), body)


def subscribe(packet_id, *filters):
    return packet(SUBSCRIBE, 2, struct.pack("!H", packet_id) + b"".join(text(f) + bytes([q]) for f, q in filters))


def unsubscribe(packet_id, *filters):
    return packet(UNSUBSCRIBE, 2, struct.pack("!H", packet_id) + b"".join(text(f) for f in filters))


class Closed(Exception):
    """The server ended the connection."""


class Client:
    """A blocking client over mutual TLS."""

    def __init__(self, server, identity=None, port=None, alpn=None, tls=None, timeout=10):
        self.timeout = timeout
        context = ssl.create_default_context(cafile=server.ca)
        if tls:
            context.minimum_version = context.maximum_version = tls
        if identity:
            context.load_cert_chain(identity.cert_file, identity.key_file)
        if alpn:
            context.set_alpn_protocols([alpn])
        raw = socket.create_connection(("127.0.0.1", port or server.mqtt_port), timeout)
        try:
            self.sock = context.wrap_socket(raw, server_hostname="localhost")
        except (OSError, ssl.SSLError) as error:
            raw.close()
            raise Closed(str(error)) from error
        self.buffer = b""
        self.next_id = 1

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (OSError, ssl.SSLError) as error:
            raise Closed(str(error)) from error

    def _fill(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing came")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(65536)
        except socket.timeout as error:
            raise TimeoutError("nothing came") from error
        except (OSError, ssl.SSLError) as error:
            raise Closed(str(error)) from error
        if not data:
            raise Closed("end of stream")
        self.buffer += data

    def _take(self):
        """A whole packet from the buffer, or None."""
        size, shift, at = 0, 0, 1
        while True:
            if len(self.buffer) <= at:
                return None
            digit = self.buffer[at]
            size |= (digit & 127) << shift
            shift += 7
            at += 1
            if not digit & 128:
                break
        if len(self.buffer) < at + size:
            return None
        head, body = self.buffer[0], self.buffer[at:at + size]
        self.buffer = self.buffer[at + size:]
        return head >> 4, head & 15, body

    def receive(self, timeout=None):
        deadline = time.monotonic() + (timeout or self.timeout)
        while True:
            whole = self._take()
            if whole:
                return whole
            self._fill(deadline)

    def expect(self, kind, timeout=None):
        got = self.receive(timeout)
        assert got[0] == kind, f"packet {got[0]} instead of {kind}: {got[2][:200]!r}"
        return got

    def expect_closed(self, timeout=None):
        """True when the server closes without a further packet."""
        try:
            got = self.receive(timeout)
        except Closed:
            return True
        raise AssertionError(f"a packet of type {got[0]} came: {got[2][:200]!r}")

    def connect(self, client_id, expect=0, **options):
        self.send(connect(client_id, **options))
        body = self.expect(CONNACK)[2]
        assert body[1] == expect, f"CONNACK {body[1]} instead of {expect}"
        return body[0]

    def subscribe(self, *filters, qos=1):
        self.next_id += 1
        self.send(subscribe(self.next_id, *((f, qos) for f in filters)))
        body = self.expect(SUBACK)[2]
        assert body[:2] == struct.pack("!H", self.next_id)
        return list(body[2:])

    def publish(self, topic, payload=b"", qos=1, **options):
        self.next_id += 1
        self.send(publish(topic, payload, qos, self.next_id, **options))
        if qos:
            assert self.expect(PUBACK)[2] == struct.pack("!H", self.next_id)

    def message(self, timeout=None):
        """The next PUBLISH: topic, payload; acknowledged."""
        _, flags, body = self.expect(PUBLISH, timeout)
        size = struct.unpack("!H", body[:2])[0]
        topic, rest = body[2:2 + size].decode(), body[2 + size:]
        if flags >> 1 & 3:
            self.send(packet(PUBACK, 0, rest[:2]))
            rest = rest[2:]
        return topic, rest

    def request(self, topic, payload):
        """A provisioning request: (True, answer) when accepted, (False, answer) when rejected."""
        self.publish(topic, payload if isinstance(payload, bytes) else json.dumps(payload))
        where, answer = self.message()
        assert where in (topic + "/accepted", topic + "/rejected"), where
        return where.endswith("/accepted"), json.loads(answer)

    def ping(self):
        self.send(packet(PINGREQ, 0))
        self.expect(PINGRESP)

    def disconnect(self):
        self.send(packet(DISCONNECT, 0))
        self.close()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


CREATE = "$aws/certificates/create/json"
CREATE_CSR = "$aws/certificates/create-from-csr/json"


def register_topic(template):
    return f"$aws/provisioning-templates/{template}/provision/json"
