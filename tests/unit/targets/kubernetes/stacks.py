"""A stack on a cluster in memory, whose pods are at an address and whose services are not reached."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from lab.model import Access, Endpoints
from lab.systems.services import SERVICES
from lab.targets.kubernetes.client.kubectl import Kubectl
from lab.targets.kubernetes.client.port import ClusterClient
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.reaching.servers import Servers
from lab.targets.kubernetes.rollout.gate import Gate
from tests.fakes.forwards import FakeForwards

NOBODY: Final = "127.0.0.1:1"
"""An address at which nobody listens."""
OUTSIDE: Final = Endpoints(redis_url="redis://h:6379/0", prometheus_url="http://h:9090", access=Access())


COMMANDS: Final = Kubectl("testbed", "my cluster")


@contextmanager
def stack(
    cluster: ClusterClient, *, has_metrics: bool = False, pods_at: str = NOBODY, kubectl: Kubectl = COMMANDS
) -> Iterator[ClusterDeployment]:
    """Yield the stack on that cluster.

    Args:
        cluster: Where the stack runs.
        has_metrics: Whether the metrics server runs inside.
        pods_at: Address of every pod, and of the metrics server.
        kubectl: Commands for the namespace of the stack.
    """
    forwards = FakeForwards(address=pods_at)
    forwards.gone = {f"service/{name}" for name in SERVICES}
    gate = Gate(cluster, "", lambda *_: None, 1.0)
    servers = Servers(OUTSIDE, metrics_inside=has_metrics)
    deployment = ClusterDeployment(cluster, gate, kubectl, servers=servers, folder=Path("stack"), open_port=forwards)
    with closing(deployment):
        yield deployment
