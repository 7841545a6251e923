"""A scripted stand-in for AWS IoT Core's device gateway: TLS with client
certificates, MQTT 3.1.1 from hand-built bytes, the provisioning topics. It
answers as AWS was observed to, and misbehaves where a test asks for it.

    with FakeAws(tmp_path) as server:
        server.claim(folder)          # certificate and key files of a claim
        server.script["reject"] = {"register": {...}}
        server.events                 # what happened: ("connect", client_id), ...
"""
import datetime
import hashlib
import json
import os
import secrets
import socket
import ssl
import struct
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
DER = serialization.Encoding.DER


def now():
    return datetime.datetime.utcnow()


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Authority:
    def __init__(self, common="Fake Root"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = name(common)
        self.certificate = self._build(self.name, self.key.public_key(), now() - datetime.timedelta(days=1),
                                       now() + datetime.timedelta(days=365), True, [])

    def _build(self, subject, public_key, before, after, is_ca, names):
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
                   .serial_number(x509.random_serial_number()).not_valid_before(before).not_valid_after(after)
                   .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, public_key, common, life=3600, start=-120, names=()):
        base = now()
        return self._build(name(common), public_key, base + datetime.timedelta(seconds=start),
                           base + datetime.timedelta(seconds=life), False, list(names))

    def pem(self):
        return self.certificate.public_bytes(PEM).decode()


def key_pem(key):
    return key.private_bytes(PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()).decode()


def identity_of(der):
    return hashlib.sha256(der).hexdigest()


def write(path, text, mode):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


class Closed(Exception):
    pass


# Rejections as AWS IoT Core words them, by what a device sees of them.
REJECTIONS = {
    "create": [
        {"statusCode": 400, "errorCode": "InvalidPayload", "errorMessage": "Payload is not valid JSON."},
        {"statusCode": 403, "errorCode": "AccessDenied", "errorMessage": "Access denied."},
    ],
    "csr": [
        {"statusCode": 400, "errorCode": "InvalidCertificateSigningRequest", "errorMessage": "Certificate signing request is not valid."},
    ],
    "register": [
        {"statusCode": 400, "errorCode": "InvalidParameters", "errorMessage": "Cannot resolve reference value: SerialNumber"},
        {"statusCode": 400, "errorCode": "ResourceRegistrationFailure", "errorMessage": "Policy not found for name: pubsub"},
        {"statusCode": 403, "errorCode": "AccessDenied", "errorMessage": "Pre-provisioning hook denied request."},
        {"statusCode": 404, "errorCode": "ResourceNotFoundException", "errorMessage": "Provisioning template not found."},
    ],
}
BUSY = {"statusCode": 429, "errorCode": "Throttled", "errorMessage": "Rate exceeded."}
# What the real service takes for each answer, in seconds: keys are made slowly, things are registered slower still.
DELAYS = {"create": [0.35, 0.6], "csr": [0.2, 0.4], "register": [0.5, 0.9]}


