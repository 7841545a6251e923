"""Doors: one port told apart by ALPN, host names, MQTT without TLS."""
import base64
import datetime
import json
import os
import socket
import ssl
import subprocess
import time

import pytest

import mqtt
import vouch
import websocket as ws
from test_api_iam import allow, call, deny, document, user
from test_data_plane import send, topic
from test_websocket import ALL, ARN, device


@pytest.fixture(scope="module")
def edge():
    with vouch.Server("--hostname", "iot.example.test", "--hostname", "other.example.test", "--mqtt-plain", "127.0.0.1:0") as server:
        server.prepare_workshop()
        server.plain_port = int(server.ready["mqtt-plain"].rsplit(":", 1)[1])
        yield server


def dial(server, port, identity=None, name="localhost", alpn=None):
    context = ssl.create_default_context(cafile=server.ca)
    context.check_hostname = False
    if identity:
        context.load_cert_chain(identity.cert_file, identity.key_file)
    if alpn:
        context.set_alpn_protocols(alpn if isinstance(alpn, list) else [alpn])
    raw = socket.create_connection(("127.0.0.1", port), 10)
    return context.wrap_socket(raw, server_hostname=name)


def names_of(sock):
    return {value for kind, value in sock.getpeercert()["subjectAltName"]}


def speaks_mqtt(sock, client_id):
    sock.sendall(mqtt.connect(client_id))
    return sock.recv(4) == b"\x20\x02\x00\x00"


# ---- ALPN

@pytest.mark.parametrize("alpn,chosen,kind", [
    ("x-amzn-mqtt-ca", "x-amzn-mqtt-ca", "mqtt"), ("mqtt", "mqtt", "mqtt"), ("http/1.1", "http/1.1", "http"),
    ("x-amzn-http-ca", "x-amzn-http-ca", "http"), (None, None, "http"), (["h2", "http/1.1"], "http/1.1", "http"),
    (["http/1.1", "x-amzn-mqtt-ca"], "x-amzn-mqtt-ca", "mqtt"),
])
def test_one_port(edge, alpn, chosen, kind):
    name = f"alpn{abs(hash(str(alpn)))}"
    identity, _ = device(edge, name)
    with dial(edge, edge.edge_port, identity, alpn=alpn) as sock:
        assert sock.selected_alpn_protocol() == chosen
        if kind == "mqtt":
            assert speaks_mqtt(sock, name)
        else:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert sock.recv(100).startswith(b"HTTP/1.1 200")


def test_no_common_protocol(edge):
    with pytest.raises(ssl.SSLError):
        dial(edge, edge.edge_port, alpn="h2")


def test_mqtt_on_the_edge_needs_a_certificate(edge):
    for alpn in ("mqtt", "x-amzn-mqtt-ca"):
        with dial(edge, edge.edge_port, alpn=alpn) as sock:
            sock.sendall(mqtt.connect("nobody"))
            assert sock.recv(4) == b""


def test_a_plain_http_client_on_the_edge_needs_none(edge):
    with dial(edge, edge.edge_port) as sock:
        sock.sendall(b"GET /ca.pem HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 200")


def test_the_api_asks_by_the_name_of_its_authority(edge):
    done = subprocess.run(["openssl", "s_client", "-connect", edge.api.removeprefix("https://"), "-CAfile", edge.ca], input=b"", capture_output=True)
    text = done.stdout.decode()
    assert "Acceptable client certificate CA names" in text and "Verify return code: 0" in text


def test_a_stranger_is_served_by_the_api_but_not_by_the_others(edge, tmp_path):
    key, cert = tmp_path / "k.pem", tmp_path / "c.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
                    "-subj", "/CN=stranger", "-days", "30"], check=True, capture_output=True)
    stranger = vouch.Identity(tmp_path, "stranger", cert.read_text(), key.read_text())
    assert send(edge, "GET", "/healthz", identity=stranger)[0] == 200
    assert send(edge, "POST", topic("x"), b"x", identity=stranger)[:2] == (403, "ForbiddenException")
    with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
        with dial(edge, edge.edge_port, stranger) as sock:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if not sock.recv(1):
                raise ConnectionError


