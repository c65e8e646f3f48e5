"""Injects faults into the services of a stack on a cluster."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lab.errors import Unavailable, UsageFault
from lab.snapshots.kubernetes import NAME_LABEL
from lab.snapshots.kubernetes.kinds import DEPLOYMENT, POD
from lab.systems.services import SERVICES
from lab.targets.kubernetes.breaking import scaling, signalling
from lab.targets.kubernetes.client.kubectl import Kubectl
from lab.targets.kubernetes.client.port import Changer
from lab.targets.kubernetes.objects import APP_ARCHITECTURE_LABEL
from lab.targets.kubernetes.rollout.pods import pod_view


@dataclass(frozen=True, slots=True)
class PodFaults:
    """Satisfies `lab.faults.kinds.Placed` for one stack, and touches nothing else.

    Attributes:
        cluster: Where the stack runs.
        selector: Labels of everything that belongs to the stack.
        kubectl: Commands for the namespace of the stack.
    """

    cluster: Changer
    selector: str
    kubectl: Kubectl

    def kill(self, service: str, architecture: str = "") -> int:
        """End the process in the service's first ready pod by signal 9; return nanoseconds since the epoch.

        Raises:
            UsageFault: The stack has no such service.
            Unavailable: No pod of the service is ready.
            Forbidden: The user lacks the Role `lab-faults`.
        """
        return signalling.kill(self.kubectl, self._pod(service, architecture), _module(service))

    @contextmanager
    def paused(self, service: str, architecture: str = "") -> Iterator[None]:
        """Stop the process that `kill` would end, until the context ends or this process dies.

        Raises:
            UsageFault: The stack has no such service.
            Unavailable: No pod of the service is ready.
            Forbidden: The user lacks the Role `lab-faults`.
        """
        with signalling.stopped(self.kubectl, self._pod(service, architecture), _module(service)):
            yield

    def delete_pod(self, service: str, architecture: str = "") -> int:
        """Delete the service's first ready pod; return nanoseconds since the epoch. Does not wait for the next pod.

        Raises:
            UsageFault: The stack has no such service.
            Unavailable: No pod is ready, or the pod was gone before.
            Forbidden: The user lacks the Role `lab-faults`.
        """
        pod = self._pod(service, architecture)
        if not self.cluster.delete(POD, pod):
            raise Unavailable(f"cannot delete pod {pod}", found="it was gone already", next_step="lab status")
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
        if name not in deployments:
            raise UsageFault(
                f"no Deployment {name} in this stack",
                found=f"it has: {', '.join(sorted(deployments))}",
                next_step="name the service and the architecture of one of these Deployments",
            )
        with scaling.scaled(self.kubectl, deployments[name], replicas=replicas):
            yield

    def _pod(self, service: str, architecture: str) -> str:
        """Return the name of the first ready pod of a service."""
        if service not in SERVICES:
            raise UsageFault(
                f'no service "{service}" in this stack',
                found=f"it has: {', '.join(SERVICES)}",
                next_step="name one of these services",
            )
        selector = f"{self.selector},{NAME_LABEL}={service}"
        selector += f",{APP_ARCHITECTURE_LABEL}={architecture}" if architecture else ""
        pods = [pod_view(pod) for pod in self.cluster.list(POD, selector=selector)]
        ready = sorted(pod.name for pod in pods if pod.ready)
        if not ready:
            states = ", ".join(f"{pod.name} {pod.state}" for pod in pods) or "it has no pod"
            raise Unavailable(
                f"no pod of {service} {architecture}".rstrip() + " is ready now",
                found=states[:300],
                next_step="lab diagnose",
            )
        return ready[0]


def _module(service: str) -> str:
    """Return the module that the process of a service was started with.

    >>> _module("query-api")
    'services.query_api'
    """
    return f"services.{service.replace('-', '_')}"
