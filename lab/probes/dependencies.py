"""Asks what a stack depends on, where the settings say that it is."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab.errors import BadConfig
from lab.model import Endpoints, StoreLogin
from lab.probes.error_text import text_of_error
from lab.probes.telemetry import NewestSamples, OpenLedger
from lab.settings import LabSettings
from lab.snapshots.answers import PrometheusProbe, StoreProbe
from lab.snapshots.images import ImageProbe, RegistryProbe

AskStore = Callable[[str, StoreLogin | None, Path | None], StoreProbe]
"""Called with the store's URL, the login and the file of its CA."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Functions that ask the servers around a stack.

    Attributes:
        registry: Asks the registry that the settings name.
        images: Asks registries for images, by their references.
        store: Asks a store. Raises BadConfig where a file of the login or the CA cannot be read.
        unasked_store: Describes a store that was not asked.
        prometheus: Asks the metrics server at a URL. Raises BadConfig where a file of its access cannot be read.
        samples: Opens the metrics of a stack.
        ledger: Opens the account of a stack, which the caller closes.
    """

    registry: Callable[[LabSettings], RegistryProbe | None]
    images: Callable[[Iterable[str], LabSettings], Sequence[ImageProbe]]
    store: AskStore
    unasked_store: AskStore
    prometheus: Callable[[str, LabSettings], PrometheusProbe]
    samples: Callable[[Endpoints], NewestSamples]
    ledger: Callable[[Endpoints], OpenLedger]


@dataclass(frozen=True, slots=True)
class ConfiguredDependencies:
    """Satisfies `lab.probes.ports.Dependencies`.

    Attributes:
        settings: Where registry, store and metrics server are, and how to sign in to them.
        servers: Ask them.
    """

    settings: LabSettings
    servers: Servers

    def registry(self) -> RegistryProbe | None:
        """See `Dependencies.registry`."""
        return self.servers.registry(self.settings)

    def images(self, references: Iterable[str]) -> Sequence[ImageProbe]:
        """See `Dependencies.images`."""
        return self.servers.images(references, self.settings)

    def store(self, url: str = "", login: StoreLogin | None = None) -> StoreProbe | None:
        """See `Dependencies.store`."""
        where, file = url or self.settings.redis_url, self.settings.redis_password_file
        return self._store(where, login or (StoreLogin(file) if file else None)) if where else None

    def _store(self, url: str, login: StoreLogin | None) -> StoreProbe:
        ca_file = self.settings.redis_ca_file
        try:
            return self.servers.store(url, login, ca_file)
        except BadConfig as error:
            return replace(self.servers.unasked_store(url, login, ca_file), error=text_of_error(error))

    def prometheus(self, url: str = "") -> PrometheusProbe | None:
        """See `Dependencies.prometheus`."""
        where = url or self.settings.prometheus_url
        return self._prometheus(where) if where else None

    def _prometheus(self, url: str) -> PrometheusProbe:
        try:
            return self.servers.prometheus(url, self.settings)
        except BadConfig as error:
            return PrometheusProbe(url, reachable=None, error=text_of_error(error))

    def samples(self, url: str) -> NewestSamples:
        """See `Dependencies.samples`."""
        return self.servers.samples(Endpoints(prometheus_url=url))

    def ledger(self, endpoints: Endpoints) -> OpenLedger:
        """See `Dependencies.ledger`."""
        return self.servers.ledger(endpoints)
