"""A stack that runs on a cluster: where it is, how it is, what it wrote."""

import tempfile
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from lab.channels import connector
from lab.errors import LabError, Unavailable, UsageFault
from lab.model import NANOS, SERVICES, Death, Endpoints, NodeClock, ServiceStatus, StoreFacts
from lab.targets import calls
from lab.targets.cluster.api import Cluster
from lab.targets.cluster.clocks import clocks_of
from lab.targets.cluster.forwarding import Forward
from lab.targets.cluster.gate import Gate
from lab.targets.cluster.nodes import node_facts
from lab.targets.cluster.rollout import PodView, Row
from lab.targets.kube import NAME_LABEL

GRPC_PORT: Final = 7000
LOG_LINES: Final = 20_000
KILLED_FROM: Final = 128
"""A container ended by signal n has this plus n as its exit code."""


class ClusterDeployment:
    """What `lab.targets.port.Deployment` promises, through port-forwards.

    Args:
        cluster: Where it runs.
        gate: Looks at its Deployments.
        kubectl_options: Choose cluster, user and namespace for kubectl.
        outside: URLs of store and metrics server as the lab sees them, and how calls are secured.
    """

    def __init__(self, cluster: Cluster, gate: Gate, kubectl_options: Sequence[str], *, outside: Endpoints) -> None:
        self.cluster, self._gate, self._options, self._outside = cluster, gate, kubectl_options, outside
        self._connect = connector(outside.access)
        self._folder = tempfile.TemporaryDirectory(prefix="lab-forward-")
        self._forwards: dict[str, Forward] = {}
        self._clocks: Sequence[NodeClock] = ()
        # Whoever only looks forgets it; its ports and files then go with it.
        self._let_go = weakref.finalize(self, _let_go, self._forwards, self._folder)

    @property
    def endpoints(self) -> Endpoints:
        """Where everything is; services through addresses on loopback that stay the same."""
        names = [f"service/{name}" for name in SERVICES]
        ingest, worker, query, simulator = self._addresses(names)
        inside = f"ingest-api.{self.cluster.namespace}.svc:{GRPC_PORT}"
        return replace(
            self._outside,
            ingest=ingest,
            worker=worker,
            query=query,
            simulator=simulator,
            ingest_for_simulator=inside,
        )

    @property
    def store(self) -> StoreFacts:
        """The store behind it, by the word of the services that use it."""
        said = {status.durability for status in self.statuses() if status.durability}
        return StoreFacts("redis", "", said.pop() if len(said) == 1 else "unknown")

    def wait(self) -> tuple[Row, ...]:
        """Its Deployments, once all of them are rolled out; Unavailable where one cannot be, or is not in time."""
        return self._gate.wait()

    def rows(self) -> tuple[Row, ...]:
        """Its Deployments and their pods now."""
        return self._gate.look()

    def statuses(self) -> Sequence[ServiceStatus]:
        """What the process in every pod says of itself now; the name is the service's, the detail names the pod."""
        pods = self._pods()
        return [
            replace(
                status,
                name=pods[status.name].service,
                node=pods[status.name].node,
                detail="; ".join(filter(None, (f"pod {status.name} on {pods[status.name].node}", status.detail))),
            )
            for status in self._said(pods)
        ]

    def machines(self) -> Mapping[str, str]:
        """Pod → machine by the process's own word, of those that answer."""
        return {one.name: one.host_architecture for one in self._said(self._pods()) if one.healthy}

    def deaths(self) -> Sequence[Death]:
        """Containers that ended without having been asked to, by the cluster's word; it knows no instance."""
        pods = self.cluster.list("v1", "Pod", selector=self._gate.selector)
        return [
            _death(pod["metadata"]["labels"].get(NAME_LABEL, ""), ended)
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
            pods = self._pods()
            asked = {pod.node: name for name, pod in pods.items()}
            addresses = self._addresses([f"pod/{name}" for name in pods])
            reached = dict(zip(pods, addresses, strict=True))
            self._clocks = clocks_of({node: reached[name] for node, name in asked.items()}, self._connect)
        return self._clocks

    def kill(self, service: str) -> int:
        """Not on a cluster yet: it needs a Role of its own."""
        raise UsageFault(f"cannot kill {service} on a cluster", next_step="-p target processes")

    @contextmanager
    def paused(self, service: str) -> Iterator[None]:
        """Not on a cluster: a pod cannot be stopped and continued."""
        raise UsageFault(f"cannot pause {service} on a cluster", next_step="-p target processes")
        yield

    def log_files(self) -> Mapping[str, Path]:
        """Pod → its log as it is now, in files that go with this object; containers that ended before as well."""
        folder = Path(self._folder.name)
        files = {}
        for row in self.rows():
            for pod in row.pods:
                with suppress(LabError):
                    text = self.cluster.log(pod.name, lines=LOG_LINES)
                    before = self.cluster.log(pod.name, lines=LOG_LINES, previous=True) if pod.restarts else ""
                    files[pod.name] = folder / f"{pod.name}.log"
                    files[pod.name].write_text(before + text, encoding="utf-8")
        return files

    def span_files(self) -> Sequence[Path]:
        """None: spans go to the collector."""
        return ()

    def close(self) -> None:
        """Let go of every port."""
        self._let_go()

    def _said(self, pods: Collection[str]) -> list[ServiceStatus]:
        """What the process in each pod says of itself; the name is the pod's."""
        addresses = dict(zip(pods, self._addresses([f"pod/{name}" for name in pods]), strict=True))
        return calls.statuses_of(addresses, self._connect)

    def _pods(self) -> dict[str, PodView]:
        pods = [pod for row in self.rows() if row.service in SERVICES for pod in row.pods if pod.ready]
        return {pod.name: pod for pod in pods}

    def _addresses(self, what: Sequence[str]) -> list[str]:
        """Forwarded addresses, started together; those of pods that are gone are let go."""
        for name in [name for name in self._forwards if name.startswith("pod/") and name not in what]:
            if any(one.startswith("pod/") for one in what):
                self._forwards.pop(name).close()
        for name in what:
            if name not in self._forwards:
                log = Path(self._folder.name) / f"{name.replace('/', '-')}.forward"
                self._forwards[name] = Forward(self._options, name, GRPC_PORT, log=log)
        return [self._reached(name) for name in what]

    def _reached(self, name: str) -> str:
        try:
            return self._forwards[name].wait()
        except Unavailable:
            self._forwards.pop(name).close()
            if name.startswith("service/"):
                raise
            return ""


def _let_go(forwards: Mapping[str, Forward], folder: "tempfile.TemporaryDirectory[str]") -> None:
    for forward in forwards.values():
        forward.close()
    folder.cleanup()


def _death(service: str, ended: Mapping[str, Any]) -> Death:
    code, finished = int(ended.get("exitCode", 0)), datetime.fromisoformat(ended["finishedAt"])
    signal = code - KILLED_FROM if code > KILLED_FROM else 0
    return Death(service, "", round(finished.timestamp() * NANOS), signal, 0 if signal else code)
