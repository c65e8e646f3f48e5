"""Containers that run, and whose health probes fail."""

import re
import shlex
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Cure, Finding
from lab.diagnosis.rules.evidence.containers import each_container, needed_by, start_s
from lab.snapshots.kubernetes import Container, Pod
from lab.snapshots.snapshot import Snapshot, not_ready

PORT: Final = re.compile(r'connection refused|failed to connect service "[^"]*:\d+"')
HANDLERS: Final = ("grpc", "httpGet", "tcpSocket")


class HealthProbe(NamedTuple):
    """The probe that fails, as the pod specifies it.

    Attributes:
        kind: `readinessProbe`, `livenessProbe` or `startupProbe`.
        spec: Empty where the current pod has no such probe.
        handler: How it asks; empty where it runs a command.
    """

    kind: str
    spec: dict[str, Any]
    handler: str

    @property
    def port(self) -> str:
        """The port that it asks."""
        return str(self.spec.get(self.handler, {}).get("port"))

    @property
    def command(self) -> str:
        """The command that it runs; empty where it runs none."""
        return shlex.join((self.spec.get("exec") or {}).get("command") or ())


def probe_fails(snapshot: Snapshot) -> Iterator[Finding]:
    """A container runs, and a probe of its kubelet fails."""
    for pod, container in each_container(snapshot):
        message = next((event.message for event in snapshot.events(pod.ref, "Unhealthy")), "")
        restarted = any("liveness" in event.message for event in snapshot.events(pod.ref, "Killing"))
        if not message or not container.running_since or (container.is_ready and not restarted):
            continue
        if not restarted and snapshot.age_s(container.running_since) < start_s(container):
            continue
        why, do = _cure(snapshot, pod, container, message)
        yield Finding(
            cause="probe-failing",
            object=pod.workload,
            title=f"{container.name} runs, but its {_kind(message)} probe fails",
            found=message,
            why=why,
            do=do,
            stops=not_ready(snapshot, pod.workload),
            rests_on=needed_by(snapshot, pod, "\n".join(snapshot.log(pod, container.name))),
        )


def _kind(message: str) -> str:
    """Return `readiness`, `liveness` or `startup`, with which the kubelet's message begins."""
    return message.partition(" ")[0].lower()


def _cure(snapshot: Snapshot, pod: Pod, container: Container, message: str) -> Cure:
    """Return why a probe fails, and the command that changes the probe or shows more."""
    probe, served = _probe(container, message), container.variable("LAB_HEALTH_BIND").rpartition(":")[2]
    path = remedies.in_template(pod, f"containers/{_index(pod, container)}/{probe.kind}")
    if probe.handler and PORT.search(message) and served.isdigit() and probe.port != served:
        change = [{"op": "replace", "path": f"{path}/{probe.handler}/port", "value": int(served)}]
        why = f"the probe asks port {probe.port}; the service answers health checks on port {served}"
        return Cure(why, remedies.patch(snapshot.namespace, pod.workload, change, kind="json"))
    if "NOT_SERVING" in message:
        return Cure("the service reports that one of its dependencies is missing", "lab status --target kubernetes")
    if probe.spec and ("timeout" in message or "deadline" in message):
        more = 5 * int(probe.spec.get("timeoutSeconds", 1))
        change = [{"op": "add", "path": f"{path}/timeoutSeconds", "value": more}]
        why = "the container answers too late: the node is busy, or the CPU limit is too low"
        return Cure(why, remedies.patch(snapshot.namespace, pod.workload, change, kind="json"))
    logs = remedies.kubectl(snapshot.namespace, "logs", pod.name, "-c", container.name, "--tail=50")
    if probe.handler:
        return Cure(f"nothing answers on port {probe.port} of the container", logs)
    if probe.command:
        return Cure(f"the command of the probe fails: {probe.command}", logs)
    return Cure("the current pod has no such probe", logs)


def _probe(container: Container, message: str) -> HealthProbe:
    kind = f"{_kind(message)}Probe"
    spec = dict(container.spec.get(kind) or {})
    return HealthProbe(kind, spec, next((handler for handler in HANDLERS if handler in spec), ""))


def _index(pod: Pod, container: Container) -> int:
    """Return the position of an app container; 0 for an init container."""
    names = [spec["name"] for spec in pod.spec["containers"]]
    return names.index(container.name) if container.spec in pod.spec["containers"] else 0
