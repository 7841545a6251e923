"""A claim handed over as a QR code: drawn, photographed, read by a device that knows the root by its digest alone."""
import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import re
import socket
import ssl
import struct
import subprocess
import termios
import threading
import time

import pytest

import claim_text
import vouch
from test_api_iam import AD, IR, call
from test_traps import put

HALVES = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}


def photograph(light, path, scale=4):
    """Rows of True for light squares as a picture, as a camera would have it."""
    rows = [b"".join((b"\xff" if square else b"\x00") * scale for square in row) for row in light]
    path.write_bytes(b"P5 %d %d 255\n" % (len(rows[0]), len(rows) * scale) + b"".join(row * scale for row in rows))
    return path


def scan(path):
    done = subprocess.run(["zbarimg", "--nodbus", "--quiet", "--raw", "--oneshot", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{path} is not read: {done.stderr}"
    return done.stdout


def squares_of(terminal):
    """What half blocks show: light where they are drawn."""
    lines = [line for line in terminal.splitlines() if line and set(line) <= set(HALVES)]
    return [[HALVES[c][half] for c in line] for line in lines for half in (0, 1)][:len(lines[0])]


def squares_of_answer(code, quiet=4):
    size = code["size"] + 2 * quiet
    rows = [[True] * size for _ in range(size)]
    for y, row in enumerate(code["rows"]):
        for x, square in enumerate(row):
            rows[y + quiet][x + quiet] = square == "0"
    return rows


def bound(server, **more):
    return call(server, "POST", "/claims", dict(templateName=vouch.TEMPLATE, **more))


def device(home, *words, text=None, name="lamp", timeout=90):
    """A device of its own, with nothing but the text. No root is given to it."""
    home.mkdir(exist_ok=True)
    command = [str(vouch.BUILD / "vouch-agent"), "--once", "--retry-seconds", "2", *words]
    if "--fleet-provisioning-template-parameters" not in words:
        command += ["--fleet-provisioning-template-parameters", json.dumps({"ThingName": name})]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=timeout,
                          env=dict(os.environ, HOME=str(home), LOCK_FILE_PATH=str(home)))
    done.output = done.stdout + done.stderr
    return done


def provisioned(home):
    return json.loads((home / ".vouch-agent/aws-iot-device-client-runtime.conf").read_text())["runtime-config"]


def root_digest(server):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pathlib.Path(server.ca).read_text())).digest()


def things(server):
    return [t["thingName"] for t in server.boto().list_things()["things"]]


# ---- the way it is meant


def test_from_the_terminal_to_the_permanent_certificate(server, tmp_path):
    shown = server.vouch("claim", "create", "--template", vouch.TEMPLATE, "--qr", "--thing-name", "lamp-qr").stdout
    picture = squares_of(shown)
    assert len(picture) == len(picture[0]) == 4 * 11 + 17 + 8  # version 11, with its quiet zone
    text = scan(photograph(picture, tmp_path / "terminal.pgm"))
    claim = claim_text.parse(text)
    assert (claim.endpoint, claim.mqtt_port, claim.edge_port, claim.template) == ("localhost", server.mqtt_port, server.edge_port, vouch.TEMPLATE)
    assert claim.root == root_digest(server) and len(text) <= 468  # what version 11 holds at level L
    certificate = hashlib.sha256(claim.certificate()).hexdigest()
    assert certificate[:12] in shown and certificate in [c["claimId"] for c in call(server, "GET", "/claims")["claims"]]
    handed = put(tmp_path / "claim.txt", text + "\n", 0o600)
    done = device(tmp_path / "device", "--claim", str(handed), name="lamp-qr")
    assert done.returncode == 0, done.output
    state = tmp_path / "device/.vouch-agent"
    kept = provisioned(tmp_path / "device")
    assert kept["completed-fp"] is True and kept["thing-name"] == "lamp-qr" and "lamp-qr" in things(server)
    # What is kept is the server's own root, for everybody to read; the key for nobody else.
    assert (state / "root-ca.pem").read_text() == pathlib.Path(server.ca).read_text()
    assert (state / "root-ca.pem").stat().st_mode & 0o777 == 0o644
    assert {p.stat().st_mode & 0o777 for p in (state / "keys").glob("*.key")} == {0o600}
    # Neither side wrote the claim's key anywhere.
    secrets = (text, claim.key.hex(), text[20:80])
    for words in (done.output, server.log_text(), "".join(p.read_text() for p in state.rglob("*") if p.is_file())):
        assert not any(secret in words for secret in secrets)
    # Later starts need no text, and trust the same root.
    again = device(tmp_path / "device")
    assert again.returncode == 0, again.output


