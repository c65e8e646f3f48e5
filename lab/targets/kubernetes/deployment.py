"""A stack that runs on a cluster: where it is, how it is, what it wrote."""

import http.client
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from lab.errors import LabError
from lab.model import NANOS, Death, Endpoints, NodeClock, ServiceStatus, StoreFacts
from lab.rpc import service_status
from lab.rpc.channels import connector
from lab.systems.services import SERVICES
from lab.targets.follow import followed_pods
from lab.targets.kubernetes.client.cluster import Cluster
from lab.targets.kubernetes.clocks import clocks_of
from lab.targets.kubernetes.faults import PodFaults
from lab.targets.kubernetes.nodes import node_facts
from lab.targets.kubernetes.objects import NAME_LABEL
from lab.targets.kubernetes.reaching.pod_logs import PodLogs
from lab.targets.kubernetes.reaching.reach import GRPC_PORT, Reach
from lab.targets.kubernetes.rollout.gate import Gate
from lab.targets.kubernetes.rollout.missing import missing_parts
from lab.targets.kubernetes.rollout.rows import PodView, Row

METRICS: Final = "deployment/prometheus"
METRICS_PORT: Final = 9090
COLLECTOR: Final = "otel-collector"
COLLECTOR_PORT: Final = 8888
"""Of its own metrics; only the collector's own pod can reach it, and whoever may forward ports."""
PAGE_S: Final = 5.0
KILLED_FROM: Final = 128
"""A container ended by signal n has this plus n as its exit code."""


