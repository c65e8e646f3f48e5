"""Containers that reach their memory limit."""

from collections.abc import Iterator

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.evidence.containers import each_container, needed_by
from lab.snapshots.quantities import quantity, quantity_text
from lab.snapshots.snapshot import RECENT_S, Snapshot, not_ready


def runs_out_of_memory(snapshot: Snapshot) -> Iterator[Finding]:
    """The kernel killed a container that reached its memory limit."""
    for pod, container in each_container(snapshot):
        ended = container.ended
        if ended.reason != "OOMKilled" or (container.is_ready and snapshot.age_s(ended.at) > RECENT_S):
            continue
        limit = container.amount("limits", "memory")
        more = quantity_text(2 * quantity(limit), "memory") if limit else "512Mi"
        raise_limit = ["set", "resources", pod.workload.lower(), "-c", container.name]
        raise_limit += [f"--limits=memory={more}", f"--requests=memory={more}"]
        yield Finding(
            cause="oom-kill",
            object=pod.workload,
            title=f"{container.name} needs more memory than its limit",
            found=f"container {container.name} of {pod.name} was killed, exit {ended.exit_code} (OOMKilled), "
            f"{container.restarts} restarts; its limit is {limit or 'that of the node'}",
            why="the kernel kills a process whose container reaches its memory limit",
            do=remedies.kubectl(snapshot.namespace, *(raise_limit if more else ("describe", pod.ref.lower()))),
            stops=not_ready(snapshot, pod.workload),
            rests_on=needed_by(snapshot, pod),
        )
