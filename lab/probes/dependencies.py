"""Asks what a stack depends on, where the settings say that it is."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final, Protocol

from lab.errors import BadConfig
from lab.model import Access, Endpoints
from lab.probes.error_text import text_of_error
from lab.probes.telemetry import OpenLedger, Samples
from lab.settings import LabSettings
from lab.snapshots.probes import ImageProbe, PrometheusProbe, RegistryProbe, StoreProbe

if TYPE_CHECKING:
    from lab.rpc.channels import Connect

# The clients of these take longer to load than a doctor takes to answer, so that each is loaded when it is used.
STORE: Final = "lab.probes.store:probe_store"
UNASKED_STORE: Final = "lab.probes.store:unasked"
PROMETHEUS: Final = "lab.probes.prometheus:probe_prometheus"
REGISTRY: Final = "lab.probes.registry:probe_registry"
IMAGES: Final = "lab.probes.registry:probe_images"
SAMPLES: Final = "lab.metrics.prometheus:open_prometheus"
LEDGER: Final = "lab.metrics.ledger:QueryLedger"
CONNECTOR: Final = "lab.rpc.channels:connector"

AskStore = Callable[[str, Path | None, Path | None], StoreProbe]
"""Called with the store's URL, the file of its password and the file of its CA."""


class OpenQuery(Protocol):
    """Opens the ledger behind a query-api; satisfied by the class `QueryLedger`."""

    def __call__(self, address: str, /, *, connect: "Connect") -> OpenLedger:
        """Return the ledger; nobody is called yet."""


@dataclass(frozen=True, slots=True)
class ConfiguredDependencies:
    """Satisfies `lab.probes.ports.Dependencies`.

    Attributes:
        settings: Where registry, store and metrics server are, and how to sign in to them.
    """

    settings: LabSettings

    def registry(self) -> RegistryProbe | None:
        """See `Dependencies.registry`."""
        ask: Callable[[LabSettings], RegistryProbe | None] = resolve_name(REGISTRY)
        return ask(self.settings)

    def images(self, references: Iterable[str]) -> Sequence[ImageProbe]:
        """See `Dependencies.images`."""
        ask: Callable[[Iterable[str], LabSettings], Sequence[ImageProbe]] = resolve_name(IMAGES)
        return ask(references, self.settings)

    def store(self, url: str = "") -> StoreProbe | None:
        """See `Dependencies.store`."""
        where = url or self.settings.redis_url
        return self._store(where) if where else None

    def _store(self, url: str) -> StoreProbe:
        password_file, ca_file = self.settings.redis_password_file, self.settings.redis_ca_file
        ask: AskStore = resolve_name(STORE)
        try:
            return ask(url, password_file, ca_file)
        except BadConfig as error:
            unasked: AskStore = resolve_name(UNASKED_STORE)
            return replace(unasked(url, password_file, ca_file), error=text_of_error(error))

    def prometheus(self, url: str = "") -> PrometheusProbe | None:
        """See `Dependencies.prometheus`."""
        where = url or self.settings.prometheus_url
        return self._prometheus(where) if where else None

    def _prometheus(self, url: str) -> PrometheusProbe:
        ask: Callable[[str, LabSettings], PrometheusProbe] = resolve_name(PROMETHEUS)
        try:
            return ask(url, self.settings)
        except BadConfig as error:
            return PrometheusProbe(url, reachable=None, error=text_of_error(error))

    def samples(self, url: str) -> Samples:
        """See `Dependencies.samples`."""
        opened: Callable[[str, LabSettings], Samples] = resolve_name(SAMPLES)
        return opened(url, self.settings)

    def ledger(self, endpoints: Endpoints) -> OpenLedger:
        """See `Dependencies.ledger`."""
        connector: Callable[[Access], Connect] = resolve_name(CONNECTOR)
        opened: OpenQuery = resolve_name(LEDGER)
        return opened(endpoints.query, connect=connector(endpoints.access))
