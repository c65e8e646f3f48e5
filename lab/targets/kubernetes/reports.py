"""What a stack on a cluster reports of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from lab.model import Death, NodeClock, ProcessIdentity, ServiceStatus, StoreFacts
from lab.snapshots.kubernetes import Node, Pod
from lab.snapshots.kubernetes.kinds import NODE, POD
from lab.targets.kubernetes.client.port import Lister
from lab.targets.kubernetes.nodes import node_facts
from lab.targets.kubernetes.reaching.pod_logs import PodLogs
from lab.targets.kubernetes.reaching.pod_processes import Answers, PodProcesses, await_answers, status_in_pod
from lab.targets.kubernetes.rollout.deaths import deaths_in
from lab.targets.kubernetes.rollout.gate import Gate
from lab.targets.kubernetes.rollout.identities import identities_in
from lab.targets.kubernetes.rollout.missing import missing_parts
from lab.targets.kubernetes.rollout.rows import Row


@dataclass(slots=True)
class StackReports:
    """Joins what the cluster tells of a stack with what the processes of the stack tell of themselves.

    Every method raises Forbidden where the user may not list objects, and Unavailable where no API server answers.

    Attributes:
        cluster: Where the stack runs.
        gate: Polls the stack's Deployments.
        pods: Asks the processes in pods.
        logs: Reads the logs of pods.
    """

    cluster: Lister
    gate: Gate
    pods: PodProcesses
    logs: PodLogs
    _latest: Sequence[ServiceStatus] = ()
    _clocks: Sequence[NodeClock] = ()

    def rows(self) -> tuple[Row, ...]:
        """Return the stack's Deployments and their pods now."""
        return self.gate.poll()

    def processes(self) -> Answers:
        """Return every pod of a service that is ready, with what its process reports now."""
        return self.pods.answers(self.rows())

    def identities(self) -> Sequence[ProcessIdentity]:
        """Return the identity of every process, except those in terminating pods.

        Raises:
            Unavailable: A process that is ready does not answer.
        """
        statuses = {pod.name: status for pod, status in await_answers(self.processes)}
        rows = self.rows()
        self.gate.show(rows, {name: status.host_architecture for name, status in statuses.items()})
        return list(identities_in(rows, statuses, list(map(Node, self.cluster.list(NODE)))))

    def statuses(self) -> Sequence[ServiceStatus]:
        """Return the status that the process in every pod reports; its detail names the pod."""
        return self._statuses_in(self.rows())

    def everybody(self) -> Sequence[ServiceStatus]:
        """Return `statuses` and every part of the stack that does not run, from one poll."""
        rows = self.rows()
        return [*self._statuses_in(rows), *missing_parts(rows)]

    def store(self) -> StoreFacts:
        """Return the store, as the services last reported it; its durability is unknown where they disagree."""
        reported = {status.durability for status in self._latest or self.statuses() if status.durability}
        return StoreFacts("redis", "", reported.pop() if len(reported) == 1 else "unknown")

    def deaths(self) -> Sequence[Death]:
        """Return the last end of every container that did not end with its pod, as the cluster reports it."""
        pods = map(Pod, self.cluster.list(POD, selector=self.gate.selector))
        return list(deaths_in(pods, self.logs.ended_instance))

    def clocks(self) -> Sequence[NodeClock]:
        """Return the clock of every node that a service runs on; read once, so that record and verdict agree."""
        if not self._clocks:
            self._clocks = self.pods.clocks(self.rows())
        return self._clocks

    def facts(self) -> Mapping[str, object]:
        """Return images by digest, and the nodes they run on."""
        images = {row.deployment: row.pods[0].image for row in self.rows() if row.pods}
        nodes = node_facts(self.cluster.list(NODE), self.statuses(), self.clocks())
        return {"images": images, "nodes": {name: asdict(node) for name, node in nodes.items()}}

    def _statuses_in(self, rows: Sequence[Row]) -> Sequence[ServiceStatus]:
        self._latest = [status_in_pod(status, pod) for pod, status in self.pods.answers(rows)]
        return self._latest