def test_from_the_pages_matrix_by_a_pipe(server, tmp_path):
    made = bound(server, thingName="lamp-page")
    for level in ("L", "M", "Q", "H"):
        code = call(server, "POST", "/qr", {"text": made["claimText"], "level": level})
        assert len(code["rows"]) == code["size"] and all(len(row) == code["size"] and set(row) <= {"0", "1"} for row in code["rows"])
        assert scan(photograph(squares_of_answer(code), tmp_path / f"{level}.pgm")) == made["claimText"]
    text = scan(tmp_path / "H.pgm")
    done = device(tmp_path / "device", "--claim", "-", text=text + "\n", name="lamp-page")
    assert done.returncode == 0, done.output
    assert provisioned(tmp_path / "device")["thing-name"] == "lamp-page"


def test_any_text_as_a_code(server, tmp_path):
    for text in ("https://localhost:8443/install#c=ABCD-EFGH&k=0123456789abcdef", "1", "Köln ☂", "MiXeD case stays", "x" * 2000):
        code = call(server, "POST", "/qr", {"text": text})
        assert scan(photograph(squares_of_answer(code), tmp_path / "any.pgm")) == text
    smallest = call(server, "POST", "/qr", {"text": "A"})
    assert smallest["size"] == 21 and call(server, "POST", "/qr", {"text": "A", "level": "L"}) == smallest
    for wrong in ({}, {"text": ""}, {"text": "x" * 2001}, {"text": "x" * 2000, "level": "H"}, {"text": "A", "level": "X"}, {"text": 7}):
        call(server, "POST", "/qr", wrong, expect=IR)


def test_the_text_is_for_keys_that_the_server_made(server, tmp_path):
    assert claim_text.parse(bound(server)["claimText"]).template == vouch.TEMPLATE
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(tmp_path / "key")], check=True)
    subprocess.run(["openssl", "ec", "-in", str(tmp_path / "key"), "-pubout", "-out", str(tmp_path / "public")], check=True, capture_output=True)
    assert "claimText" not in bound(server, publicKey=(tmp_path / "public").read_text())
    refused = server.vouch("claim", "create", "--template", vouch.TEMPLATE, "--qr", "--public-key", str(tmp_path / "public"), check=False)
    assert refused.returncode == 1 and "--public-key" in refused.stderr and not refused.stdout
    # AWS's own operation answers as AWS does.
    assert "claimText" not in server.boto().create_provisioning_claim(templateName=vouch.TEMPLATE)


def test_keys_of_rsa_have_no_text(tmp_path):
    with vouch.Server("--key-algorithm", "rsa-2048") as rsa:
        rsa.prepare_workshop()
        assert "claimText" not in bound(rsa)
        refused = rsa.vouch("claim", "create", "--template", vouch.TEMPLATE, "--qr", check=False)
        assert refused.returncode == 1 and "P-256" in refused.stderr and not refused.stdout


def test_a_picture_and_files_of_one_claim(server, tmp_path):
    shown = server.vouch("claim", "create", "--template", vouch.TEMPLATE, "--qr", "--out", str(tmp_path / "out")).stdout
    claim = claim_text.parse(scan(photograph(squares_of(shown), tmp_path / "terminal.pgm")))
    assert ssl.PEM_cert_to_DER_cert((tmp_path / "out/claim.pem.crt").read_text()) == claim.certificate()
    done = device(tmp_path / "device", "--claim", str(tmp_path / "out/bundle.json"), name="lamp-files")
    assert done.returncode == 0, done.output


