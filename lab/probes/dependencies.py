"""Asks what a stack depends on, where the settings say that it is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pkgutil import resolve_name
from typing import Any, Final, Literal

from lab.errors import BadConfig
from lab.model import Endpoints
from lab.probes.error_text import text_of_error
from lab.probes.telemetry import OpenLedger, Samples
from lab.settings import LabSettings
from lab.snapshots.probes import ImageProbe, PrometheusProbe, RegistryProbe, StoreProbe

Part = Literal["store", "unasked store", "prometheus", "registry", "images", "samples", "ledger"]
PROBES: Final[Mapping[Part, str]] = {
    "store": "lab.probes.store:probe_store",
    "unasked store": "lab.probes.store:unasked",
    "prometheus": "lab.probes.prometheus:probe_prometheus",
    "registry": "lab.probes.registry:probe_registry",
    "images": "lab.probes.registry:probe_images",
    "samples": "lab.metrics.prometheus:open_prometheus",
    "ledger": "lab.metrics.ledger:QueryLedger",
}
"""Part → what asks it. Their clients take longer to load than a doctor takes to answer, and so are loaded when used."""


@dataclass(frozen=True, slots=True)
class ConfiguredDependencies:
    """Satisfies `lab.probes.ports.Dependencies`.

    Attributes:
        settings: Where registry, store and metrics server are, and how to sign in to them.
    """

    settings: LabSettings

    def registry(self) -> RegistryProbe | None:
        """See `Dependencies.registry`."""
        probe: RegistryProbe | None = _load("registry")(self.settings)
        return probe

    def images(self, references: Iterable[str]) -> Sequence[ImageProbe]:
        """See `Dependencies.images`."""
        probes: Sequence[ImageProbe] = _load("images")(references, self.settings)
        return probes

    def store(self, url: str = "") -> StoreProbe | None:
        """See `Dependencies.store`."""
        settings = self.settings
        where = url or settings.redis_url
        access = (where, settings.redis_password_file, settings.redis_ca_file)
        try:
            probe: StoreProbe | None = _load("store")(*access) if where else None
        except BadConfig as error:
            unasked: StoreProbe = _load("unasked store")(*access)
            return replace(unasked, error=text_of_error(error))
        return probe

    def prometheus(self, url: str = "") -> PrometheusProbe | None:
        """See `Dependencies.prometheus`."""
        where = url or self.settings.prometheus_url
        try:
            probe: PrometheusProbe | None = _load("prometheus")(where, self.settings) if where else None
        except BadConfig as error:
            return PrometheusProbe(where, reachable=None, error=text_of_error(error))
        return probe

    def samples(self, url: str) -> Samples:
        """See `Dependencies.samples`."""
        source: Samples = _load("samples")(url, self.settings)
        return source

    def ledger(self, endpoints: Endpoints) -> OpenLedger:
        """See `Dependencies.ledger`."""
        connect = resolve_name("lab.rpc.channels:connector")
        ledger: OpenLedger = _load("ledger")(endpoints.query, connect=connect(endpoints.access))
        return ledger


def _load(part: Part) -> Any:  # noqa: ANN401  each has a type of its own
    return resolve_name(PROBES[part])
