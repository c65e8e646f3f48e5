"""What the parts of a stack trust one another by, kept beside it and handed to the cluster as Secrets."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from lab.errors import DataFault
from lab.systems.services import SERVICES
from lab.targets.kubernetes.credentials.certificates import Certificates, end_of, names_in, new_certificates

RENEW_BEFORE: Final = timedelta(days=14)
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
"""Names of the near end of a port-forward."""
CA, CERTIFICATE, KEY, TOKEN, PASSWORD = "ca.crt", "tls.crt", "tls.key", "token", "password"
FILES: Final = (KEY, TOKEN, PASSWORD, CA, CERTIFICATE)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Everything a stack's parts need.

    Attributes:
        certificates: CA, certificate and key of the services.
        token: What callers have to send.
        store_password: Of a store inside the cluster.
    """

    certificates: Certificates
    token: str = field(repr=False)
    store_password: str = field(repr=False)

    def serving_secret(self) -> Mapping[str, bytes]:
        """Content of the Secret `lab-serving`."""
        made = self.certificates
        return {CA: made.ca, CERTIFICATE: made.certificate, KEY: made.key, TOKEN: self.token.encode()}

    def store_secret(self) -> Mapping[str, bytes]:
        """Content of the Secret `lab-store` for a store inside the cluster: its one user needs the password."""
        user = f"user default on >{self.store_password} ~* &* +@all\n"
        return {PASSWORD: self.store_password.encode(), "users.acl": user.encode()}


def names_of(namespace: str) -> tuple[str, ...]:
    """Every name under which services are called: from their namespace, from others, through a port-forward."""
    ends = ("", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.cluster.local")
    return (*(f"{service}{end}" for service in SERVICES for end in ends), *LOOPBACK)


def provide_credentials(folder: Path, names: Sequence[str], *, now: datetime) -> Credentials:
    """Those kept in *folder* while they are good for *names* and two more weeks, else new ones, which are kept.

    Only the owner may read the folder. A store's password stays the same: the store would not know another.

    Args:
        folder: Where this stack's credentials are kept.
        names: What the certificate must be for; with NodePorts, addresses of nodes as well.
        now: An aware time.

    Raises:
        DataFault: What is kept there cannot be read.
    """
    kept = read_credentials(folder)
    if kept is not None and _good(kept.certificates.certificate, names, now):
        return kept
    password = kept.store_password if kept else secrets.token_urlsafe(32)
    made = Credentials(new_certificates(names, now=now), secrets.token_urlsafe(32), password)
    _write(folder, made)
    return made


def read_credentials(folder: Path) -> Credentials | None:
    """What is kept in a folder; None where nothing is.

    Raises:
        DataFault: Part of it is missing or damaged.
    """
    if not folder.is_dir():
        return None
    try:
        found = {name: (folder / name).read_bytes() for name in FILES}
        end_of(found[CERTIFICATE])
    except (OSError, ValueError) as error:
        step = f"rm -r {folder}      (then `lab up` makes new ones)"
        raise DataFault(f"cannot read the credentials in {folder}", found=str(error), next_step=step) from error
    certificates = Certificates(found[CA], found[CERTIFICATE], found[KEY])
    return Credentials(certificates, found[TOKEN].decode(), found[PASSWORD].decode())


def _good(certificate: bytes, names: Sequence[str], now: datetime) -> bool:
    return set(names) <= names_in(certificate) and now + RENEW_BEFORE < end_of(certificate)


def _write(folder: Path, credentials: Credentials) -> None:
    """Put the files in place one by one, the certificate last: only with it they are looked at."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    content = {**credentials.serving_secret(), PASSWORD: credentials.store_password.encode()}
    for name in FILES:
        draft = folder / f".{name}"
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_bytes(content[name])
        draft.replace(folder / name)
