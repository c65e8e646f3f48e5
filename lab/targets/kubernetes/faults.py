"""What can be broken in a stack on a cluster: a process, a pod, the number of pods; every lasting change is undone."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from lab.errors import Unavailable, UsageFault
from lab.settings import inherited_environment
from lab.systems.services import SERVICES
from lab.targets.kubernetes import undo
from lab.targets.kubernetes.client.cluster import Cluster
from lab.targets.kubernetes.client.kubectl import kubectl_program
from lab.targets.kubernetes.objects import ARCHITECTURE_LABEL, NAME_LABEL
from lab.targets.kubernetes.reaching import signalling
from lab.targets.kubernetes.rollout.rows import pod_view

POD: Final = ("v1", "Pod")
DEPLOYMENT: Final = ("apps/v1", "Deployment")
UNDONE_S: Final = 90.0
"""Longer than `lab.targets.kubernetes.undo` tries."""


@dataclass(frozen=True, slots=True)
class PodFaults:
    """Breaks what one stack consists of, and nothing else.

    Attributes:
        cluster: Where it runs.
        selector: Labels of everything that belongs to it.
        options: Choose cluster, user and namespace for kubectl.
    """

    cluster: Cluster
    selector: str
    options: Sequence[str]

    def kill(self, service: str, architecture: str = "") -> int:
        """End the process in the service's first ready pod by signal 9; nanoseconds since the epoch.

        Raises:
            UsageFault: There is no such service.
            Unavailable: No pod of it is ready.
            Forbidden: The user may not execute anything in pods.
        """
        return signalling.kill(self.options, self._pod(service, architecture), _module(service))

    @contextmanager
    def paused(self, service: str, architecture: str = "") -> Iterator[None]:
        """Stop that process for as long as the context lasts; it goes on when this process dies, too."""
        with signalling.stopped(self.options, self._pod(service, architecture), _module(service)):
            yield

    def delete_pod(self, service: str, architecture: str = "") -> int:
        """Delete the service's first ready pod; nanoseconds since the epoch. Its successor is not waited for."""
        pod = self._pod(service, architecture)
        self.cluster.delete(*POD, pod)
        return time.time_ns()

    @contextmanager
    def scaled(self, service: str, architecture: str, *, replicas: int) -> Iterator[None]:
        """Another number of pods for as long as the context lasts, or until this process dies; neither is waited for.

        Raises:
            UsageFault: The stack has no such Deployment.
            Unavailable: The number before could not be restored.
        """
        name = f"{service}-{architecture}"
        found = {one["metadata"]["name"]: one for one in self.cluster.list(*DEPLOYMENT, selector=self.selector)}
        before = found.get(name)
        if before is None:
            raise UsageFault(f"no Deployment {name} in this stack", found=f"it has: {', '.join(sorted(found))}")
        with _undone_by([self._patch(name, change) for change in _restoring(before)], f"scaling {name}"):
            done = subprocess.run(
                self._patch(name, {"spec": {"replicas": replicas}}),
                env=inherited_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise Unavailable(f"cannot scale {name}", found=done.stderr.strip()[-300:], next_step="lab diagnose")
            yield

    def _pod(self, service: str, architecture: str) -> str:
        """Name of the first ready pod of a service."""
        if service not in SERVICES:
            raise UsageFault(f'no service "{service}" in this stack', found=f"it has: {', '.join(SERVICES)}")
        selector = f"{self.selector},{NAME_LABEL}={service}"
        selector += f",{ARCHITECTURE_LABEL}={architecture}" if architecture else ""
        pods = [pod_view(pod) for pod in self.cluster.list(*POD, selector=selector)]
        ready = sorted(pod.name for pod in pods if pod.ready)
        if not ready:
            doing = ", ".join(f"{pod.name} {pod.doing}" for pod in pods) or "it has no pod"
            raise Unavailable(f"no pod of {service} {architecture}".rstrip() + " is ready now", found=doing[:300])
        return ready[0]

    def _patch(self, deployment: str, change: dict[str, Any]) -> list[str]:
        command = [str(kubectl_program()), *self.options, "patch", "deployment", deployment]
        return [*command, "--request-timeout=10s", "--type=merge", f"--patch={json.dumps(change)}"]


def _restoring(deployment: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Changes that give back the number of pods, then its ownership, lest the next `lab up` find another owner."""
    yield {"spec": {"replicas": deployment["spec"]["replicas"]}}
    yield {"metadata": {"managedFields": deployment["metadata"]["managedFields"]}}


@contextmanager
def _undone_by(commands: Sequence[Sequence[str]], what: str) -> Iterator[None]:
    """Have a process of its own run commands when the context ends or this process dies, Ctrl-C or not."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", undo.__file__, json.dumps(commands)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=inherited_environment(),
        start_new_session=True,
    )
    try:
        yield
    finally:
        _, said = process.communicate(timeout=UNDONE_S)
    if process.returncode:
        raise Unavailable(f"{what} could not be undone", found=said.decode("utf-8", "replace")[-300:])


def _module(service: str) -> str:
    return f"services.{service.replace('-', '_')}"
