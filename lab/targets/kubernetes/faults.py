"""Injects faults into a stack on a cluster, and undoes every lasting change."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from lab.errors import Unavailable, UsageFault
from lab.settings import inherited_environment
from lab.snapshots.kubernetes import NAME_LABEL, Raw
from lab.systems.services import SERVICES
from lab.targets.kubernetes import undo
from lab.targets.kubernetes.client.cluster import Cluster
from lab.targets.kubernetes.client.kubectl import kubectl_program
from lab.targets.kubernetes.kinds import DEPLOYMENT, POD
from lab.targets.kubernetes.objects import APP_ARCHITECTURE_LABEL
from lab.targets.kubernetes.reaching import signalling
from lab.targets.kubernetes.rollout.rows import pod_view

LONGEST_UNDO_S: Final = 90.0
"""Longer than `lab.targets.kubernetes.undo` retries."""


@dataclass(frozen=True, slots=True)
class PodFaults:
    """Injects faults into one stack, and into nothing else.

    Attributes:
        cluster: Where the stack runs.
        selector: Labels of everything that belongs to the stack.
        options: Choose cluster, user and namespace for kubectl.
    """

    cluster: Cluster
    selector: str
    options: Sequence[str]

    def kill(self, service: str, architecture: str = "") -> int:
        """End the process in the service's first ready pod by signal 9; return nanoseconds since the epoch.

        Raises:
            UsageFault: The stack has no such service.
            Unavailable: No pod of the service is ready.
            Forbidden: The user may not execute anything in pods.
        """
        return signalling.kill(self.options, self._pod(service, architecture), _module(service))

    @contextmanager
    def paused(self, service: str, architecture: str = "") -> Iterator[None]:
        """Stop the process that `kill` would end, until the context ends or this process dies."""
        with signalling.stopped(self.options, self._pod(service, architecture), _module(service)):
            yield

    def delete_pod(self, service: str, architecture: str = "") -> int:
        """Delete the service's first ready pod; return nanoseconds since the epoch. Does not wait for the next pod."""
        pod = self._pod(service, architecture)
        self.cluster.delete(POD, pod)
        return time.time_ns()

    @contextmanager
    def scaled(self, service: str, architecture: str, *, replicas: int) -> Iterator[None]:
        """Change the number of pods until the context ends or this process dies. Does not wait for pods.

        Raises:
            UsageFault: The stack has no such Deployment.
            Unavailable: The number cannot be changed, or could not be restored.
        """
        name = f"{service}-{architecture}"
        listed = self.cluster.list(DEPLOYMENT, selector=self.selector)
        deployments = {deployment["metadata"]["name"]: deployment for deployment in listed}
        before = deployments.get(name)
        if before is None:
            raise UsageFault(f"no Deployment {name} in this stack", found=f"it has: {', '.join(sorted(deployments))}")
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
        """Return the name of the first ready pod of a service."""
        if service not in SERVICES:
            raise UsageFault(f'no service "{service}" in this stack', found=f"it has: {', '.join(SERVICES)}")
        selector = f"{self.selector},{NAME_LABEL}={service}"
        selector += f",{APP_ARCHITECTURE_LABEL}={architecture}" if architecture else ""
        pods = [pod_view(pod) for pod in self.cluster.list(POD, selector=selector)]
        ready = sorted(pod.name for pod in pods if pod.ready)
        if not ready:
            states = ", ".join(f"{pod.name} {pod.state}" for pod in pods) or "it has no pod"
            raise Unavailable(f"no pod of {service} {architecture}".rstrip() + " is ready now", found=states[:300])
        return ready[0]

    def _patch(self, deployment: str, change: Raw) -> list[str]:
        command = [str(kubectl_program()), *self.options, "patch", "deployment", deployment]
        return [*command, "--request-timeout=10s", "--type=merge", f"--patch={json.dumps(change)}"]


def _restoring(deployment: Raw) -> Iterator[Raw]:
    """Yield the changes that restore a Deployment.

    The first restores the number of pods. The second restores the owner of that field, so that the next `lab up` meets
    no other owner.
    """
    yield {"spec": {"replicas": deployment["spec"]["replicas"]}}
    yield {"metadata": {"managedFields": deployment["metadata"]["managedFields"]}}


@contextmanager
def _undone_by(commands: Sequence[Sequence[str]], change: str) -> Iterator[None]:
    """Have another process run commands when the context ends or this process dies; Ctrl-C does not reach it."""
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
        _, errors = process.communicate(timeout=LONGEST_UNDO_S)
    if process.returncode:
        raise Unavailable(f"{change} could not be undone", found=errors.decode("utf-8", "replace")[-300:])


def _module(service: str) -> str:
    return f"services.{service.replace('-', '_')}"
