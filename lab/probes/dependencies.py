"""Asks what a stack depends on, where the settings say that it is."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.model import Endpoints, StoreLogin
from lab.probes.ports import NewestSamples, OpenLedger
from lab.settings import LabSettings
from lab.snapshots.answers import PrometheusProbe, StoreProbe
from lab.snapshots.images import ImageProbe, RegistryProbe

AskStore = Callable[[str, StoreLogin | None, Path | None], StoreProbe]
"""Called with the store's URL, the login and the file of its CA."""


@dataclass(frozen=True, slots=True)
class ConfiguredDependencies:
    """Satisfies `lab.probes.ports.Dependencies`; the functions need not be loaded before they are called.

    Attributes:
        settings: Where registry, store and metrics server are, and how to sign in to them.
        ask_registry: Asks the registry that the settings name.
        ask_images: Asks registries for images, by their references.
        ask_store: Asks a store.
        ask_prometheus: Asks the metrics server at a URL.
        open_samples: Opens the metrics of a stack.
        open_ledger: Opens the account of a stack, which the caller closes.
    """

    settings: LabSettings
    ask_registry: Callable[[LabSettings], RegistryProbe | None]
    ask_images: Callable[[Iterable[str], LabSettings], Sequence[ImageProbe]]
    ask_store: AskStore
    ask_prometheus: Callable[[str, LabSettings], PrometheusProbe]
    open_samples: Callable[[Endpoints], NewestSamples]
    open_ledger: Callable[[Endpoints], OpenLedger]

    def registry(self) -> RegistryProbe | None:
        """See `Dependencies.registry`."""
        return self.ask_registry(self.settings)

    def images(self, references: Iterable[str]) -> Sequence[ImageProbe]:
        """See `Dependencies.images`."""
        return self.ask_images(references, self.settings)

    def store(self, url: str = "", login: StoreLogin | None = None) -> StoreProbe | None:
        """See `Dependencies.store`."""
        where, file = url or self.settings.redis_url, self.settings.redis_password_file
        configured = StoreLogin(file) if file else None
        return self.ask_store(where, login or configured, self.settings.redis_ca_file) if where else None

    def prometheus(self, url: str = "") -> PrometheusProbe | None:
        """See `Dependencies.prometheus`."""
        where = url or self.settings.prometheus_url
        return self.ask_prometheus(where, self.settings) if where else None

    def samples(self, url: str) -> NewestSamples:
        """See `Dependencies.samples`."""
        return self.open_samples(Endpoints(prometheus_url=url))

    def ledger(self, endpoints: Endpoints) -> OpenLedger:
        """See `Dependencies.ledger`."""
        return self.open_ledger(endpoints)