class FakeAws:
    def __init__(self, folder, tls=None):
        self.folder = str(folder)
        self.authority = Authority()
        self.events, self.script, self.published = [], {}, []
        self.state = {}      # certificate id -> "claim", "pending" or "active"
        self.tokens = {}     # token -> certificate id
        self.answers = {}    # register request bytes -> answer
        self.things = {}     # thing name -> certificate ids
        self.connections, self.sessions = [], []
        self.lock = threading.Lock()
        self.stopping = False
        self.context = self._context(tls)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def _context(self, tls):
        key = ec.generate_private_key(ec.SECP256R1())
        import ipaddress
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        certificate = self.authority.issue(key.public_key(), "localhost", names=names)
        chain = os.path.join(self.folder, "server.pem")
        write(chain, certificate.public_bytes(PEM).decode() + key_pem(key), 0o600)
        root = os.path.join(self.folder, "root.pem")
        write(root, self.authority.pem(), 0o644)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if tls:
            context.maximum_version = tls
        context.load_cert_chain(chain)
        context.load_verify_locations(root)
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["x-amzn-mqtt-ca"])
        return context

    # ---- what a trusted user does -----------------------------------------

    def claim_pems(self, life=300, start=-120):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.authority.issue(key.public_key(), secrets.token_hex(32), life=life, start=start)
        self.state[identity_of(certificate.public_bytes(DER))] = "claim"
        return certificate.public_bytes(PEM).decode(), key_pem(key)

    def claim(self, folder, **life):
        certificate, key = self.claim_pems(**life)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        paths = [os.path.join(folder, n) for n in ("claim.pem.crt", "claim.private.pem.key", "root-ca.pem")]
        write(paths[0], certificate, 0o644)
        write(paths[1], key, 0o600)
        write(paths[2], self.authority.pem(), 0o644)
        return paths

    def tell(self, topic, payload):
        """A message to whoever is subscribed, as from another client."""
        for session in list(self.sessions):
            if topic in session.filters:
                session.publish(topic, payload)

    def take_over(self, session):
        """One session a client id: the newer closes the older, and is told nothing."""
        for other in self.sessions:
            if other is not session and getattr(other, "client_id", None) == session.client_id:
                try:
                    other.connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def active(self):
        return [i for i, state in self.state.items() if state == "active"]

    # ---- sockets -----------------------------------------------------------

    def __enter__(self):
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.listener.close()
        self.drop_all()

    def drop_all(self):
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while not self.stopping:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        try:
            raw.settimeout(30)
            with self.context.wrap_socket(raw, server_side=True) as connection:
                self.connections.append(connection)
                session = Session(self, connection)
                self.sessions.append(session)
                session.run()
        except (OSError, ssl.SSLError, Closed):
            pass

    def take_script(self, kind, stage):
        """The script's word for this stage; a list is used up one by one."""
        with self.lock:
            value = self.script.get(kind, {}).get(stage)
            if isinstance(value, list):
                return value.pop(0) if value else None
            return value


