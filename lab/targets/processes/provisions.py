"""Provides what a plan is made from: server programs, free ports, folders, variables."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from lab.errors import Unavailable
from lab.files import write_text
from lab.settings import LabSettings, inherited_environment
from lab.systems.services import SERVICES
from lab.targets.free_ports import free_port
from lab.targets.processes import store_server
from lab.targets.processes.config_hash import config_hash_here
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.metrics import metrics_server
from lab.targets.processes.metrics.debian_packages import Progress
from lab.targets.processes.metrics.destination import telemetry_environment
from lab.targets.processes.metrics.scraping import scrape_config
from lab.targets.processes.stack_secrets import make_secrets
from services.contracts.store_keys import NAMESPACE, NAMESPACE_VARIABLE

PORTS: Final = {"http": 80, "https": 443}
CONNECT_TIMEOUT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A server program on this machine, and the free port on loopback that it is to listen on."""

    program: Path
    port: int

    @property
    def address(self) -> str:
        """The address as host:port."""
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Provisions:
    """What a plan is made from.

    Attributes:
        store: The store; None where the settings name a store that runs already.
        metrics: The metrics server; None where the settings name a server that runs already.
        telemetry: Variables of every service that decide where its metrics go.
        secrets: Variables that name the files with the secrets of the store; absolute paths.
        config_hash: Hash of the configuration that the stack gets.
    """

    store: OwnServer | None
    metrics: OwnServer | None
    telemetry: Mapping[str, str]
    secrets: Mapping[str, str]
    config_hash: str


def provide(settings: LabSettings, services: Mapping[str, str], folder: StackFolder, progress: Progress) -> Provisions:
    """Make the secrets, fetch a missing metrics server and configure it, claim the store's data, find free ports.

    Args:
        settings: The lab's settings.
        services: Settings of services by environment name.
        folder: Folder of the stack, which exists.
        progress: Called with a line for the user before what takes seconds.

    Raises:
        Unavailable: A server program is missing or cannot be used, or the folder cannot be written.
        BadConfig: The store's data cannot be read by this server.
    """
    make_secrets(folder, namespace=services.get(NAMESPACE_VARIABLE, NAMESPACE))
    return Provisions(
        metrics=_metrics(settings, folder, progress),
        store=_store(settings, folder),
        telemetry=telemetry_environment(inherited_environment()),
        secrets=_secrets(settings),
        config_hash=config_hash_here(services),
    )


def _metrics(settings: LabSettings, folder: StackFolder, progress: Progress) -> OwnServer | None:
    folder.scrape_targets.mkdir(parents=True, exist_ok=True)
    if settings.prometheus_url:
        _require_listener(settings.prometheus_url)
        return None
    program = metrics_server.provide_prometheus(settings, progress)
    write_text(folder.prometheus / metrics_server.CONFIG, scrape_config(SERVICES, folder.scrape_targets))
    return OwnServer(program, free_port())


def _require_listener(url: str) -> None:
    """Raise Unavailable where nothing listens at a URL."""
    parts = urlsplit(url)
    try:
        port = parts.port or PORTS[parts.scheme]
        socket.create_connection((parts.hostname or "", port), timeout=CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise Unavailable(
            f"cannot use the Prometheus at {url}",
            found=error.strerror or str(error),
            next_step="start it, or let the lab start its own: unset LAB_PROMETHEUS_URL",
            code="PROM_UNREACHABLE",
        ) from error


def _store(settings: LabSettings, folder: StackFolder) -> OwnServer | None:
    if settings.redis_url:
        return None
    program = store_server.find_store(settings)
    store_server.claim_data(folder.redis, store_server.version_of(program))
    return OwnServer(program, free_port())


def _secrets(settings: LabSettings) -> dict[str, str]:
    files = {"LAB_REDIS_PASSWORD_FILE": settings.redis_password_file, "LAB_REDIS_CA_FILE": settings.redis_ca_file}
    return {variable: str(path.absolute()) for variable, path in files.items() if path is not None}
