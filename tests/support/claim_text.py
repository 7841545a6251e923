"""The text of a claim's QR code, written and read as docs/claim-qr.md says: with nothing of the C code.

As a program it writes the vectors anew: python3 tests/support/claim_text.py > tests/vectors/claim-qr/vectors.json
"""
import dataclasses
import datetime
import hashlib
import json
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import NameOID

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
DER = serialization.Encoding.DER


def base45(data):
    text = ""
    for at in range(0, len(data), 2):
        pair = data[at:at + 2]
        number = int.from_bytes(pair, "big")
        text += LETTERS[number % 45] + LETTERS[number // 45 % 45] + (LETTERS[number // 2025] if len(pair) == 2 else "")
    return text


def unbase45(text):
    data = b""
    for at in range(0, len(text), 3):
        group = text[at:at + 3]
        data += sum(LETTERS.index(c) * 45 ** i for i, c in enumerate(group)).to_bytes(len(group) - 1, "big")
    return data


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def tlv(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    head = bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else b"\x82" + struct.pack(">H", size)
    return bytes([tag]) + head + body


@dataclasses.dataclass
class Claim:
    key: bytes
    root: bytes
    not_before: int
    not_after: int
    mqtt_port: int
    edge_port: int
    serial: bytes
    subject: bytes
    signature: bytes
    issuer: bytes
    endpoint: str
    template: str
    more: bytes = b""  # fields of later forms
    form: int = 1
    flags: int = 0

    def body(self):
        counted = b"".join(bytes([len(s)]) + s for s in (self.issuer, self.endpoint.encode(), self.template.encode()))
        return (bytes([self.form, self.flags]) + self.key + self.root
                + struct.pack(">IIHH", self.not_before, self.not_after, self.mqtt_port, self.edge_port)
                + self.serial + self.subject + self.signature + counted + self.more)

    def data(self):
        return self.body() + struct.pack(">I", crc32c(self.body()))

    def text(self):
        return "VCH1:" + base45(self.data())

    def private(self):
        return ec.derive_private_key(int.from_bytes(self.key, "big"), ec.SECP256R1())

    def certificate(self):
        """DER, put together by hand."""
        algorithm = tlv(0x30, bytes.fromhex("06082a8648ce3d040302"))
        times = [datetime.datetime.utcfromtimestamp(t).strftime("%y%m%d%H%M%SZ").encode() for t in (self.not_before, self.not_after)]
        name = tlv(0x30, tlv(0x31, tlv(0x30, bytes.fromhex("0603550403"), tlv(0x0c, self.subject.hex().encode()))))
        public = self.private().public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        extensions = tlv(0xa3, tlv(0x30, bytes.fromhex("300c0603551d130101ff04023000"), bytes.fromhex("300e0603551d0f0101ff040403020780")))
        body = tlv(0x30, bytes.fromhex("a003020102"), tlv(2, self.serial), algorithm, self.issuer,
                   tlv(0x30, tlv(0x17, times[0]), tlv(0x17, times[1])), name, public, extensions)
        halves = [int.from_bytes(self.signature[i:i + 32], "big") for i in (0, 32)]
        return tlv(0x30, body, algorithm, tlv(3, b"\0", encode_dss_signature(*halves)))


def parse(text):
    """Of a text that is known to be good."""
    data = unbase45(text[5:])
    assert text.startswith("VCH1:") and crc32c(data[:-4]) == int.from_bytes(data[-4:], "big") and data[:2] == b"\1\0"
    times = struct.unpack(">IIHH", data[66:78])
    rest, counted = data[194:-4], []
    for _ in range(3):
        counted.append(rest[1:1 + rest[0]])
        rest = rest[1 + rest[0]:]
    return Claim(data[2:34], data[34:66], *times, data[78:98], data[98:130], data[130:194], counted[0], counted[1].decode(), counted[2].decode(), rest)


def issue(issuer_name="Vouch Claim CA 387a145f", endpoint="iot.example.com", template="TrustedUserProvisioningTemplate", mqtt_port=8883,
          edge_port=443, begin=1795478400, life=420, short=False):
    """A claim of an authority of its own. `short`: until a half of the signature begins with a zero byte."""
    authority, private = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Vouch"), x509.NameAttribute(NameOID.COMMON_NAME, issuer_name)])
    serial = b"\x40" + hashlib.sha256(private.private_numbers().private_value.to_bytes(32, "big")).digest()[:19]
    when = [datetime.datetime.utcfromtimestamp(t) for t in (begin, begin + life)]
    while True:
        subject = hashlib.sha256(serial).digest()
        made = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject.hex())]))
                .issuer_name(issuer).public_key(private.public_key()).serial_number(int.from_bytes(serial, "big"))
                .not_valid_before(when[0]).not_valid_after(when[1])
                .add_extension(x509.BasicConstraints(False, None), critical=True)
                .add_extension(x509.KeyUsage(True, *[False] * 8), critical=True).sign(authority, hashes.SHA256()))
        halves = [n.to_bytes(32, "big") for n in decode_dss_signature(made.signature)]
        if not short or any(h[0] == 0 for h in halves):
            break
    claim = Claim(private.private_numbers().private_value.to_bytes(32, "big"), hashlib.sha256(issuer_name.encode()).digest(), begin,
                  begin + life, mqtt_port, edge_port, serial, subject, b"".join(halves), issuer.public_bytes(), endpoint, template)
    assert claim.certificate() == made.public_bytes(DER) and parse(claim.text()) == claim
    return claim


