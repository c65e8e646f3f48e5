"""Credentials of a stack: a CA of its own, a certificate for every name, kept until they end."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lab.errors import DataFault
from lab.targets.kubernetes.credentials.certificates import end_of, names_in
from lab.targets.kubernetes.credentials.credentials import Credentials, names_of, provide_credentials, read_credentials

NOW: Final = datetime(2026, 1, 2, tzinfo=UTC)
NAMES: Final = names_of("testbed")


def made(folder: Path, *, now: datetime = NOW, names: tuple[str, ...] = NAMES) -> Credentials:
    """Return the credentials of a stack whose folder is below *folder*."""
    return provide_credentials(folder / "stack", names, now=now)


def test_the_certificate_is_for_every_name_and_ninety_days(tmp_path: Path) -> None:
    """Names inside the namespace, in other namespaces, and of a port-forward."""
    certificate = made(tmp_path).certificates.certificate
    assert {"ingest-api", "query-api.testbed.svc", "localhost", "127.0.0.1"} <= names_in(certificate)
    assert end_of(certificate) == NOW + timedelta(days=90)


def test_the_ca_signed_it_and_can_sign_no_more(tmp_path: Path) -> None:
    """The CA's key is neither kept nor handed out."""
    credentials = made(tmp_path)
    ca = x509.load_pem_x509_certificate(credentials.certificates.ca)
    x509.load_pem_x509_certificate(credentials.certificates.certificate).verify_directly_issued_by(ca)
    secrets = (credentials.serving_secret(), credentials.store_secret(namespace="lab"))
    everything = b"".join(content for secret in secrets for content in secret.values())
    assert everything.count(b"PRIVATE KEY") == 2, "begin and end of the server's own"


def test_openssl_accepts_certificate_and_key(tmp_path: Path) -> None:
    """The key is the certificate's."""
    certificates = made(tmp_path).certificates
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "stack" / "tls.crt", tmp_path / "stack" / "tls.key")
    key = load_pem_private_key(certificates.key, password=None)
    assert key.public_key() == x509.load_pem_x509_certificate(certificates.certificate).public_key()


def test_they_stay_the_same_while_they_are_good(tmp_path: Path) -> None:
    """A second `up` starts no pod again."""
    assert made(tmp_path) == made(tmp_path, now=NOW + timedelta(days=60))
    assert read_credentials(tmp_path / "stack") == made(tmp_path)


@pytest.mark.parametrize(
    ("now", "names"), [(NOW + timedelta(days=80), NAMES), (NOW, (*NAMES, "198.18.0.11"))], ids=["late", "another name"]
)
def test_they_are_made_anew_before_they_end_or_for_another_name(
    tmp_path: Path, now: datetime, names: tuple[str, ...]
) -> None:
    """All but the store's password: the store would not know another."""
    before, after = made(tmp_path), made(tmp_path, now=now, names=names)
    assert before.token != after.token
    assert before.certificates.certificate != after.certificates.certificate
    assert before.store_password == after.store_password


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    """Folder and files."""
    made(tmp_path)
    folder = tmp_path / "stack"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert (stat.S_IMODE(folder.stat().st_mode), modes) == (0o700, {0o600})


def test_a_folder_in_which_something_is_missing_is_refused(tmp_path: Path) -> None:
    """With the command that cures it."""
    made(tmp_path)
    (tmp_path / "stack" / "tls.crt").unlink()
    with pytest.raises(DataFault, match="rm -r"):
        made(tmp_path)


def test_secrets_do_not_show_in_their_representation(tmp_path: Path) -> None:
    """Neither key, token nor password."""
    credentials = made(tmp_path)
    shown = repr(credentials)
    assert "PRIVATE KEY" not in shown
    assert credentials.token not in shown
    assert credentials.store_password not in shown
