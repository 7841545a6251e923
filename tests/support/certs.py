"""Keys, requests, authorities and certificates, made as a customer would make his own."""
import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.utcnow


def key():
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key(bits=2048):
    return rsa.generate_private_key(65537, bits)


def name(common_name, organization="Makers"):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization), x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def key_pem(private):
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()).decode()


def public_pem(public):
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def identifier(text):
    """A certificate's id: SHA-256 of its DER."""
    return hashlib.sha256(x509.load_pem_x509_certificate(text.encode()).public_bytes(serialization.Encoding.DER)).hexdigest()


def request(private, common_name="device"):
    made = x509.CertificateSigningRequestBuilder().subject_name(name(common_name)).sign(private, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def issue(subject, public, issuer, private, authority=False, days=30, start=-1, algorithm=None):
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
               .serial_number(x509.random_serial_number()).not_valid_before(NOW() + datetime.timedelta(days=start))
               .not_valid_after(NOW() + datetime.timedelta(days=days))
               .add_extension(x509.BasicConstraints(authority, None), critical=True))
    return builder.sign(private, algorithm or hashes.SHA256())


class Authority:
    """A customer's own: its key, its certificate, and what it signs."""

    def __init__(self, common_name, private=None, **more):
        self.key = private or key()
        self.name = name(common_name)
        self.certificate = issue(self.name, self.key.public_key(), self.name, self.key, **{"authority": True, **more})
        self.pem = pem(self.certificate)
        self.id = identifier(self.pem)

    def sign(self, common_name, public=None, **more):
        return pem(issue(name(common_name), public or key().public_key(), self.name, self.key, **more))