def good():
    yield "usual", issue()
    yield "no ports", issue(mqtt_port=0, edge_port=0)
    yield "address of IPv6", issue(endpoint="2001:db8::7", edge_port=0)
    yield "shortest", issue(issuer_name="C", endpoint="h", template="T", life=1)
    yield "long issuer", issue(issuer_name="I" * 64 )
    yield "longest", issue(issuer_name="I" * 64, endpoint=".".join(["a" * 62] * 4) + ".x", template="T" * 36, begin=2524521599, life=86400)
    yield "short half of the signature", issue(short=True)
    yield "field to be left out", dataclasses.replace(issue(), more=b"\x01\x03abc\x7f\x00")


def bad():
    """One thing changed each time, under a check that holds where the change is not to the check."""
    claim = issue()
    text, data = claim.text(), claim.data()
    change = lambda **more: dataclasses.replace(claim, **more).text()
    wrap = lambda body: "VCH1:" + base45(body + struct.pack(">I", crc32c(body)))
    yield "check", "VCH1:" + base45(data[:-1] + bytes([data[-1] ^ 1])), "its check does not hold"
    yield "one bit of the key", "VCH1:" + base45(data[:9] + bytes([data[9] ^ 0x10]) + data[10:]), "its check does not hold"
    yield "small letters", text.lower(), "small letters"
    yield "small letters behind the prefix", "VCH1:" + text[5:].lower(), "not in the letters"
    yield "another prefix", "WCH1:" + text[5:], "does not begin as one"
    yield "no prefix", text[5:], "does not begin as one"
    yield "later prefix", "VCH2:" + text[5:], "later form"
    yield "nothing behind the prefix", "VCH1:", "its check does not hold"
    yield "character behind", text + "0", "not in the letters" if len(text[5:]) % 3 == 0 else "its check does not hold"
    yield "bytes behind", "VCH1:" + base45(data + b"\0\0"), "its check does not hold"
    yield "blank before", " " + text, "does not begin as one"
    yield "blank inside", text[:40] + "_" + text[41:], "not in the letters"
    yield "group past two bytes", "VCH1::::" + text[8:], "not in the letters"
    yield "form", change(form=2), "later form"
    yield "form of nothing", change(form=0), "later form"
    yield "flags", change(flags=1), "later form"
    yield "cut in the template", wrap(claim.body()[:-1]), "is cut off"
    yield "field that may not be left out", change(more=b"\x80\x00"), "does not know"
    yield "field that is cut off", change(more=b"\x01\x05abc"), "is cut off"
    yield "field without length", change(more=b"\x01"), "is cut off"
    yield "no endpoint", change(endpoint=""), "cannot be"
    yield "endpoint with a blank", change(endpoint="iot example"), "cannot be"
    yield "endpoint with a control character", change(endpoint="iot\x1b[2J"), "cannot be"
    yield "endpoint with a path", change(endpoint="iot/../x"), "cannot be"
    yield "endpoint too long", change(endpoint="a" * 254), "cannot be"
    yield "no template", change(template=""), "cannot be"
    yield "template with a topic wildcard", change(template="T/#"), "cannot be"
    yield "template too long", change(template="T" * 37), "cannot be"
    yield "ends before it begins", change(not_after=claim.not_before - 1), "cannot be"
    yield "ends as it begins", change(not_after=claim.not_before), "cannot be"
    yield "no issuer", change(issuer=b""), "cannot be"
    yield "issuer that is no sequence", change(issuer=b"\x31" + claim.issuer[1:]), "cannot be"
    yield "issuer of another length", change(issuer=claim.issuer[:-1]), "cannot be"
    yield "issuer with a needless length byte", change(issuer=b"\x30\x81" + claim.issuer[1:]), "cannot be"
    yield "too long", text + "0" * (2001 - len(text)), "longer than 2000"


def main():
    goods = [dict(name=name, text=c.text(), bytes=c.data().hex(), privateKey=c.key.hex(), rootSha256=c.root.hex(), notBefore=c.not_before,
                  notAfter=c.not_after, mqttPort=c.mqtt_port, edgePort=c.edge_port, endpoint=c.endpoint, templateName=c.template,
                  publicKey=c.private().public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint).hex(),
                  certificate=c.certificate().hex()) for name, c in good()]
    bads = [dict(name=name, text=text, words=words) for name, text, words in bad()]
    print(json.dumps({"good": goods, "bad": bads}, indent=1))


if __name__ == "__main__":
    main()
