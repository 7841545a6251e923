"""WebSocket by hand: the handshake, its signatures, and every byte of its frames are made here."""
import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
import time
import urllib.parse

import mqtt

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(opcode, payload=b"", fin=True, mask=True, rsv=0, announced=None, long_form=None):
    """A client's frame. `announced`: a length that is not the payload's. `long_form`: 2 or 8 bytes of length, needed or not."""
    size = len(payload) if announced is None else announced
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    form = long_form or (0 if size < 126 else 2 if size < 65536 else 8)
    head += bytes([bit | {0: size & 127, 2: 126, 8: 127}[form]])
    head += {0: b"", 2: struct.pack("!H", size & 0xffff), 8: struct.pack("!Q", size)}[form]
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()


def presign(key, region, host="localhost", service="iotdevicegateway", expires=300, token=None, token_signed=False, now=None,
            path="/mqtt"):
    """The query of a presigned URL, from AWS's description of Signature Version 4."""
    when = time.gmtime(time.time() if now is None else now)
    stamp, day = time.strftime("%Y%m%dT%H%M%SZ", when), time.strftime("%Y%m%d", when)
    scope = f"{day}/{region}/{service}/aws4_request"
    pairs = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{key['accessKeyId']}/{scope}", "X-Amz-Date": stamp,
             "X-Amz-SignedHeaders": "host"}
    if expires is not None:
        pairs["X-Amz-Expires"] = str(expires)
    if token and token_signed:
        pairs["X-Amz-Security-Token"] = token
    query = "&".join(f"{k}={urllib.parse.quote(v, safe='-_.~')}" for k, v in sorted(pairs.items()))
    canonical = f"GET\n{path}\n{query}\nhost:{host}\n\nhost\n{hashlib.sha256(b'').hexdigest()}"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    seed = ("AWS4" + key["secretAccessKey"]).encode()
    for part in (day, region, service, "aws4_request"):
        seed = hmac.new(seed, part.encode(), hashlib.sha256).digest()
    query += "&X-Amz-Signature=" + hmac.new(seed, text.encode(), hashlib.sha256).hexdigest()
    if token and not token_signed:
        query += "&X-Amz-Security-Token=" + urllib.parse.quote(token, safe="-_.~")
    return query


def request(query="", headers=None, drop=(), method="GET", path="/mqtt", version="HTTP/1.1", host="localhost", key=None):
    fields = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
              "Sec-WebSocket-Key": key or base64.b64encode(os.urandom(16)).decode(), "Sec-WebSocket-Protocol": "mqtt"}
    fields.update(headers or {})
    lines = [f"{method} {path}{'?' + query if query else ''} {version}"] + [f"{k}: {v}" for k, v in fields.items() if k not in drop]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def dial(server, port=None, identity=None, alpn=None, name="localhost", timeout=10):
    context = ssl.create_default_context(cafile=server.ca)
    context.check_hostname = name is not None
    if identity:
        context.load_cert_chain(identity.cert_file, identity.key_file)
    if alpn:
        context.set_alpn_protocols([alpn])
    raw = socket.create_connection(("127.0.0.1", port or int(server.api.rsplit(":", 1)[1])), timeout)
    return context.wrap_socket(raw, server_hostname=name)


def read_head(sock):
    data = b""
    while b"\r\n\r\n" not in data:
        got = sock.recv(4096)
        if not got:
            break
        data += got
    head, _, rest = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if ":" in line)}
    return int(lines[0].split()[1]) if lines[0] else 0, fields, rest


def refused(server, *args, port=None, identity=None, alpn=None, **more):
    """The status and the header fields of a request that is no WebSocket's."""
    with dial(server, port, identity, alpn) as sock:
        sock.sendall(request(*args, **more))
        status, fields, _ = read_head(sock)
        return status, fields


class Client(mqtt.Client):
    """MQTT over WebSocket; `sock` is the TLS connection, for those who want to send frames of their own."""

    def __init__(self, server, query="", identity=None, port=None, alpn=None, headers=None, timeout=10):
        self.timeout, self.next_id, self.buffer = timeout, 1, b""
        self.raw, self.frames, self.closed = b"", [], None
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock = dial(server, port, identity, alpn, timeout=timeout)
        self.sock.sendall(request(query, headers, key=key))
        status, fields, self.raw = read_head(self.sock)
        assert status == 101, f"{status}: {fields} {self.raw[:300]!r}"
        assert fields["sec-websocket-accept"] == accept_of(key) and fields["sec-websocket-protocol"] == "mqtt"
        assert "sec-websocket-extensions" not in fields

    def send(self, data, **options):
        self.send_raw(frame(BINARY, data, **options))

    def send_raw(self, data):
        try:
            self.sock.sendall(data)
        except (OSError, ssl.SSLError) as error:
            raise mqtt.Closed(str(error)) from error

    def _frame(self):
        if len(self.raw) < 2:
            return None
        size, at = self.raw[1] & 127, 2
        assert not self.raw[1] & 128, "a server does not mask"
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(self.raw) < 2 + width:
                return None
            size, at = int.from_bytes(self.raw[2:2 + width], "big"), 2 + width
        if len(self.raw) < at + size:
            return None
        head, body = self.raw[0], self.raw[at:at + size]
        self.raw = self.raw[at + size:]
        assert head & 0x70 == 0
        return head & 15, head & 128 != 0, body

    def _fill(self, deadline):
        """MQTT's bytes from the next data frame; what else comes is remembered in `frames`."""
        got = self.receive_frame(deadline - time.monotonic())
        if got[0] == CLOSE:
            raise mqtt.Closed(f"close frame {self.closed}")
        if got[0] in (BINARY, CONTINUATION):
            self.buffer += got[2]

    def receive_frame(self, timeout=10):
        deadline = time.monotonic() + timeout
        while not (got := self._frame()):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("nothing came")
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except socket.timeout as error:
                raise TimeoutError("nothing came") from error
            except (OSError, ssl.SSLError) as error:
                raise mqtt.Closed(str(error)) from error
            if not data:
                raise mqtt.Closed("end of stream")
            self.raw += data
        self.frames.append(got)
        if got[0] == CLOSE:
            self.closed = int.from_bytes(got[2][:2], "big") if got[2] else 0
        return got

    def expect_close(self, code, timeout=10):
        """The close frame, with this code, and then the end of the connection."""
        deadline = time.monotonic() + timeout
        while self.receive_frame(deadline - time.monotonic())[0] != CLOSE:
            pass
        assert self.closed == code, f"{self.closed} instead of {code}"
        self.sock.settimeout(timeout)
        try:
            assert self.sock.recv(1) == b""
        except ssl.SSLError:
            pass
