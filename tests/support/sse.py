"""A listener to server-sent events by hand: one request over TLS, chunks and events taken apart here."""
import json
import socket
import ssl
import time
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

import vouch


class Ended(Exception):
    pass


class Refused(Exception):
    def __init__(self, status, headers, body):
        super().__init__(f"{status} {body[:300]!r}")
        self.status, self.headers = status, headers
        self.code = headers.get("x-amzn-errortype", "")
        self.message = json.loads(body).get("message", "") if body[:1] == b"{" else ""


class Listener:
    """`query` as names and values; `cookie` instead of a signature; http10 for a client without chunks."""

    def __init__(self, server, key=None, cookie=None, http10=False, last_id=None, receive_buffer=None, **query):
        url = urllib.parse.urlsplit(server.api)
        path = "/_vouch/events" + ("?" + urllib.parse.urlencode(query) if query else "")
        self.http10, self.raw, self.text, self.last_id, self.over = http10, b"", "", None, False
        headers = {"Last-Event-ID": last_id} if last_id is not None else {}
        plain = socket.socket()
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(10)
        plain.connect((url.hostname, url.port))
        self.sock = ssl.create_default_context(cafile=server.ca).wrap_socket(plain, server_hostname=url.hostname)
        if cookie:
            headers.update(Host=url.netloc, Cookie=cookie)
        else:
            key = key or server.admin
            request = botocore.awsrequest.AWSRequest("GET", server.api + path, headers=headers)
            request.headers["Host"] = url.netloc
            credentials = botocore.credentials.Credentials(key["accessKeyId"], key["secretAccessKey"], key.get("sessionToken"))
            botocore.auth.SigV4Auth(credentials, "iot", vouch.REGION).add_auth(request)
            headers = dict(request.headers)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.sock.sendall(f"GET {path} HTTP/1.{0 if http10 else 1}\r\n{lines}\r\n".encode())
        self._head(time.monotonic() + 10)

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
            raise Ended(str(error)) from error
        if not data:
            raise Ended("end of the connection")
        self.raw += data

    def _head(self, deadline):
        while b"\r\n\r\n" not in self.raw:
            self._fill(deadline)
        head, self.raw = self.raw.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        if self.status == 200:
            assert self.headers["content-type"] == "text/event-stream", self.headers
            assert ("transfer-encoding" in self.headers) != self.http10 and "content-length" not in self.headers
            return
        while len(self.raw) < int(self.headers.get("content-length", 0)):
            self._fill(deadline)
        self.sock.close()
        raise Refused(self.status, self.headers, self.raw)

    def _unchunk(self):
        """Moves whole chunks from the bytes to the text."""
        if self.http10:
            self.text, self.raw = self.text + self.raw.decode(), b""
            return
        while b"\r\n" in self.raw:
            line, rest = self.raw.split(b"\r\n", 1)
            size = int(line, 16)
            if len(rest) < size + 2:
                return
            assert rest[size:size + 2] == b"\r\n"
            self.raw = rest[size + 2:]
            if size == 0:
                self.over = True
                return
            self.text += rest[:size].decode()

    def block(self, timeout=10):
        """The next block of lines, comments and ids alone too: (event or None, data or None)."""
        deadline = time.monotonic() + timeout
        while "\n\n" not in self.text:
            had = len(self.text)
            self._unchunk()
            if self.over and "\n\n" not in self.text:
                raise Ended("the last chunk")
            if len(self.text) == had:
                self._fill(deadline)
        block, self.text = self.text.split("\n\n", 1)
        event = data = None
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            value = value[1:] if value[:1] == " " else value
            if name == "id":
                self.last_id = int(value)
            elif name == "event":
                event = value
            elif name == "data":
                data = json.loads(value)
        return event, data

    def next(self, timeout=10, kind=None):
        """The next event, of this kind if given: (kind, data)."""
        deadline = time.monotonic() + timeout
        while True:
            event, data = self.block(max(0.001, deadline - time.monotonic()))
            if data is not None and kind in (None, event):
                return event, data

    def row(self, timeout=10, **match):
        """The next ledger row that matches."""
        deadline = time.monotonic() + timeout
        while True:
            _, data = self.next(max(0.001, deadline - time.monotonic()), "ledger")
            if all(data.get(name) == value for name, value in match.items()):
                return data

    def ended(self, timeout=10):
        """What the server said before it closed: reason and message, or None."""
        said, deadline = None, time.monotonic() + timeout
        try:
            while True:
                event, data = self.block(max(0.001, deadline - time.monotonic()))
                said = data if event == "end" else said
        except Ended:
            return said

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