# ---- host names

def test_unknown_names_and_none_are_served(edge):
    port = int(edge.api.rsplit(":", 1)[1])
    for name in ("localhost", "iot.example.test", "unknown.example.test"):
        with dial(edge, port, name=name) as sock:
            assert {"localhost", "iot.example.test", "other.example.test"} <= names_of(sock)


def test_sni_only(edge, tmp_path):
    """A certificate of mode SNI_ONLY is nobody's without one of the server's names."""
    key, cert = tmp_path / "s.key", tmp_path / "s.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
                    "-subj", "/CN=sni", "-days", "30"], check=True, capture_output=True)
    iot = edge.boto()
    port, api = edge.mqtt_port, int(edge.api.rsplit(":", 1)[1])
    made = iot.register_certificate_without_ca(certificatePem=cert.read_text(), status="ACTIVE")
    identity = vouch.Identity(tmp_path, made["certificateId"], cert.read_text(), key.read_text())
    assert iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]["certificateMode"] == "SNI_ONLY"
    iot.create_policy(policyName="sni", policyDocument=document(allow("iot:*")))
    iot.attach_policy(policyName="sni", target=made["certificateArn"])
    for name, good in (("localhost", True), ("IOT.example.test", True), ("other.example.test", True), ("unknown.example.test", False), (None, False)):
        with dial(edge, port, identity, name=name) as sock:
            sock.sendall(mqtt.connect("sni"))
            assert sock.recv(4) == (b"\x20\x02\x00\x00" if good else b"\x20\x02\x00\x05"), name
        with dial(edge, api, identity, name=name) as sock:
            sock.sendall(b"POST /topics/sni HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")
            assert sock.recv(12) == (b"HTTP/1.1 200" if good else b"HTTP/1.1 403"), name
        with dial(edge, api, identity, name=name) as sock:
            sock.sendall(ws.request())
            assert sock.recv(12) == (b"HTTP/1.1 101" if good else b"HTTP/1.1 403"), name
    edge.wait_log("reason=sni-required")
    ordinary, _ = device(edge, "ordinary")
    with dial(edge, port, ordinary, name=None) as sock:
        assert speaks_mqtt(sock, "ordinary")


def issue(folder, name, ca=None):
    """A certificate for a host, of an authority of the operator's own."""
    if not ca:
        ca = folder / "own-ca"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{ca}.key", "-out",
                        f"{ca}.pem", "-subj", "/CN=own", "-days", "30"], check=True, capture_output=True)
    (folder / "ext").write_text(f"subjectAltName=DNS:{name}\n")
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / f"{name}.key", "-out",
                    folder / "csr", "-subj", f"/CN={name}"], check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-req", "-in", folder / "csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-out",
                    folder / f"{name}.pem", "-days", "20", "-extfile", folder / "ext"], check=True, capture_output=True)
    return ca


def test_certificates_by_host_name(tmp_path):
    server = vouch.Server("--hostname", "plain.example.test", "--hostname", "own.example.test")
    with server:
        server.prepare_workshop()
        identity, _ = device(server, "hosted")
        server.stop()
        ca = issue(tmp_path, "own.example.test")
        for end in ("pem", "key"):
            (server.data / "tls" / f"own.example.test.{end}").write_bytes((tmp_path / f"own.example.test.{end}").read_bytes())
        server.start()
        for port in (int(server.api.rsplit(":", 1)[1]), server.edge_port, server.mqtt_port):
            for name, trust_file in (("own.example.test", f"{ca}.pem"), ("OWN.example.test", f"{ca}.pem"), ("plain.example.test", server.ca), ("localhost", server.ca)):
                context = ssl.create_default_context(cafile=trust_file)
                context.load_cert_chain(identity.cert_file, identity.key_file)
                with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname=name) as sock:
                    assert (names_of(sock) == {"own.example.test"}) == name.lower().startswith("own"), (port, name)
        # Its client certificates and its ALPN are the same behind every name.
        context = ssl.create_default_context(cafile=f"{ca}.pem")
        context.load_cert_chain(identity.cert_file, identity.key_file)
        context.set_alpn_protocols(["x-amzn-mqtt-ca"])
        with context.wrap_socket(socket.create_connection(("127.0.0.1", server.edge_port), 10), server_hostname="own.example.test") as sock:
            assert sock.selected_alpn_protocol() == "x-amzn-mqtt-ca" and speaks_mqtt(sock, "hosted")
        server.boto().update_certificate(certificateId=identity.id, newStatus="INACTIVE")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with context.wrap_socket(socket.create_connection(("127.0.0.1", server.edge_port), 10), server_hostname="own.example.test") as sock:
                if not sock.recv(1):
                    raise ConnectionError
        server.stop()
        os.unlink(server.data / "tls" / "own.example.test.key")
        with pytest.raises(AssertionError, match="other half"):
            server.start()
        server.process.wait()


