"""Targets of pre-provisioning hooks: a folder of programs, and an HTTPS server that does as the device's parameters say."""
import datetime
import http.server
import json
import os
import pathlib
import select
import shutil
import ssl
import tempfile
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes

import certs
import mqtt
import own
import vouch

# What the program does is said by the parameter Mode.
PROGRAM = r"""#!/bin/sh
body=$(cat)
case "$body" in
*'"Mode":"allow"'*) echo '{"allowProvisioning": true, "parameterOverrides": {"ThingName": "by-program"}}' ;;
*'"Mode":"echo"'*) echo "{\"allowProvisioning\": \"True\", \"parameterOverrides\": {\"ThingName\": \"uid-$(id -u)\"}}" ;;
*'"Mode":"deny"'*) echo '{"allowProvisioning": false}' ;;
*'"Mode":"second"'*) sleep 1; echo '{"allowProvisioning": true}' ;;
*'"Mode":"slow"'*) sleep 6047 & sleep 6047 ;;
*'"Mode":"stray"'*) setsid sleep 6148 </dev/null >/dev/null 2>&1 & sleep 0.3; echo '{"allowProvisioning": true}' ;;
*'"Mode":"crash"'*) kill -SEGV $$ ;;
*'"Mode":"exit"'*) echo '{"allowProvisioning": true}'; exit 3 ;;
*'"Mode":"huge"'*) head -c 10000000 /dev/zero ;;
*'"Mode":"memory"'*) head -c 900000000 /dev/zero | tail -n 1 >/dev/null && echo '{"allowProvisioning": true}' ;;
*'"Mode":"says"'*) printf 'database\033[31m away:\n\ttry \342\200\256later \377' >&2; echo '{"allowProvisioning": false}' ;;
*'"Mode":"chatty"'*) head -c 3000000 /dev/zero | tr '\0' x >&2; echo '{"allowProvisioning": true}' ;;
*'"Mode":"nothing"'*) ;;
*'"Mode":"garbage"'*) echo '{"allowProvisioning": tru' ;;
*'"Mode":"list"'*) echo '[true]' ;;
*'"Mode":"number"'*) echo '{"allowProvisioning": 1}' ;;
*'"Mode":"silent"'*) echo '{"parameterOverrides": {}}' ;;
*'"Mode":"nooverride"'*) echo '{"allowProvisioning": true, "parameterOverrides": {"ThingName": 7}}' ;;
*'"Mode":"reserved"'*) echo '{"allowProvisioning": true, "parameterOverrides": {"AWS::IoT::Certificate::Id": "00"}}' ;;
*'"Mode":"twice"'*) echo '{"allowProvisioning": true, "allowProvisioning": true}' ;;
*'"Mode":"data"'*) if cat "$(sed -n 1p "$0".data)" >/dev/null 2>&1; then echo '{"allowProvisioning": true}'; else echo '{"allowProvisioning": false}'; fi ;;
*) echo '{"allowProvisioning": true}' ;;
esac
"""


# Ever more processes, each in a session of its own, for as long as it may.
BOMB = r"""#!/usr/bin/perl
use POSIX;
$SIG{CHLD} = 'IGNORE';
while (1) { my $pid = fork; if (!defined $pid) { select undef, undef, undef, 0.002 } elsif (!$pid) { POSIX::setsid } }
"""


class Folder:
    """Programs that another user may run: a folder of root's or of whoever tests, writable by nobody else."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="vouch-hooks-", dir="/var/tmp"))
        self.path.chmod(0o755)

    def add(self, name, text=PROGRAM, mode=0o755):
        path = self.path / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)


def server_certificate(authority):
    """For localhost."""
    private = certs.key()
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    now = datetime.datetime.utcnow()
    made = (x509.CertificateBuilder().subject_name(certs.name("localhost")).issuer_name(authority.name).public_key(private.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30)).add_extension(names, critical=False).sign(authority.key, hashes.SHA256()))
    return certs.pem(made), certs.key_pem(private)


class Target:
    """An HTTPS server with an authority of its own. What it was asked stands in `asked`: headers and body."""

    def __init__(self, client_authority=None):
        self.authority = certs.Authority("hook authority")
        self.home = tempfile.mkdtemp(prefix="vouch-target-")
        self.asked = []
        certificate, key = server_certificate(self.authority)
        pathlib.Path(self.home, "server.pem").write_text(certificate + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(self.home, "server.pem"))
        if client_authority:
            pathlib.Path(self.home, "client.pem").write_text(client_authority.pem)
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(os.path.join(self.home, "client.pem"))
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                target.asked.append((dict(self.headers), body))
                target.answer(self, json.loads(body)["parameters"].get("Mode", "allow"))

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, request, mode):
        answers = {"allow": (200, b'{"allowProvisioning": true, "parameterOverrides": {"ThingName": "by-https"}}'), "plain": (200, b'{"allowProvisioning": "TRUE"}'), "deny": (200, b'{"allowProvisioning": "false"}'),
                   "garbage": (200, b"<html>"), "error": (500, b'{"allowProvisioning": true}'), "created": (201, b'{"allowProvisioning": true}'),
                   "huge": (200, b" " * 70000 + b'{"allowProvisioning": true}'), "redirect": (302, b"")}
        if mode == "hang":
            time.sleep(8)
        if mode == "cut":
            request.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
            request.close_connection = True
            return
        status, body = answers.get(mode, answers["allow"])
        request.send_response(status)
        if mode == "redirect":
            request.send_header("location", self.url)
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.home, ignore_errors=True)


class Crowd:
    """Registrations that are sent all at once, eight on a connection: as many as one may have under way."""
    EACH = 8

    def __init__(self, server, template, count, prefix="crowd"):
        self.topic = mqtt.register_topic(template)
        self.requests = []
        for n in range(0, count, self.EACH):
            made = own.call(server, "POST", "/_vouch/claims", {"templateName": template, "maxUses": self.EACH})
            client = mqtt.Client(server, vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["keyPair"]["PrivateKey"]), timeout=60)
            client.connect(f"{prefix}-{n}")
            for i in range(n, min(n + self.EACH, count)):
                accepted, answer = client.request(mqtt.CREATE, b"")
                assert accepted, answer
                request = {"certificateOwnershipToken": answer["certificateOwnershipToken"], "parameters": {"ThingName": f"{prefix}-{i}"}}
                self.requests.append((client, json.dumps(request)))

    def send(self):
        for client, request in self.requests:
            client.send(mqtt.publish(self.topic, request))

    def answers(self):
        """(accepted, answer) of each, in no order; waits for all."""
        got = []
        for client, _ in self.requests:
            topic, payload = client.message()
            got.append((topic.endswith("/accepted"), json.loads(payload)))
        return got

    def silent(self):
        """Whether none of them has got a byte."""
        return not select.select([client.sock for client in self.clients()], [], [], 0)[0]

    def clients(self):
        return {id(client): client for client, _ in self.requests}.values()

    def close(self):
        for client in self.clients():
            client.close()
