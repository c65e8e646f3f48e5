"""What a stack depends on, asked where the settings say that it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lab.errors import BadConfig
from lab.metrics.ledger import QueryLedger
from lab.metrics.prometheus import PrometheusSource, open_prometheus
from lab.model import Endpoints
from lab.probes.metrics_server import probe_prometheus
from lab.probes.registry import probe_images, probe_registry
from lab.probes.rights import missing_rights
from lab.probes.store import probe_store, unasked
from lab.rpc.channels import connector
from lab.settings import LabSettings
from lab.snapshots.probes import Denial, ImageProbe, PrometheusProbe, RegistryProbe, StoreProbe
from lab.targets.kubernetes.client.cluster import Cluster
from lab.targets.kubernetes.client.rights import FAULTS_ROLE
from lab.targets.kubernetes.rendering.render import needed_rights


@dataclass(frozen=True, slots=True)
class ConfiguredOutside:
    """Satisfies `lab.probes.cluster_snapshot.Outside`.

    Attributes:
        settings: Where registry, store and metrics server are, and how they are signed in to.
    """

    settings: LabSettings

    def rights(self, cluster: Cluster) -> Sequence[Denial]:
        """See `Outside.rights`; nothing is wrong where only faults cannot be made."""
        return missing_rights(cluster, (one for one in needed_rights(cluster.namespace) if one.role != FAULTS_ROLE))

    def registry(self) -> RegistryProbe | None:
        """See `Outside.registry`."""
        name = self.settings.registry
        try:
            return probe_registry(self.settings) if name else None
        except BadConfig as error:
            return RegistryProbe(name.partition("/")[0], reachable=None, error=_said(error))

    def images(self, references: Iterable[str]) -> Sequence[ImageProbe]:
        """See `Outside.images`."""
        return probe_images(references, self.settings)

    def store(self) -> StoreProbe | None:
        """See `Outside.store`."""
        settings = self.settings
        if not settings.redis_url:
            return None
        how = (settings.redis_url, settings.redis_password_file, settings.redis_ca_file)
        try:
            return probe_store(*how)
        except BadConfig as error:
            return replace(unasked(*how), error=_said(error))

    def prometheus(self) -> PrometheusProbe | None:
        """See `Outside.prometheus`."""
        settings = self.settings
        if not settings.prometheus_url:
            return None
        url, file, ca_file = (
            settings.prometheus_url,
            settings.prometheus_authorization_file,
            settings.prometheus_ca_file,
        )
        try:
            return probe_prometheus(url, authorization_file=file, ca_file=ca_file)
        except BadConfig as error:
            return PrometheusProbe(url, reachable=None, error=_said(error))

    def samples(self, endpoints: Endpoints) -> PrometheusSource:
        """See `Outside.samples`."""
        return open_prometheus(endpoints.prometheus_url, self.settings)

    def ledger(self, endpoints: Endpoints) -> QueryLedger:
        """See `Outside.ledger`."""
        return QueryLedger(endpoints.query, connect=connector(endpoints.access))


def _said(error: BadConfig) -> str:
    return f"{error.attempted}: {error.found}" if error.found else error.attempted
