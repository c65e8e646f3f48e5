"""A stack that runs on a cluster: where it is, how it is, what it wrote."""

import http.client
import json
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from lab.channels import connector
from lab.errors import LabError, Unavailable
from lab.model import NANOS, SERVICES, Death, Endpoints, NodeClock, ServiceStatus, StoreFacts
from lab.targets import calls
from lab.targets.cluster.absences import absences
from lab.targets.cluster.api import Cluster
from lab.targets.cluster.clocks import clocks_of
from lab.targets.cluster.faults import PodFaults
from lab.targets.cluster.forwarding import Forward
from lab.targets.cluster.gate import Gate
from lab.targets.cluster.node_ports import node_ports, reached
from lab.targets.cluster.nodes import node_facts
from lab.targets.cluster.rollout import First, PodView, Row, pod_view
from lab.targets.follow import followed_pods
from lab.targets.kube import NAME_LABEL

GRPC_PORT: Final = 7000
COLLECTOR: Final = "otel-collector"
COLLECTOR_PORT: Final = 8888
"""Of its own metrics; only the collector's own pod can reach it, and whoever may forward ports."""
PAGE_S: Final = 5.0
LOG_LINES: Final = 20_000
LAST_LINES: Final = 20
KILLED_FROM: Final = 128
"""A container ended by signal n has this plus n as its exit code."""


