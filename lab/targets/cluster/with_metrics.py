"""A stack on a cluster whose metrics server is in the cluster, too."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Final

from lab.model import Endpoints
from lab.targets.cluster.deployment import ClusterDeployment
from lab.targets.cluster.forwarding import Forward

METRICS: Final = "deployment/prometheus"
METRICS_PORT: Final = 9090


class DeploymentWithMetrics(ClusterDeployment):
    """Reaches Prometheus by a port-forward, once somebody asks where it is."""

    @property
    def outside(self) -> Endpoints:
        """As it was given, with Prometheus on loopback, or by its name in the cluster where it cannot be reached."""
        address = self._metrics_address()
        return replace(self._given, prometheus_url=f"http://{address}") if address else self._given

    @outside.setter
    def outside(self, given: Endpoints) -> None:
        self._given = given

    @property
    def metrics_command(self) -> str:
        """What reaches it for as long as it runs; the lab's own port-forward ends with the lab."""
        return shlex.join(["kubectl", *self._options, "port-forward", METRICS, str(METRICS_PORT)])

    def _metrics_address(self) -> str:
        if METRICS not in self._forwards:
            log = Path(self._folder.name) / "prometheus.forward"
            self._forwards[METRICS] = Forward(self._options, METRICS, METRICS_PORT, log=log)
        return self._reached(METRICS)
