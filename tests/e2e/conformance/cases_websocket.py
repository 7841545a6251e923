"""MQTT over WebSocket: subprotocol and frames."""
import base64
import hashlib
import os
import struct

import mqtt
import mqtt5
from conformance.harness import case

BINARY, TEXT, CLOSE, CONTINUE = 2, 1, 8, 0


class Socket(mqtt.Client):
    """WebSocket frames over the HTTPS port, with a client certificate."""

    def __init__(self, t):
        super().__init__(t.server, t.identity, port=t.server.edge_port, alpn="http/1.1")
        t.peers.append(self)
        self.level = t.level

    def upgrade(self, protocols="mqtt"):
        """The answer's status line and its headers in lower case."""
        key = base64.b64encode(os.urandom(16)).decode()
        offered = f"Sec-WebSocket-Protocol: {protocols}\r\n" if protocols else ""
        self.send(f"GET /mqtt HTTP/1.1\r\nHost: localhost:{self.sock.getpeername()[1]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{offered}\r\n".encode())
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        status, *lines = head.decode().split("\r\n")
        headers = {name.lower(): v.strip() for name, v in (line.split(":", 1) for line in lines)}
        if " 101 " in status:
            digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            assert headers["sec-websocket-accept"] == base64.b64encode(digest).decode()
        return status, headers

    def fill(self):
        import time
        self._fill(time.monotonic() + 5)

    def frame(self, data, kind=BINARY, last=True):
        mask = os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 126]) + struct.pack("!H", len(data))
        self.send(bytes([(0x80 if last else 0) | kind]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def take(self, n):
        while len(self.buffer) < n:
            self.fill()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def read(self):
        """Kind and data of the next frame."""
        first, size = self.take(2)
        assert not size & 128, "a server does not mask"
        if size == 126:
            size = struct.unpack("!H", self.take(2))[0]
        return first & 15, self.take(size)

    def mqtt(self, wanted):
        """The next MQTT packet, of this kind, from binary frames."""
        kind, data = self.read()
        assert kind == BINARY, f"frame {kind}"
        assert data[0] >> 4 == wanted
        return mqtt5.Packet(self.level, wanted, data[0] & 15, data[2:])

    def over(self):
        """The server closes, with a close frame or without."""
        try:
            while True:
                kind, _ = self.read()
                if kind == CLOSE:
                    return
        except mqtt5.Closed:
            pass


@case("6.0.0-4", v5="6.0.0-4")
def subprotocol_is_mqtt(t):
    status, headers = Socket(t).upgrade()
    assert " 101 " in status and headers["sec-websocket-protocol"] == "mqtt"
    status, headers = Socket(t).upgrade("chat, mqtt")
    assert " 101 " in status and headers["sec-websocket-protocol"] == "mqtt"


@case("6.0.0-1", v5="6.0.0-1")
def text_frames_end_the_connection(t):
    peer = Socket(t)
    peer.upgrade()
    peer.frame(mqtt5.connect(t.level, t.id()), TEXT)
    peer.over()
    peer = Socket(t)
    peer.upgrade()
    peer.frame(mqtt5.connect(t.level, t.id(1)))
    assert peer.mqtt(mqtt5.CONNACK).reason == 0
    peer.frame(mqtt5.packet(mqtt5.PINGREQ, 0), TEXT)
    peer.over()


@case("6.0.0-2", v5="6.0.0-2")
def packets_and_frames_need_not_begin_together(t):
    peer = Socket(t)
    peer.upgrade()
    data = mqtt5.connect(t.level, t.id()) + mqtt5.packet(mqtt5.PINGREQ, 0)
    peer.frame(data[:3])
    peer.frame(data[3:7], last=False)
    peer.frame(data[7:9], CONTINUE, last=False)
    peer.frame(b"", CONTINUE, last=False)
    peer.frame(data[9:-1], CONTINUE)
    peer.frame(data[-1:] + mqtt5.packet(mqtt5.PINGREQ, 0) * 2)
    got = b""
    while got.count(b"\xd0\x00") < 3:
        kind, piece = peer.read()
        assert kind == BINARY
        got += piece
    assert got[0] >> 4 == mqtt5.CONNACK
