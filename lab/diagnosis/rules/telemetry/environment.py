"""Variables by which pods that fail differ from pods that work."""

from collections.abc import Iterable, Sequence

from lab.diagnosis import remedies
from lab.diagnosis.finding import Cure, name_of
from lab.diagnosis.rules.evidence.metrics import FRESH_S
from lab.snapshots.kubernetes import Pod
from lab.snapshots.snapshot import Snapshot


def running_pods(snapshot: Snapshot, service: str) -> tuple[Pod, ...]:
    """Return the pods of a service that are ready for long enough that their metrics must have arrived."""
    return tuple(
        pod
        for pod in snapshot.pods
        if pod.service == service
        and pod.containers
        and all(
            container.is_ready and snapshot.age_s(container.running_since) > FRESH_S for container in pod.containers
        )
    )


def difference(snapshot: Snapshot, pod: Pod, working: Sequence[Pod], names: Iterable[str]) -> Cure | None:
    """Return the first variable in which a pod differs from all working pods, and the command that sets it alike."""
    for name in names:
        own = _variable(pod, name)
        values = {_variable(other, name) for other in working}
        if len(values) == 1 and own not in values:
            value = values.pop()
            workload = name_of(working[0].workload)
            why = f"its {name} is {own or 'not set'}, that of {workload} is {value or 'not set'}"
            change = f"{name}={value}" if value else f"{name}-"
            return Cure(why, remedies.kubectl(snapshot.namespace, "set", "env", pod.workload.lower(), change))
    return None


def _variable(pod: Pod, name: str) -> str:
    return next((value for container in pod.containers if (value := container.variable(name))), "")
