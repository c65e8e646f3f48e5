"""Gives the addresses of a stack as the lab reaches them."""

from dataclasses import dataclass, replace
from typing import Final

from lab.model import Endpoints
from lab.systems.services import SERVICES
from lab.targets.kubernetes.reaching.reach import GRPC_PORT, Reach
from lab.targets.kubernetes.reaching.servers import Servers

METRICS: Final = "deployment/prometheus"
METRICS_PORT: Final = 9090


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of services, store and metrics server.

    Attributes:
        reach: Opens ports that lead to the cluster.
        known: Store and metrics server, as the settings name them.
        namespace: Namespace of the stack.
    """

    reach: Reach
    known: Servers
    namespace: str

    def servers(self) -> Endpoints:
        """Return the URLs of store and metrics server; those inside the cluster lead through a port-forward."""
        address = self.reach.port(METRICS, METRICS_PORT) if self.known.metrics_inside else ""
        known = self.known.endpoints
        return replace(known, prometheus_url=f"http://{address}") if address else known

    def endpoints(self, *, insist: bool) -> Endpoints:
        """Return the addresses of everything; empty for a service that is not reached.

        Raises:
            Unavailable: A service is not reached, and the caller insists.
        """
        ingest, worker, query, simulator = self.reach.services(SERVICES, insist=insist)
        return replace(
            self.servers(),
            ingest=ingest,
            worker=worker,
            query=query,
            simulator=simulator,
            ingest_for_simulator=f"ingest-api.{self.namespace}.svc:{GRPC_PORT}",
        )

    def metrics_command(self) -> str:
        """Return the port-forward to a metrics server in the cluster; empty where the server is outside."""
        return self.reach.forward_command(METRICS, METRICS_PORT) if self.known.metrics_inside else ""