# ---- without TLS

class Plain(mqtt.Client):
    def __init__(self, server):
        self.timeout, self.buffer, self.next_id = 10, b"", 1
        self.sock = socket.create_connection(("127.0.0.1", server.plain_port), 10)


def test_plain_needs_an_access_key(edge):
    key = user(edge, "plainly", *ALL)
    with Plain(edge) as client:
        client.connect("plain-1", username=key["accessKeyId"], password=key["secretAccessKey"])
        client.subscribe("plain/#")
        client.publish("plain/x", b"1", qos=0)
        assert client.message() == ("plain/x", b"1")
    wrong = key["secretAccessKey"][:-1] + ("a" if key["secretAccessKey"][-1] != "a" else "b")
    for options in ({}, dict(username=key["accessKeyId"]), dict(username=key["accessKeyId"], password=""), dict(username=key["accessKeyId"], password=wrong),
                    dict(username=key["accessKeyId"], password=key["secretAccessKey"] + "x"), dict(username="AKIAXXXXXXXXXXXXXXXX", password=key["secretAccessKey"]),
                    dict(username="plainly", password=key["secretAccessKey"]), dict(username="", password=key["secretAccessKey"]),
                    dict(username="x" * 200, password="x" * 200), dict(username=key["accessKeyId"] + "\x01", password=key["secretAccessKey"])):
        with Plain(edge) as client:
            client.connect("plain-2", expect=5, **options)
    assert key["secretAccessKey"] not in edge.log_text()


def test_plain_obeys_policies_and_changes(edge):
    key = user(edge, "plain-narrow", allow("iot:Connect", ARN + "client/pn"), allow("iot:Publish", ARN + "topic/pn/*"),
               deny("*", "*", Bool={"aws:SecureTransport": "true"}))
    with Plain(edge) as client:
        client.connect("other", expect=5, username=key["accessKeyId"], password=key["secretAccessKey"])
    client = Plain(edge)
    client.connect("pn", username=key["accessKeyId"], password=key["secretAccessKey"])
    client.publish("pn/a", b"x")
    call(edge, "PUT", f"/users/plain-narrow/access-keys/{key['accessKeyId']}", {"status": "Inactive"})
    with pytest.raises(mqtt.Closed):
        client.receive(5)
    with Plain(edge) as again:
        again.connect("pn", expect=5, username=key["accessKeyId"], password=key["secretAccessKey"])


def test_plain_port_is_no_other_door(edge):
    with socket.create_connection(("127.0.0.1", edge.plain_port), 10) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(100) == b""


def test_a_certificate_connection_says_its_name_in_vain(edge):
    """A user name and a password beside a certificate are for metrics; nobody becomes a user by them."""
    key = user(edge, "beside", *ALL)
    identity, _ = device(edge, "beside-device")
    with mqtt.Client(edge, identity) as client:
        client.connect("not-the-device", expect=5, username=key["accessKeyId"], password=key["secretAccessKey"])


@pytest.mark.parametrize("address", ["0.0.0.0:1883", "[::]:1883", "192.0.2.1:1883"])
def test_plain_is_for_loopback(tmp_path, address):
    done = subprocess.run([str(vouch.BUILD / "vouchd"), "-n", "--data", str(tmp_path / "d"), "--mqtt-plain", address], capture_output=True, text=True)
    assert done.returncode == 1 and "loopback" in done.stderr
