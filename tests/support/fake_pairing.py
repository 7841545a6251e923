"""A scripted stand-in for the server's side of a pairing: HTTPS with a root of its own behind its certificate, and answers that a test chooses.

    with FakePairing(tmp_path) as fake:
        fake.poll = lambda fake, body: fake.approved(body)     # an answer: dict, bytes of a body, or Raw bytes of everything
        fake.asked                                              # [(path, body, monotonic time), ...]
"""
import hashlib
import ipaddress
import json
import socket
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fake_aws_iot import DER, PEM, Authority, key_pem, write

DEVICE_CODE = "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE"


class Raw(bytes):
    """Sent as it is."""


class Refusal:
    def __init__(self, status, message="No.", **fields):
        self.status, self.message, self.fields = status, message, fields


def digest(certificate):
    return hashlib.sha256(certificate.public_bytes(DER)).hexdigest()


class FakePairing:
    def __init__(self, folder, shows_root=True, names=("localhost",)):
        self.folder, self.authority = folder, Authority()
        self.asked, self.connections, self.stopping = [], 0, False
        self.start, self.poll = lambda fake, body: fake.codes(), lambda fake, body: {"state": "WAITING", "interval": 1}
        self.drip = None  # seconds between the bytes of an answer
        self.request = None
        self.context = self._context(shows_root, names)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"https://localhost:{self.port}"

    def _context(self, shows_root, names):
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [x509.DNSName(n) for n in names] + [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        leaf = self.authority.issue(key.public_key(), "localhost", names=alternatives)
        chain = leaf.public_bytes(PEM).decode() + (self.authority.pem() if shows_root else "") + key_pem(key)
        write(self.folder / "fake.pem", chain, 0o600)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "fake.pem")
        return context

    @property
    def root_digest(self):
        return digest(self.authority.certificate)

    # ---- usual answers

    def codes(self, **more):
        return dict({"pairingId": "9d725a40-8e3f", "deviceCode": DEVICE_CODE, "userCode": "BCDF-GHJK", "verificationUri": self.url + "/install",
                     "verificationUriComplete": self.url + "/install#c=BCDFGHJK", "expiresIn": 600, "interval": 1,
                     "serverFingerprint": self.root_digest}, **more)

    def approved(self, key=None, life=300, **more):
        """A claim for the key of the request, or another one."""
        key = key or x509.load_pem_x509_csr(self.request.encode()).public_key()
        certificate = self.authority.issue(key, "claim", life=life)
        return dict({"state": "APPROVED", "interval": 1, "certificatePem": certificate.public_bytes(PEM).decode(), "certificateId": digest(certificate),
                     "templateName": "Lamp", "parameters": {"SerialNumber": "7"}, "endpoint": "localhost", "mqttPort": self.port,
                     "rootCaPem": self.authority.pem()}, **more)

    # ---- serving

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.listener.close()

    def _accept(self):
        while not self.stopping:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as link:
                stream = link.makefile("rb")
                while self._exchange(link, stream):
                    pass
        except OSError:
            pass

    def _exchange(self, link, stream):
        line = stream.readline().decode()
        if not line:
            return False
        method, path, _ = line.split(" ", 2)
        fields = dict(f.decode().strip().lower().split(": ", 1) for f in iter(stream.readline, b"\r\n"))
        body = json.loads(stream.read(int(fields["content-length"])))
        self.asked.append((path, body, time.monotonic()))
        self.request = body.get("certificateSigningRequest", self.request)
        answer = {"/_vouch/pairings": self.start, "/_vouch/pairings/poll": self.poll}[path](self, body)
        for piece in self._pieces(answer):
            link.sendall(piece)
        return method == "POST" and not isinstance(answer, Raw)

    def _pieces(self, answer):
        if isinstance(answer, Raw):
            wire = bytes(answer)
        else:
            status, fields = 200, {}
            if isinstance(answer, Refusal):
                status, fields, answer = answer.status, answer.fields, {"message": answer.message}
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
            wire = f"HTTP/1.1 {status} Whatever\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        if not self.drip:
            yield wire
            return
        for i in range(len(wire)):
            time.sleep(self.drip)
            yield wire[i:i + 1]

    def paths(self):
        return [path.rsplit("/", 1)[1] for path, _, _ in self.asked]
