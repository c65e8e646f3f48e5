"""Makes the certificates of one stack."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_FOR: Final = timedelta(days=90)
CLOCKS_DIFFER_BY: Final = timedelta(minutes=10)
"""The clock of a board without a battery may be this far behind before its first synchronisation."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Certificates in PEM. The CA's key is not kept, so that it signs nothing else.

    Attributes:
        ca: Certificate that callers trust.
        certificate: Certificate of all services.
        key: Key of that certificate.
    """

    ca: bytes
    certificate: bytes
    key: bytes = field(repr=False)


def new_certificates(names: Sequence[str], *, now: datetime) -> Certificates:
    """Return certificates that are valid for 90 days from *now*.

    Args:
        names: DNS names and addresses by which the services are called.
        now: An aware time.
    """
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _ca(ca_key, now)
    server = _server(server_key.public_key(), names, issuer=ca, issuer_key=ca_key, now=now)
    return Certificates(
        ca=ca.public_bytes(Encoding.PEM),
        certificate=server.public_bytes(Encoding.PEM),
        key=server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def names_in(certificate: bytes) -> frozenset[str]:
    """Return the DNS names and addresses of a certificate.

    Raises:
        ValueError: The content is not a certificate.
    """
    extensions = x509.load_pem_x509_certificate(certificate).extensions
    return frozenset(str(name.value) for name in extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def end_of(certificate: bytes) -> datetime:
    """Return when a certificate ends, UTC.

    Raises:
        ValueError: The content is not a certificate.
    """
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def _ca(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = _named("observability-lab CA")
    return (
        _builder(name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePublicKey,
    names: Sequence[str],
    *,
    issuer: x509.Certificate,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    return (
        _builder(_named("observability-lab services"), issuer.subject, key, now)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER_BY)
        .not_valid_after(now + VALID_FOR)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
