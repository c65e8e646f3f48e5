"""A stack on a cluster: its rollout, its addresses, its processes, its logs."""

import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

from lab.model import Death, Endpoints, NodeClock, ProcessIdentity, ServiceStatus, StoreFacts
from lab.rpc.channels import connector
from lab.snapshots.kubernetes import Node, Pod
from lab.targets.follow import followed_pods
from lab.targets.kubernetes.applying.roll_out import roll_out
from lab.targets.kubernetes.breaking.faults import PodFaults
from lab.targets.kubernetes.client.kubectl import Kubectl
from lab.targets.kubernetes.client.port import ClusterClient
from lab.targets.kubernetes.kinds import NODE, POD
from lab.targets.kubernetes.nodes import node_facts
from lab.targets.kubernetes.objects import KubeObject
from lab.targets.kubernetes.reaching.addresses import Addresses, Servers
from lab.targets.kubernetes.reaching.collector_page import collector_page
from lab.targets.kubernetes.reaching.forwarding import Forward
from lab.targets.kubernetes.reaching.pod_logs import PodLogs
from lab.targets.kubernetes.reaching.pod_processes import Answers, PodProcesses, await_answers, status_in_pod
from lab.targets.kubernetes.reaching.reach import Opener, Reach
from lab.targets.kubernetes.rendering.from_settings import STACK
from lab.targets.kubernetes.rollout.deaths import deaths_in
from lab.targets.kubernetes.rollout.gate import Gate
from lab.targets.kubernetes.rollout.identities import identities_in
from lab.targets.kubernetes.rollout.missing import missing_parts
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
        opener: Opens ports that lead to the cluster.
    """

    def __init__(
        self,
        cluster: ClusterClient,
        gate: Gate,
        kubectl: Kubectl,
        *,
        servers: Servers,
        folder: Path,
        opener: Opener = Forward,
    ) -> None:
        self.cluster, self.folder = cluster, folder
        self._gate, self._servers = gate, servers
        connect = connector(servers.endpoints.access)
        self._faults = PodFaults(cluster, gate.selector, kubectl)
        self._scratch = tempfile.TemporaryDirectory(prefix="lab-forward-")
        self._reach = Reach(cluster, gate.selector, kubectl, Path(self._scratch.name), opener=opener)
        self._addresses = Addresses(self._reach, servers, cluster.namespace)
        self._processes = PodProcesses(self._reach, connect)
        self._logs = PodLogs(cluster)
        self._wanted: Sequence[KubeObject] | None = None
        self._force = False
        self._latest: Sequence[ServiceStatus] = ()
        self._clocks: Sequence[NodeClock] = ()
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
        """Return the identity of every process, except those in terminating pods.

        Raises:
            Unavailable: A process that is ready does not answer.
        """
        statuses = {pod.name: status for pod, status in await_answers(self.processes)}
        rows = self.rows()
        self._gate.show(rows, {name: status.host_architecture for name, status in statuses.items()})
        return list(identities_in(rows, statuses, list(map(Node, self.cluster.list(NODE)))))

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
        """The store, as the services last reported it."""
        reported = {status.durability for status in self._latest or self.statuses() if status.durability}
        return StoreFacts("redis", "", reported.pop() if len(reported) == 1 else "unknown")

    def rows(self) -> tuple[Row, ...]:
        """Return the stack's Deployments and their pods now."""
        return self._gate.poll()

    def processes(self) -> Answers:
        """Return every pod of a service that is ready, with what its process reports now."""
        return self._processes.answers(self.rows())

    def statuses(self) -> Sequence[ServiceStatus]:
        """Return the status that the process in every pod reports; its detail names the pod."""
        return self._statuses_in(self.rows())

    def everybody(self) -> Sequence[ServiceStatus]:
        """Return `statuses` and every part of the stack that does not run, from one poll."""
        rows = self.rows()
        return [*self._statuses_in(rows), *missing_parts(rows)]

    def collector_page(self) -> str:
        """Return the collector's own metrics in Prometheus' text format; empty where no collector is ready.

        Raises:
            Unavailable: A collector is ready, and its metrics cannot be read.
        """
        return collector_page(self._reach, self.rows())

    def deaths(self) -> Sequence[Death]:
        """Return the last end of every container that did not end with its pod, as the cluster reports it."""
        pods = map(Pod, self.cluster.list(POD, selector=self._gate.selector))
        return list(deaths_in(pods, self._logs.ended_instance))

    def facts(self) -> Mapping[str, object]:
        """Return images by digest, and the nodes they run on."""
        images = {row.deployment: row.pods[0].image for row in self.rows() if row.pods}
        nodes = node_facts(self.cluster.list(NODE), self.statuses(), self.clocks())
        return {"images": images, "nodes": {name: asdict(node) for name, node in nodes.items()}}

    def clocks(self) -> Sequence[NodeClock]:
        """Return the clock of every node that a service runs on; read once, so that record and verdict agree."""
        if not self._clocks:
            self._clocks = self._processes.clocks(self.rows())
        return self._clocks

    def kill(self, service: str, architecture: str = "") -> int:
        """End the process in the service's first ready pod by signal 9; return nanoseconds since the epoch.

        Raises:
            UsageFault: The stack has no such service.
            Unavailable: No pod of the service is ready.
            Forbidden: The user lacks the Role `lab-faults`.
        """
        return self._faults.kill(service, architecture)

    def paused(self, service: str, architecture: str = "") -> AbstractContextManager[None]:
        """Stop the process that `kill` would end, for as long as the context lasts; see `kill` for the errors."""
        return self._faults.paused(service, architecture)

    def delete_pod(self, service: str, architecture: str = "") -> int:
        """Delete the service's first ready pod; return nanoseconds since the epoch. Does not wait for the next pod.

        See `kill` for the errors.
        """
        return self._faults.delete_pod(service, architecture)

    def scaled(self, service: str, architecture: str, *, replicas: int) -> AbstractContextManager[None]:
        """Run another number of pods for as long as the context lasts. Does not wait for pods.

        Raises:
            UsageFault: The stack has no Deployment of this service and architecture.
            Unavailable: The number cannot be changed, or could not be restored.
        """
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
        """Return the last lines of a pod's log, the previous run of its container included.

        Where the service printed nothing, the lines are those of its init containers.

        Raises:
            Forbidden: Logs may not be read.
        """
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

    def _statuses_in(self, rows: Sequence[Row]) -> Sequence[ServiceStatus]:
        self._latest = [status_in_pod(status, pod) for pod, status in self._processes.answers(rows)]
        return self._latest


def _release(reach: Reach, scratch: "tempfile.TemporaryDirectory[str]") -> None:
    reach.close()
    scratch.cleanup()