class Session:
    def __init__(self, server, connection):
        self.server, self.connection = server, connection
        self.id = identity_of(connection.getpeercert(True))
        self.filters = set()
        self.buffer = b""

    # ---- packets -----------------------------------------------------------

    def receive(self, count):
        while len(self.buffer) < count:
            data = self.connection.recv(65536)
            if not data:
                raise Closed
            self.buffer += data
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def packet(self):
        head = self.receive(1)[0]
        length, shift = 0, 0
        while True:
            digit = self.receive(1)[0]
            length |= (digit & 127) << shift
            shift += 7
            if not digit & 128:
                return head >> 4, head & 15, self.receive(length)

    def send(self, head, body):
        length, size = b"", len(body)
        while True:
            digit, size = size % 128, size // 128
            length += bytes([digit | (128 if size else 0)])
            if not size:
                break
        self.connection.sendall(bytes([head]) + length + body)

    def publish(self, topic, payload, qos=0):
        body = struct.pack(">H", len(topic)) + topic.encode() + (b"\0\7" if qos else b"") + payload
        self.send(0x30 | qos << 1, body)

    # ---- conversation ------------------------------------------------------

    def run(self):
        kind, _, body = self.packet()
        if kind != 1:
            return
        length = struct.unpack(">H", body[10:12])[0]
        self.client_id = body[12:12 + length].decode()
        state = self.server.state.get(self.id)
        self.server.events.append(("connect", self.client_id, state, self.connection.selected_alpn_protocol()))
        stage = "claim-connect" if state == "claim" else "connect"
        self.server.take_over(self)
        time.sleep(self.server.take_script("delay", stage) or 0)
        code = self.server.take_script("connack", stage) or 0
        if self.server.take_script("close", stage) or state not in ("claim", "active"):
            return
        self.send(0x20, bytes([0, code]))
        while code == 0:
            self.step(*self.packet())

    def step(self, kind, flags, body):
        if kind == 8:
            self.subscribe(body)
        elif kind == 3:
            self.take_publish(flags, body)
        elif kind == 12:
            self.server.events.append(("ping",))
            self.send(0xD0, b"")
        elif kind == 14:
            self.server.events.append(("disconnect", self.client_id))
            raise Closed

    def subscribe(self, body):
        time.sleep(self.server.take_script("delay", "subscribe") or 0)
        length = struct.unpack(">H", body[2:4])[0]
        topic = body[4:4 + length].decode()
        self.server.events.append(("subscribe", topic))
        code = self.server.take_script("suback", topic)
        self.filters.add(topic)
        self.send(0x90, body[:2] + bytes([1 if code is None else code]))
        if code == 0x80:
            raise Closed

    def take_publish(self, flags, body):
        length = struct.unpack(">H", body[:2])[0]
        topic, rest = body[2:2 + length].decode(), body[2 + length:]
        ack, payload = (rest[:2], rest[2:]) if flags & 6 else (b"", rest)
        stage = {"$aws/certificates/create/json": "create", "$aws/certificates/create-from-csr/json": "csr"}.get(topic)
        if topic.startswith("$aws/provisioning-templates/") and topic.endswith("/provision/json"):
            stage = "register"
        self.server.events.append(("publish", topic, payload))
        if self.server.take_script("close", stage or "publish"):
            raise Closed
        if stage is None:
            self.server.published.append((topic, payload))
            if ack:
                self.send(0x40, ack)
            return
        late = self.server.take_script("puback_last", stage)
        if ack and not late:
            self.send(0x40, ack)
        self.answer(stage, topic, payload)
        if ack and late:
            self.send(0x40, ack)

    def answer(self, stage, topic, payload):
        server = self.server
        time.sleep(server.take_script("delay", stage) or 0)
        if server.take_script("silent", stage):
            return
        raw = server.take_script("raw", stage)
        if raw is not None:
            self.publish(topic + "/accepted", raw)
            return
        rejection = server.take_script("reject", stage)
        answer = None
        if rejection is None:
            try:
                answer = self.register(payload) if stage == "register" else self.create(payload)
            except Rejected as refused:
                rejection = refused.args[0]
        if server.take_script("close_instead_of_answer", stage):
            raise Closed
        if server.take_script("mute", stage):
            return
        leaf = "/rejected" if rejection is not None else "/accepted"
        body = json.dumps(rejection if rejection is not None else answer).encode()
        self.publish(topic + leaf, body, 1 if topic + leaf in self.filters else 0)

    def create(self, payload):
        server, request = self.server, json.loads(payload or b"{}")
        answer = {}
        if "certificateSigningRequest" in request:
            csr = x509.load_pem_x509_csr(request["certificateSigningRequest"].encode())
            if not csr.is_signature_valid:
                raise Rejected({"statusCode": 400, "errorCode": "InvalidCertificateSigningRequest", "errorMessage": "bad"})
            public = csr.public_key()
        else:
            key = ec.generate_private_key(ec.SECP256R1())
            public, answer["privateKey"] = key.public_key(), key_pem(key)
        life = (server.script.get("life") or [10 ** 8])[0]  # seconds, of one certificate after the other
        if len(server.script.get("life", [])) > 1:
            server.script["life"].pop(0)
        certificate = server.authority.issue(public, "AWS IoT Certificate", life=life)
        token = secrets.token_urlsafe(120)
        identity = identity_of(certificate.public_bytes(DER))
        with server.lock:
            server.state[identity] = "pending"
            server.tokens[token] = identity
        answer.update(certificateId=identity, certificatePem=certificate.public_bytes(PEM).decode(),
                      certificateOwnershipToken=token)
        return answer

    def register(self, payload):
        server = self.server
        with server.lock:
            if payload in server.answers:
                return server.answers[payload]
            request = json.loads(payload)
            identity = server.tokens.pop(request["certificateOwnershipToken"], None)
            if identity is None:
                raise Rejected({"statusCode": 400, "errorCode": "InvalidCertificateOwnershipToken",
                                "errorMessage": "Certificate ownership token is not valid."})
            parameters = request.get("parameters", {})
            if "ThingName" not in parameters:
                server.tokens[request["certificateOwnershipToken"]] = identity
                raise Rejected({"statusCode": 400, "errorCode": "InvalidParameters",
                                "errorMessage": "Cannot resolve reference value: ThingName"})
            server.state[identity] = "active"
            server.things.setdefault(parameters["ThingName"], []).append(identity)
            answer = {"deviceConfiguration": server.script.get("configuration", {}), "thingName": parameters["ThingName"]}
            server.answers[payload] = answer
            return answer


class Rejected(Exception):
    pass