class ClusterDeployment:
    """What `lab.targets.port.Deployment` promises, through ports of nodes where they lead here, else port-forwards.

    Args:
        cluster: Where it runs.
        gate: Looks at its Deployments.
        kubectl_options: Choose cluster, user and namespace for kubectl.
        outside: URLs of store and metrics server, and how calls are secured.
        has_metrics: Whether the metrics server is in the cluster, too, where its URL leads to it.
    """

    def __init__(
        self,
        cluster: Cluster,
        gate: Gate,
        kubectl_options: Sequence[str],
        *,
        outside: Endpoints,
        has_metrics: bool = False,
    ) -> None:
        self.cluster, self._gate, self._outside, self._has_metrics = cluster, gate, outside, has_metrics
        self._connect = connector(outside.access)
        self._faults = PodFaults(cluster, gate.selector, kubectl_options)
        self._folder = tempfile.TemporaryDirectory(prefix="lab-forward-")
        self._reach = Reach(cluster, gate.selector, kubectl_options, Path(self._folder.name))
        self._logs = PodLogs(cluster)
        self._latest: Sequence[ServiceStatus] = ()
        self._clocks: Sequence[NodeClock] = ()
        # Whoever only looks forgets it; its ports and files then go with it.
        self._let_go = weakref.finalize(self, _let_go, self._reach, self._folder)

    @property
    def outside(self) -> Endpoints:
        """URLs of store and metrics server as the lab sees them; the one in the cluster, where it can be reached."""
        address = self._reach.port(METRICS, METRICS_PORT) if self._has_metrics else ""
        return replace(self._outside, prometheus_url=f"http://{address}") if address else self._outside

    @property
    def endpoints(self) -> Endpoints:
        """Where everything is; services at ports of nodes, or through addresses on loopback that stay the same."""
        return self._located(insist=True)

    @property
    def within_reach(self) -> Endpoints:
        """As `endpoints`, with nothing for a service none of whose pods can be reached."""
        return self._located(insist=False)

    def _located(self, *, insist: bool) -> Endpoints:
        ingest, worker, query, simulator = self._reach.services(SERVICES, insist=insist)
        inside = f"ingest-api.{self.cluster.namespace}.svc:{GRPC_PORT}"
        return replace(
            self.outside,
            ingest=ingest,
            worker=worker,
            query=query,
            simulator=simulator,
            ingest_for_simulator=inside,
        )

    @property
    def metrics_command(self) -> str:
        """What reaches the metrics server in the cluster; nothing where it is outside, at its own URL."""
        return self._reach.command(METRICS, METRICS_PORT) if self._has_metrics else ""

    def address_of(self, service: str) -> str:
        """Where one service is; Unavailable where none of its pods can be reached."""
        return self._reach.services([service], insist=True)[0]

    @property
    def store(self) -> StoreFacts:
        """The store behind it, by the word of the services that use it, when they were last asked for their status."""
        said = {status.durability for status in self._latest or self.statuses() if status.durability}
        return StoreFacts("redis", "", said.pop() if len(said) == 1 else "unknown")

    def wait(self) -> tuple[Row, ...]:
        """Its Deployments, once all of them are rolled out; Unavailable where one cannot be, or is not in time."""
        return self._gate.wait()

    def show(self, rows: Sequence[Row], said: Mapping[str, str]) -> None:
        """Let whoever watches it see its Deployments with what the process in each pod says (see `machines`)."""
        self._gate.show(rows, said)

    def rows(self) -> tuple[Row, ...]:
        """Its Deployments and their pods now."""
        return self._gate.look()

    def statuses(self) -> Sequence[ServiceStatus]:
        """What the process in every pod says of itself now; the name is the service's, the detail names the pod."""
        return self._said_in(self.rows())

    def everybody(self) -> Sequence[ServiceStatus]:
        """As `statuses`, and every part of the stack that does not run, in one look."""
        rows = self.rows()
        return [*self._said_in(rows), *missing_parts(rows)]

    def _said_in(self, rows: Sequence[Row]) -> Sequence[ServiceStatus]:
        self._latest = [
            replace(
                status,
                name=pod.service,
                node=pod.node,
                detail="; ".join(filter(None, (f"pod {pod.name} on {pod.node}", status.detail))),
            )
            for pod, status in self._asked_in(rows)
        ]
        return self._latest

    def processes(self) -> Sequence[tuple[PodView, ServiceStatus]]:
        """Every pod of a service that is ready, and what the process in it says of itself now."""
        return self._asked_in(self.rows())

    def _asked_in(self, rows: Sequence[Row]) -> Sequence[tuple[PodView, ServiceStatus]]:
        reached = self._reached_pods(rows)
        statuses = service_status.statuses_of({pod.name: address for pod, address in reached}, self._connect)
        return [(pod, status) for (pod, _), status in zip(reached, statuses, strict=True)]

    def collector_page(self) -> str:
        """What the collector counts of itself, as a Prometheus would read it; empty where it does not say."""
        what = [f"pod/{pod.name}" for row in self.rows() if row.service == COLLECTOR for pod in row.pods if pod.ready]
        if not what:
            return ""
        try:
            with (
                self._reach.once(what[0], COLLECTOR_PORT) as address,
                closing(http.client.HTTPConnection(address, timeout=PAGE_S)) as connection,
            ):
                connection.request("GET", "/metrics")
                return connection.getresponse().read().decode()
        except (LabError, OSError, http.client.HTTPException):
            return ""

    def deaths(self) -> Sequence[Death]:
        """The last end of every container that did not end with its pod, by the cluster's word."""
        pods = self.cluster.list("v1", "Pod", selector=self._gate.selector)
        return [
            _death(pod, self._logs.ended_instance(pod["metadata"]["name"]), ended)
            for pod in pods
            for status in pod.get("status", {}).get("containerStatuses", ())
            if (ended := status.get("lastState", {}).get("terminated"))
        ]

    def facts(self) -> Mapping[str, object]:
        """Images by digest, and the nodes they run on."""
        images = {row.deployment: row.pods[0].image for row in self.rows() if row.pods}
        nodes = node_facts(self.cluster.list("v1", "Node"), self.statuses(), self.clocks())
        return {"images": images, "nodes": {name: asdict(one) for name, one in nodes.items()}}

    def clocks(self) -> Sequence[NodeClock]:
        """The clock of every node that a service runs on; asked once, so that what is shown is what is judged."""
        if not self._clocks:
            # One pod of each node is asked.
            addresses = {pod.node: address for pod, address in self._reached_pods(self.rows())}
            self._clocks = clocks_of(addresses, self._connect)
        return self._clocks

    def kill(self, service: str, architecture: str = "") -> int:
        """See `lab.targets.kubernetes.faults`; needs the Role `lab-faults`, and so does `paused`."""
        return self._faults.kill(service, architecture)

    def paused(self, service: str, architecture: str = "") -> AbstractContextManager[None]:
        """See `lab.targets.kubernetes.faults`."""
        return self._faults.paused(service, architecture)

    def delete_pod(self, service: str, architecture: str = "") -> int:
        """See `lab.targets.kubernetes.faults`."""
        return self._faults.delete_pod(service, architecture)

    def scaled(self, service: str, architecture: str, *, replicas: int) -> AbstractContextManager[None]:
        """See `lab.targets.kubernetes.faults`."""
        return self._faults.scaled(service, architecture, replicas=replicas)

    def log_files(self) -> Mapping[str, Path]:
        """Pod → its log as it is now, in files that go with this object; containers that ended before as well.

        What runs before the service has a log of its own: `<pod>.bootstrap`.
        """
        files = {}
        for pod in [pod for row in self.rows() for pod in row.pods]:
            first = [(f"{pod.name}.{one.name}", one.name, one.restarts) for one in pod.first]
            for name, container, restarts in [(pod.name, "", pod.restarts), *first]:
                with suppress(LabError):
                    text = self._logs.whole(pod.name, container, restarted=restarts > 0)
                    files[name] = Path(self._folder.name) / f"{name}.log"
                    files[name].write_text(text, encoding="utf-8")
        return files

    def programs(self) -> Sequence[str]:
        """Its pods by name, whether they run or not."""
        return [pod.name for row in self.rows() for pod in row.pods]

    def last_lines(self, name: str, lines: int) -> Sequence[str]:
        """The last lines of a pod, those of its container before included; Forbidden where logs may not be read.

        Where that never printed anything, those of what has to run before it.
        """
        return self._logs.last_lines(name, lines)

    def follow(self, names: Sequence[str], lines: int) -> Iterator[str]:
        """The last lines of each of these pods, then what they print; of several, each behind the pod's name."""
        return followed_pods(self._logs.since, names, lines)

    def span_files(self) -> Sequence[Path]:
        """None: spans go to the collector."""
        return ()

    def close(self) -> None:
        """Let go of every port."""
        self._let_go()

    def _reached_pods(self, rows: Sequence[Row]) -> Sequence[tuple[PodView, str]]:
        """Every pod of a service that is ready, and its address on loopback; empty where it cannot be reached."""
        pods = [pod for row in rows if row.service in SERVICES for pod in row.pods if pod.ready]
        return list(zip(pods, self._reach.pods([pod.name for pod in pods]), strict=True))


def _let_go(reach: Reach, folder: "tempfile.TemporaryDirectory[str]") -> None:
    reach.close()
    folder.cleanup()


def _death(pod: Mapping[str, Any], instance_id: str, ended: Mapping[str, Any]) -> Death:
    code, finished = int(ended.get("exitCode", 0)), datetime.fromisoformat(ended["finishedAt"])
    signal = code - KILLED_FROM if code > KILLED_FROM else 0
    service = pod["metadata"]["labels"].get(NAME_LABEL, "")
    return Death(service, instance_id, round(finished.timestamp() * NANOS), signal, 0 if signal else code)
