"""What a stack depends on outside of it, in memory."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lab.errors import Unavailable
from lab.model import Endpoints, StoreLogin
from lab.probes.ports import OpenLedger
from lab.snapshots.answers import PrometheusProbe, StoreProbe
from lab.snapshots.images import ImageProbe, RegistryProbe
from tests.fakes.ledger import FakeLedger


@dataclass(frozen=True, slots=True)
class FakeSamples:
    """The samples of a metrics server; satisfies `lab.probes.ports.NewestSamples`.

    Attributes:
        answer: Returns the newest sample of any metric of each process, or raises.
    """

    answer: Callable[[], dict[str, float]] = dict

    def newest(self, name: str) -> dict[str, float]:
        """See `NewestSamples.newest`."""
        return self.answer()


@dataclass(frozen=True, slots=True)
class FakeDependencies:
    """Servers that answer where they are listed, and no others; satisfies `lab.probes.ports.Dependencies`.

    Attributes:
        configured_registry: The registry that the settings name.
        held: Images that registries hold.
        stores: URL → store that answers there; the empty URL stands for the settings'.
        metrics_servers: URL → metrics server that answers there; the empty URL stands for the settings'.
        answer: Returns the newest samples of every metrics server.
        accounts: Address of a query-api → the ledger behind it.
    """

    configured_registry: RegistryProbe | None = None
    held: Mapping[str, ImageProbe] = field(default_factory=dict)
    stores: Mapping[str, StoreProbe] = field(default_factory=dict)
    metrics_servers: Mapping[str, PrometheusProbe] = field(default_factory=dict)
    answer: Callable[[], dict[str, float]] = dict
    accounts: Mapping[str, FakeLedger] = field(default_factory=dict)

    def registry(self) -> RegistryProbe | None:
        """See `Dependencies.registry`."""
        return self.configured_registry

    def images(self, references: Iterable[str]) -> Sequence[ImageProbe]:
        """See `Dependencies.images`; the registry of any other image does not answer."""
        return [self.held.get(reference, ImageProbe(reference, error="Connection refused")) for reference in references]

    def store(self, url: str = "", login: StoreLogin | None = None) -> StoreProbe | None:
        """See `Dependencies.store`."""
        away = StoreProbe(url.partition("//")[2].partition("/")[0], reachable=False, error="Connection refused")
        return self.stores.get(url, away if url else None)

    def prometheus(self, url: str = "") -> PrometheusProbe | None:
        """See `Dependencies.prometheus`."""
        away = PrometheusProbe(url, reachable=False, error="Connection refused")
        return self.metrics_servers.get(url, away if url else None)

    def samples(self, url: str) -> FakeSamples:
        """See `Dependencies.samples`; every server has the same samples."""
        return FakeSamples(self.answer)

    def ledger(self, endpoints: Endpoints) -> OpenLedger:
        """See `Dependencies.ledger`; a query-api that is not listed does not answer."""
        return self.accounts.get(endpoints.query, FakeLedger(absent_views=1_000))


def nobody(words: str) -> Callable[[], dict[str, float]]:
    """Return an answer that does not come."""

    def answer() -> dict[str, float]:
        raise Unavailable("no data", found=words)

    return answer
