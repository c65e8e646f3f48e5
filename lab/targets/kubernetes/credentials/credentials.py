"""Provides the credentials of a stack: the kept credentials while they are good, else new ones."""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from lab.errors import DataFault
from lab.files import OWNERS_FILE, OWNERS_FOLDER, replaced
from lab.settings import LOOPBACK
from lab.systems.services import SERVICES
from lab.targets.kubernetes.credentials.certificates import Certificates, end_of, names_in, new_certificates
from services.contracts.store_users import USERS, users_file

RENEW_BEFORE: Final = timedelta(days=14)
"""How long before its end a certificate is replaced."""
CA, CERTIFICATE, KEY, TOKEN, PASSWORD = "ca.crt", "tls.crt", "tls.key", "token", "password"
FILES: Final = (KEY, TOKEN, PASSWORD, CA, CERTIFICATE)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials of all parts of a stack.

    Attributes:
        certificates: CA, certificate and key of the services.
        token: Token that callers must send.
        store_password: Key of the passwords of all users of a store inside the cluster; it never leaves this machine.
    """

    certificates: Certificates
    token: str = field(repr=False)
    store_password: str = field(repr=False)

    def serving_secret(self) -> Mapping[str, bytes]:
        """Return the content of the Secret `lab-serving`."""
        pem = self.certificates
        return {CA: pem.ca, CERTIFICATE: pem.certificate, KEY: pem.key, TOKEN: self.token.encode()}

    def store_secret(self, *, namespace: str) -> Mapping[str, bytes]:
        """Return the content of the Secret `lab-store` for a store inside the cluster: its users, their passwords.

        Args:
            namespace: The namespace of the keys that the users may use.
        """
        passwords = {user: self.password_of(user) for user in USERS}
        users = users_file(passwords, namespace=namespace)
        return {"users.acl": users.encode(), **{user: password.encode() for user, password in passwords.items()}}

    def password_of(self, user: str) -> str:
        """Return the password of a user of the store inside the cluster, which tells nothing about the others."""
        return hmac.digest(self.store_password.encode(), user.encode(), "sha256").hex()


def names_of(namespace: str) -> tuple[str, ...]:
    """Return every name of the services: inside their namespace, in other namespaces, through a port-forward."""
    suffixes = ("", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.cluster.local")
    return (*(f"{service}{suffix}" for service in SERVICES for suffix in suffixes), *LOOPBACK)


def provide_credentials(folder: Path, names: Sequence[str], *, now: datetime) -> Credentials:
    """Return the credentials kept in *folder*, or make and keep new ones.

    New credentials are made where there are none, where the certificate lacks a name, and two weeks before it ends. The
    password of the store stays the same, since the store would refuse another. Only the owner may read the folder.

    Args:
        folder: Where this stack's credentials are kept.
        names: Names that the certificate must hold; with NodePorts, addresses of nodes as well.
        now: An aware time.

    Raises:
        DataFault: The kept credentials cannot be read.
    """
    kept = read_credentials(folder)
    if kept is not None and _is_good(kept.certificates.certificate, names, now):
        return kept
    password = kept.store_password if kept else secrets.token_urlsafe(32)
    made = Credentials(new_certificates(names, now=now), secrets.token_urlsafe(32), password)
    _write(folder, made)
    return made


def read_credentials(folder: Path) -> Credentials | None:
    """Return the credentials kept in a folder; None where the folder is not there.

    Raises:
        DataFault: A file is missing or damaged.
    """
    if not folder.is_dir():
        return None
    try:
        content = {name: (folder / name).read_bytes() for name in FILES}
        end_of(content[CERTIFICATE])
    except (OSError, ValueError) as error:
        step = f"rm -r {folder}      (then `lab up` makes new ones)"
        raise DataFault(f"cannot read the credentials in {folder}", found=str(error), next_step=step) from error
    certificates = Certificates(content[CA], content[CERTIFICATE], content[KEY])
    return Credentials(certificates, content[TOKEN].decode(), content[PASSWORD].decode())


def _is_good(certificate: bytes, names: Sequence[str], now: datetime) -> bool:
    return set(names) <= names_in(certificate) and now + RENEW_BEFORE < end_of(certificate)


def _write(folder: Path, credentials: Credentials) -> None:
    """Put the files in place one by one. The certificate comes last: it decides whether the others are used."""
    folder.mkdir(parents=True, exist_ok=True, mode=OWNERS_FOLDER)
    folder.chmod(OWNERS_FOLDER)
    content = {**credentials.serving_secret(), PASSWORD: credentials.store_password.encode()}
    for name in FILES:
        with replaced(folder / name, mode=OWNERS_FILE) as draft:
            draft.write_bytes(content[name])
