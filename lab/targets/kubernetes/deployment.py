"""Offers a stack on a cluster to callers that do not know clusters."""

import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from lab.model import Death, Endpoints, NodeClock, ProcessIdentity, ServiceStatus, StoreFacts
from lab.rpc.channels import connector
from lab.targets.follow import followed_pods
from lab.targets.kubernetes.applying.roll_out import roll_out
from lab.targets.kubernetes.breaking.faults import PodFaults
from lab.targets.kubernetes.client.kubectl import Kubectl
from lab.targets.kubernetes.client.port import ClusterClient
from lab.targets.kubernetes.objects import KubeObject
from lab.targets.kubernetes.reaching.addresses import Addresses
from lab.targets.kubernetes.reaching.collector_page import collector_page
from lab.targets.kubernetes.reaching.forwarding import Forward
from lab.targets.kubernetes.reaching.pod_logs import PodLogs
from lab.targets.kubernetes.reaching.pod_processes import Answers, PodProcesses
from lab.targets.kubernetes.reaching.reach import OpenPort, Reach
from lab.targets.kubernetes.reaching.servers import Servers
from lab.targets.kubernetes.rendering.from_settings import STACK
from lab.targets.kubernetes.reports import StackReports
from lab.targets.kubernetes.rollout.gate import Gate
from lab.targets.kubernetes.rollout.rows import Row