def on_terminal(server, columns, term):
    """What `vouch claim create --qr` writes to a terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
    process = subprocess.Popen([vouch.BUILD / "vouch", "--data", server.data, "claim", "create", "--template", vouch.TEMPLATE, "--qr"], stdin=slave, stdout=slave, stderr=slave,
                               env=dict(os.environ, HOME=str(server.home), TERM=term))
    os.close(slave)
    said = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while part := os.read(master, 65536):
            said += part
    os.close(master)
    return process.wait(30), said.decode().replace("\r\n", "\n")


def paint(text, paper, ink):
    """What a terminal of these two colours (0 dark, 255 light) shows of half blocks; a line may say that it is white on black."""
    rows = []
    for line in text.splitlines():
        coloured = re.fullmatch(r"\x1b\[38;5;231;48;5;16m(.*)\x1b\[0m", line)
        back, fore = (0, 255) if coloured else (paper, ink)
        plain = coloured.group(1) if coloured else line
        if plain and set(plain) <= set(HALVES):
            rows += [[fore if HALVES[c][half] else back for c in plain] for half in (0, 1)]
    return [[square == 255 for square in row] for row in rows]


def test_light_and_dark_terminals(server, tmp_path):
    for paper, ink in ((0, 255), (255, 0)):
        status, text = on_terminal(server, 80, "xterm-256color")
        shown = paint(text, paper, ink)
        border = [[paper == 255] * (len(shown[0]) + 8)] * 4  # the terminal around it
        picture = border + [[paper == 255] * 4 + row + [paper == 255] * 4 for row in shown] + border
        assert status == 0 and claim_text.parse(scan(photograph(picture, tmp_path / "terminal.pgm"))).template == vouch.TEMPLATE
    status, text = on_terminal(server, 80, "dumb")
    assert status == 0 and "\x1b" not in text and scan(photograph(paint(text, 0, 255), tmp_path / "dumb.pgm"))
    status, text = on_terminal(server, 60, "xterm")
    assert status == 1 and "69 columns" in text and "█" not in text


# ---- attacks


@pytest.fixture(scope="module")
def live(server):
    """A text that nobody has used; the mutated ones are made of it, and none of them spends it."""
    return claim_text.parse(bound(server, lifetimeSeconds=300)["claimText"])


DAMAGES = {
    "cut": lambda c: c.text()[:-9],
    "check": lambda c: c.text()[:-1] + ("0" if c.text()[-1] != "0" else "1"),
    "small letters": lambda c: c.text().lower(),
    "form": lambda c: dataclasses.replace(c, form=2).text(),
    "prefix": lambda c: "VCH2:" + c.text()[5:],
    "junk behind": lambda c: c.text() + "ABC",
    "two texts": lambda c: c.text() + "\n" + c.text(),
    "oversized": lambda c: c.text() + "0" * 60000,
    "more than a file may hold": lambda c: c.text() + "0" * 70000,
    "field that must be known": lambda c: dataclasses.replace(c, more=b"\x90\x01x").text(),
    "key of zero": lambda c: dataclasses.replace(c, key=b"\0" * 32).text(),
    "key past the order": lambda c: dataclasses.replace(c, key=b"\xff" * 32).text(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_text_is_refused_before_anything_is_sent(server, live, tmp_path, damage):
    before = server.log_text().count("\n")
    handed = put(tmp_path / "claim.txt", DAMAGES[damage](live), 0o600)
    done = device(tmp_path / "device", "--claim", str(handed))
    assert done.returncode == 2, done.output
    assert not (tmp_path / "device/.vouch-agent/root-ca.pem").exists()
    assert live.text()[20:60] not in done.output and live.text()[20:60].lower() not in done.output
    assert "mqtt-connect" not in "\n".join(server.log_text().splitlines()[before:])


def test_every_truncation(server, live, tmp_path):
    """A quick look at some; the unit tests cut at each place."""
    text = live.text()
    for length in range(0, len(text), 61):
        done = device(tmp_path / "device", "--claim", "-", text=text[:length])
        assert done.returncode == 2, (length, done.output)


def test_another_key_opens_nothing(server, live, tmp_path):
    """The certificate that fits it is one that nobody registered."""
    other = dataclasses.replace(live, key=(1).to_bytes(32, "big"))
    done = device(tmp_path / "device", "--claim", "-", text=other.text())
    assert done.returncode == 3 and "lamp" not in things(server), done.output


def test_an_expired_text_is_not_used(server, live, tmp_path):
    now = int(time.time())
    old = dataclasses.replace(live, not_before=now - 900, not_after=now - 1)
    before = server.log_text()
    done = device(tmp_path / "device", "--claim", "-", text=old.text())
    assert done.returncode == 4 and "expired" in done.output, done.output
    assert server.log_text() == before


def test_the_server_ends_it_too(clock_server, tmp_path):
    text = bound(clock_server, lifetimeSeconds=60)["claimText"]
    clock_server.advance_clock(61)
    done = device(tmp_path / "device", "--claim", "-", text=text)
    assert done.returncode in (3, 4, 5) and not (tmp_path / "device/.vouch-agent/keys/active-private.pem.key").exists(), done.output
    assert things(clock_server) == []


def test_one_text_is_for_one_device(server, tmp_path):
    text = bound(server)["claimText"]
    first = device(tmp_path / "first", "--claim", "-", text=text, name="lamp-first")
    assert first.returncode == 0, first.output
    second = device(tmp_path / "second", "--claim", "-", text=text, name="lamp-second")
    assert second.returncode in (3, 5) and "lamp-second" not in things(server), second.output
    third = device(tmp_path / "third", "--claim", "-", text=text, name="lamp-first")
    assert third.returncode in (3, 5), third.output


def test_a_file_that_others_may_read(server, live, tmp_path):
    """As with every secret: what is ours is closed."""
    handed = put(tmp_path / "claim.txt", live.text(), 0o644)
    done = device(tmp_path / "device", "--claim", str(handed), "--port", "1")
    assert done.returncode == 3 and handed.stat().st_mode & 0o777 == 0o600, done.output


# ---- whom it trusts


def test_another_root_is_not_trusted(server, live, tmp_path):
    for change in (0, 31):
        root = bytearray(live.root)
        root[change] ^= 1
        done = device(tmp_path / "device", "--claim", "-", text=dataclasses.replace(live, root=bytes(root)).text())
        assert done.returncode == 3 and "root certificate is not the one" in done.output, done.output
        assert not (tmp_path / "device/.vouch-agent/root-ca.pem").exists()


def test_nobody_stands_between(server, live, tmp_path):
    """Another server under the same name, with a root of its own, whose chain holds the right root too."""
    with vouch.Server() as thief:
        # What he can copy is public: the true server's root goes behind his own certificate.
        with open(thief.data / "tls/server.pem") as own:
            (tmp_path / "chain.pem").write_text(own.read() + pathlib.Path(thief.ca).read_text() + pathlib.Path(server.ca).read_text())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "chain.pem", thief.data / "tls/server.key")
        heard = []
        listener = socket.create_server(("127.0.0.1", 0))

        def serve():
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(plain, server_side=True) as secured:
                        heard.append(secured.recv(4096))
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        for port in (thief.mqtt_port, listener.getsockname()[1]):
            aimed = dataclasses.replace(live, mqtt_port=port, edge_port=0)
            done = device(tmp_path / "device", "--claim", "-", text=aimed.text())
            assert done.returncode == 3 and "not trusted" in done.output, done.output
            assert not (tmp_path / "device/.vouch-agent/root-ca.pem").exists()
        listener.close()
        assert not any(heard), "the device spoke to him"


def test_a_root_of_the_command_line_must_be_that_one(server, live, tmp_path):
    with vouch.Server() as other:
        wrong = device(tmp_path / "device", "--claim", "-", "--root-ca", other.ca, text=live.text())
        assert wrong.returncode == 2 and "root certificate that the claim names" in wrong.output, wrong.output
    text = bound(server)["claimText"]
    right = device(tmp_path / "device", "--claim", "-", "--root-ca", server.ca, text=text, name="lamp-root")
    assert right.returncode == 0, right.output


def test_the_root_goes_behind_every_chain(server):
    for port in (server.mqtt_port, server.edge_port, int(server.api.rsplit(":", 1)[1])):
        shown = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{port}", "-showcerts"], input="", capture_output=True, text=True, timeout=30).stdout
        blocks = re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", shown, re.S)
        sent = [ssl.PEM_cert_to_DER_cert(block) for block in blocks]
        assert hashlib.sha256(sent[-1]).digest() == root_digest(server) and len(sent) >= 2


def test_who_may_draw_one(server):
    """A signature is enough for a picture; a claim needs both rights, as ever."""
    call(server, "POST", "/users/drawer")
    key = call(server, "POST", "/users/drawer/access-keys")
    assert call(server, "POST", "/qr", {"text": "A"}, key=key)["size"] == 21
    call(server, "POST", "/claims", {"templateName": vouch.TEMPLATE}, key=key, expect=AD)