class ClusterDeployment:
    """What `lab.targets.port.Deployment` promises, through ports of nodes where they lead here, else port-forwards.

    Args:
        cluster: Where it runs.
        gate: Looks at its Deployments.
        kubectl_options: Choose cluster, user and namespace for kubectl.
        outside: URLs of store and metrics server as the lab sees them, and how calls are secured.
    """

    def __init__(self, cluster: Cluster, gate: Gate, kubectl_options: Sequence[str], *, outside: Endpoints) -> None:
        self.cluster, self._gate, self._options, self.outside = cluster, gate, kubectl_options, outside
        self._connect = connector(outside.access)
        self._faults = PodFaults(cluster, gate.selector, kubectl_options)
        self._folder = tempfile.TemporaryDirectory(prefix="lab-forward-")
        self._forwards: dict[str, Forward] = {}
        self._latest: Sequence[ServiceStatus] = ()
        self._clocks: Sequence[NodeClock] = ()
        self._node_ports: Mapping[str, Sequence[str]] | None = None
        # Whoever only looks forgets it; its ports and files then go with it.
        self._let_go = weakref.finalize(self, _let_go, self._forwards, self._folder)

    @property
    def endpoints(self) -> Endpoints:
        """Where everything is; services at ports of nodes, or through addresses on loopback that stay the same."""
        return self._located(insist=True)

    @property
    def within_reach(self) -> Endpoints:
        """As `endpoints`, with nothing for a service none of whose pods can be reached."""
        return self._located(insist=False)

    def _located(self, *, insist: bool) -> Endpoints:
        ingest, worker, query, simulator = self._services(SERVICES, insist=insist)
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
        """Nothing: the metrics server is where `endpoints` says."""
        return ""

    def address_of(self, service: str) -> str:
        """Where one service is; Unavailable where none of its pods can be reached."""
        return self._services([service], insist=True)[0]

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
        return [*self._said_in(rows), *absences(rows)]

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
        statuses = calls.statuses_of({pod.name: address for pod, address in reached}, self._connect)
        return [(pod, status) for (pod, _), status in zip(reached, statuses, strict=True)]

    def collector_page(self) -> str:
        """What the collector counts of itself, as a Prometheus would read it; empty where it does not say."""
        what = [f"pod/{pod.name}" for row in self.rows() if row.service == COLLECTOR for pod in row.pods if pod.ready]
        if not what:
            return ""
        forward = Forward(self._options, what[0], COLLECTOR_PORT, log=Path(self._folder.name) / "collector.forward")
        try:
            with closing(http.client.HTTPConnection(forward.wait(), timeout=PAGE_S)) as connection:
                connection.request("GET", "/metrics")
                return connection.getresponse().read().decode()
        except (LabError, OSError, http.client.HTTPException):
            return ""
        finally:
            forward.close()

    def deaths(self) -> Sequence[Death]:
        """The last end of every container that did not end with its pod, by the cluster's word."""
        pods = self.cluster.list("v1", "Pod", selector=self._gate.selector)
        return [
            _death(pod["metadata"]["labels"].get(NAME_LABEL, ""), self._ended_instance(pod["metadata"]["name"]), ended)
            for pod in pods
            for status in pod.get("status", {}).get("containerStatuses", ())
            if (ended := status.get("lastState", {}).get("terminated"))
        ]

    def facts(self) -> Mapping[str, object]:
        """Images by digest, and the nodes they run on."""
        images = {row.deployment: row.pods[0].image for row in self.rows() if row.pods}
        nodes = node_facts(self.cluster.list("v1", "Node"), self.statuses(), self.clocks())
        return {"images": images, "nodes": nodes}

    def clocks(self) -> Sequence[NodeClock]:
        """The clock of every node that a service runs on; asked once, so that what is shown is what is judged."""
        if not self._clocks:
            # One pod of each node is asked.
            addresses = {pod.node: address for pod, address in self._reached_pods(self.rows())}
            self._clocks = clocks_of(addresses, self._connect)
        return self._clocks

    def kill(self, service: str, architecture: str = "") -> int:
        """See `lab.targets.cluster.faults`; needs the Role `lab-faults`, and so does `paused`."""
        return self._faults.kill(service, architecture)

    def paused(self, service: str, architecture: str = "") -> AbstractContextManager[None]:
        """See `lab.targets.cluster.faults`."""
        return self._faults.paused(service, architecture)

    def delete_pod(self, service: str, architecture: str = "") -> int:
        """See `lab.targets.cluster.faults`."""
        return self._faults.delete_pod(service, architecture)

    def scaled(self, service: str, architecture: str, *, replicas: int) -> AbstractContextManager[None]:
        """See `lab.targets.cluster.faults`."""
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
                    text = self._whole_log(pod.name, container, restarted=restarts > 0)
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
        if said := self._last_lines(name, "", lines):
            return said
        return [line for one in self._first_in(name) for line in self._last_lines(name, one.name, lines)][-lines:]

    def follow(self, names: Sequence[str], lines: int) -> Iterator[str]:
        """The last lines of each of these pods, then what they print; of several, each behind the pod's name."""
        return followed_pods(self._log_since, names, lines)

    def span_files(self) -> Sequence[Path]:
        """None: spans go to the collector."""
        return ()

    def close(self) -> None:
        """Let go of every port."""
        self._let_go()

    def _whole_log(self, pod: str, container: str, *, restarted: bool) -> str:
        """What a container printed, after what the one before it did, if that can still be read."""
        now, before = self.cluster.log(pod, container, lines=LOG_LINES), ""
        with suppress(LabError):
            before = self.cluster.log(pod, container, lines=LOG_LINES, previous=True) if restarted else ""
        return _joined(before, now)

    def _log_since(self, pod: str, since: str, lines: int) -> str:
        """As `Cluster.log_since`; until its service prints something, what has to run before it does."""
        if said := self.cluster.log_since(pod, since, lines):
            return said
        return "".join(self.cluster.log_since(pod, since, lines, container=one.name) for one in self._first_in(pod))

    def _first_in(self, pod: str) -> Sequence[First]:
        found = self.cluster.find("v1", "Pod", pod)
        return pod_view(found).first if found else ()

    def _last_lines(self, pod: str, container: str, lines: int) -> Sequence[str]:
        now = self.cluster.log(pod, container, lines=lines)
        enough = len(now.splitlines()) >= lines
        before = "" if enough else self.cluster.log(pod, container, lines=lines, previous=True)
        return _joined(before, now).splitlines()[-lines:]

    def _ended_instance(self, pod: str) -> str:
        """Instance of the process that ran in a pod's container before; empty where its log is gone."""
        with suppress(LabError):
            return instance_in(self.cluster.log(pod, lines=LAST_LINES, previous=True))
        return ""

    def _reached_pods(self, rows: Sequence[Row]) -> Sequence[tuple[PodView, str]]:
        """Every pod of a service that is ready, and its address on loopback; empty where it cannot be reached."""
        pods = [pod for row in rows if row.service in SERVICES for pod in row.pods if pod.ready]
        return list(zip(pods, self._addresses([f"pod/{pod.name}" for pod in pods], insist=False), strict=True))

    def _services(self, names: Sequence[str], *, insist: bool) -> list[str]:
        """Where services are: at a port of a node that can be reached from here, else through a port-forward."""
        if self._node_ports is None:
            self._node_ports = node_ports(self.cluster, self._gate.selector)
        found = {name: reached(self._node_ports.get(name, ())) for name in names}
        forwarded = [name for name in names if not found[name]]
        found |= zip(forwarded, self._addresses([f"service/{name}" for name in forwarded], insist=insist), strict=True)
        return [found[name] for name in names]

    def _addresses(self, what: Sequence[str], *, insist: bool) -> list[str]:
        """Forwarded addresses, started together; those of pods that are gone are let go.

        One that cannot be reached is empty, or an Unavailable for those who insist.
        """
        for name in [name for name in self._forwards if name.startswith("pod/") and name not in what]:
            if any(one.startswith("pod/") for one in what):
                self._forwards.pop(name).close()
        for name in what:
            if name not in self._forwards:
                log = Path(self._folder.name) / f"{name.replace('/', '-')}.forward"
                self._forwards[name] = Forward(self._options, name, GRPC_PORT, log=log)
        return [self._reached(name, insist=insist) for name in what]

    def _reached(self, name: str, *, insist: bool = False) -> str:
        try:
            return self._forwards[name].wait()
        except Unavailable:
            self._forwards.pop(name).close()
            if insist:
                raise
            return ""


def _let_go(forwards: Mapping[str, Forward], folder: "tempfile.TemporaryDirectory[str]") -> None:
    for forward in forwards.values():
        forward.close()
    folder.cleanup()


def _joined(before: str, now: str) -> str:
    """The logs of two containers, one after the other; of one that waits to be started again, both are the last one's.

    >>> _joined("crash", "again").splitlines(), _joined("crash", "crash").splitlines()
    (['crash', 'again'], ['crash'])
    """
    if before == now:
        return now
    return before + ("\n" if before and not before.endswith("\n") else "") + now


def instance_in(log: str) -> str:
    """The instance that the last line of a service's log names; empty where none does.

    >>> instance_in('{"message": "serving on 0.0.0.0:7000", "instance": "90f1"}')
    '90f1'
    """
    for line in reversed(log.splitlines()):
        with suppress(ValueError, TypeError, KeyError):
            return str(json.loads(line)["instance"])
    return ""


def _death(service: str, instance_id: str, ended: Mapping[str, Any]) -> Death:
    code, finished = int(ended.get("exitCode", 0)), datetime.fromisoformat(ended["finishedAt"])
    signal = code - KILLED_FROM if code > KILLED_FROM else 0
    return Death(service, instance_id, round(finished.timestamp() * NANOS), signal, 0 if signal else code)
