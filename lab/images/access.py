"""The address of the registry, and how the lab may talk to it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.errors import BadConfig
from lab.model.image_references import HUB
from lab.settings import LabSettings

# Runtimes read a name whose first part has neither dot nor colon as one of Docker Hub's.
NAME: Final = re.compile(
    r"(?P<host>localhost|[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*(?::\d+)?)(?:/(?P<prefix>[a-z0-9._/-]+))?"
)
HUB_API: Final = "registry-1.docker.io"
"""Where the API of Docker Hub is, whose images are named otherwise."""


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """One registry; plain HTTP is used for its host alone.

    Attributes:
        host: `host:port`, as image names begin.
        prefix: The path between host and service, for example `team/lab`.
        plain_http: Whether the registry speaks HTTP without TLS.
        ca_file: CA that signed the registry's certificate; None trusts the system's.
        user: User that signs in; empty asks anonymously.
        password_file: File that holds the user's password or token.
    """

    host: str
    prefix: str = ""
    plain_http: bool = False
    ca_file: Path | None = None
    user: str = ""
    password_file: Path | None = None

    @property
    def name(self) -> str:
        """The beginning of image names: the host, and the prefix where there is one."""
        return f"{self.host}/{self.prefix}" if self.prefix else self.host

    @property
    def url(self) -> str:
        """Address of the API."""
        return f"{'http' if self.plain_http else 'https'}://{HUB_API if self.host == HUB else self.host}"

    def repository(self, service: str) -> str:
        """Return the registry's name for a service's images."""
        return f"{self.prefix}/{service}" if self.prefix else service

    def password(self) -> str:
        """Return the content of the password file; empty where there is none.

        Raises:
            BadConfig: The file cannot be read.
        """
        if self.password_file is None:
            return ""
        try:
            return self.password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BadConfig(
                "cannot read the registry's password",
                found=f"{self.password_file}: {error.strerror}",
                next_step="LAB_REGISTRY_PASSWORD_FILE=/path/to/file",
            ) from error


def registry_access(settings: LabSettings) -> RegistryAccess:
    """Return the registry that the settings name.

    Raises:
        BadConfig: No registry is named, or the settings contradict each other.
    """
    if not settings.registry:
        raise BadConfig(
            "no registry is configured", next_step='LAB_REGISTRY=host:port, or registry = "host:port" in lab.toml'
        )
    host, prefix = split_name(settings.registry)
    if settings.registry_insecure and settings.registry_ca_file:
        raise BadConfig(
            f"the settings of {host} contradict each other",
            found="registry_insecure means plain HTTP, registry_ca_file means HTTPS",
            next_step="lab config show      (says where each comes from)",
        )
    if bool(settings.registry_user) != bool(settings.registry_password_file):
        raise BadConfig(
            f"cannot sign in to {host}",
            found="registry_user and registry_password_file belong together; one is missing",
            next_step="LAB_REGISTRY_USER=name LAB_REGISTRY_PASSWORD_FILE=/path/to/file",
        )
    return RegistryAccess(
        host,
        prefix,
        plain_http=settings.registry_insecure,
        ca_file=settings.registry_ca_file,
        user=settings.registry_user,
        password_file=settings.registry_password_file,
    )


def access_to(host: str, settings: LabSettings) -> RegistryAccess:
    """Return the configured registry where *host* is its host; any other is asked by HTTPS and anonymously."""
    configured = registry_access(settings) if settings.registry else None
    return configured if configured and configured.host == host else RegistryAccess(host)


def split_name(name: str) -> tuple[str, str]:
    """Return host and prefix of a registry's name.

    Raises:
        BadConfig: The text does not name a registry.

    >>> split_name("registry.example:5000/team")
    ('registry.example:5000', 'team')
    """
    match = NAME.fullmatch(name.rstrip("/"))
    if match is None or not ({".", ":"} & set(match["host"]) or match["host"] == "localhost"):
        raise BadConfig(
            f'"{name}" does not name a registry',
            found="needed: host:port, or a host with a dot; without http://, tag or password",
            next_step="LAB_REGISTRY=registry.example:5000",
        )
    return match["host"], match["prefix"] or ""