class ClusterDeployment:
    """Satisfies `lab.targets.port.KeptStack` and `lab.faults.kinds.Placed`.

    Services are reached through ports of nodes where this machine reaches them, else through port-forwards.

    Args:
        cluster: Where the stack runs.
        gate: Polls the stack's Deployments.
        kubectl: Commands for the namespace of the stack.
        servers: Store and metrics server.
        folder: Where the stack's credentials are kept.
        open_port: Opens ports that lead to the cluster.
    """

    def __init__(
        self,
        cluster: ClusterClient,
        gate: Gate,
        kubectl: Kubectl,
        *,
        servers: Servers,
        folder: Path,
        open_port: OpenPort = Forward,
    ) -> None:
        self.cluster, self.folder = cluster, folder
        self._gate, self._servers = gate, servers
        self._faults = PodFaults(cluster, gate.selector, kubectl)
        self._scratch = tempfile.TemporaryDirectory(prefix="lab-forward-")
        self._reach = Reach(cluster, gate.selector, kubectl, Path(self._scratch.name), open_port=open_port)
        self._addresses = Addresses(self._reach, servers, cluster.namespace)
        self._logs = PodLogs(cluster)
        processes = PodProcesses(self._reach, connector(servers.endpoints.access))
        self._reports = StackReports(cluster, gate, processes, self._logs)
        self._wanted: Sequence[KubeObject] | None = None
        self._force = False
        # A caller that only reads does not close the deployment; ports and files then end with the object.
        self._release = weakref.finalize(self, _release, self._reach, self._scratch)

    def prepare(self, wanted: Sequence[KubeObject], *, force: bool) -> None:
        """Remember the objects that `bring_up` applies, and whether to take over fields of other managers."""
        self._wanted, self._force = wanted, force

    def bring_up(self) -> None:
        """Apply the objects, wait until every Deployment is rolled out, remove objects that are no longer wanted.

        Without prepared objects, nothing is applied or removed.

        Raises:
            LabError: The API server refuses an object.
            Unavailable: A Deployment does not roll out, or not in time.
        """
        if self._wanted is None:
            self._gate.wait()
        else:
            roll_out(self.cluster, self._gate, self._wanted, stack=STACK, force=self._force)

    def identities(self) -> Sequence[ProcessIdentity]:
        """See `StackReports.identities`."""
        return self._reports.identities()

    @property
    def metrics_hint(self) -> str:
        """A possible cause of a missing metric, which depends on who scrapes the collector; empty without a hint."""
        return self._servers.metrics_hint

    @property
    def servers(self) -> Endpoints:
        """URLs of store and metrics server as the lab reaches them; inside the cluster, through a port-forward."""
        return self._addresses.servers()

    @property
    def endpoints(self) -> Endpoints:
        """Addresses of everything; services at ports of nodes, or at addresses on loopback that stay the same."""
        return self._addresses.endpoints(insist=True)

    @property
    def within_reach(self) -> Endpoints:
        """As `endpoints`; empty for a service without a reachable pod."""
        return self._addresses.endpoints(insist=False)

    @property
    def metrics_command(self) -> str:
        """The port-forward to a metrics server in the cluster; empty where the server is outside, at its own URL."""
        return self._addresses.metrics_command()

    def address_of(self, service: str) -> str:
        """Return the address of one service.

        Raises:
            Unavailable: No pod of the service can be reached.
        """
        return self._reach.services([service], insist=True)[0]

    @property
    def store(self) -> StoreFacts:
        """See `StackReports.store`."""
        return self._reports.store()

    def rows(self) -> tuple[Row, ...]:
        """See `StackReports.rows`."""
        return self._reports.rows()

    def processes(self) -> Answers:
        """See `StackReports.processes`."""
        return self._reports.processes()

    def statuses(self) -> Sequence[ServiceStatus]:
        """See `StackReports.statuses`."""
        return self._reports.statuses()

    def everybody(self) -> Sequence[ServiceStatus]:
        """See `StackReports.everybody`."""
        return self._reports.everybody()

    def collector_page(self) -> str:
        """Return the collector's own metrics in Prometheus' text format; empty where no collector is ready.

        Raises:
            Unavailable: A collector is ready, and its metrics cannot be read.
        """
        return collector_page(self._reach, self.rows())

    def deaths(self) -> Sequence[Death]:
        """See `StackReports.deaths`."""
        return self._reports.deaths()

    def facts(self) -> Mapping[str, object]:
        """See `StackReports.facts`."""
        return self._reports.facts()

    def clocks(self) -> Sequence[NodeClock]:
        """See `StackReports.clocks`."""
        return self._reports.clocks()

    def kill(self, service: str, architecture: str = "") -> int:
        """See `PodFaults.kill`."""
        return self._faults.kill(service, architecture)

    def paused(self, service: str, architecture: str = "") -> AbstractContextManager[None]:
        """See `PodFaults.paused`."""
        return self._faults.paused(service, architecture)

    def delete_pod(self, service: str, architecture: str = "") -> int:
        """See `PodFaults.delete_pod`."""
        return self._faults.delete_pod(service, architecture)

    def scaled(self, service: str, architecture: str, *, replicas: int) -> AbstractContextManager[None]:
        """See `PodFaults.scaled`."""
        return self._faults.scaled(service, architecture, replicas=replicas)

    def log_files(self) -> Mapping[str, Path]:
        """Return pod → its log now, previous runs of its container included.

        The files are removed with this object. An init container has a log of its own: `<pod>.bootstrap`.
        """
        return self._logs.write_all([pod for row in self.rows() for pod in row.pods], Path(self._scratch.name))

    def programs(self) -> Sequence[str]:
        """Return the names of the stack's pods, whether they run or not."""
        return [pod.name for row in self.rows() for pod in row.pods]

    def last_lines(self, name: str, lines: int) -> Sequence[str]:
        """See `PodLogs.last_lines`."""
        return self._logs.last_lines(name, lines)

    def follow(self, names: Sequence[str], lines: int) -> Iterator[str]:
        """Yield the last lines of some pods, then every new line; with several pods, each after its pod's name."""
        return followed_pods(self._logs.since, names, lines)

    def span_files(self) -> Sequence[Path]:
        """Return nothing: spans go to the collector."""
        return ()

    def close(self) -> None:
        """Close every port, and remove the files."""
        self._release()


def _release(reach: Reach, scratch: "tempfile.TemporaryDirectory[str]") -> None:
    reach.close()
    scratch.cleanup()
