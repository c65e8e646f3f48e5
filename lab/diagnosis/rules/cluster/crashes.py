"""Python programs in a container that end by an exception."""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.evidence.containers import crashes, each_container, needed_by
from lab.diagnosis.rules.evidence.tracebacks import Traceback, last_traceback
from lab.snapshots.kubernetes import Container, KubernetesObject, Pod
from lab.snapshots.snapshot import Snapshot, not_ready

PROJECT_FILE: Final = re.compile(r"/app/(?P<path>(?:\w[\w-]*/)*\w[\w-]*\.py)")
"""A file in the image that comes from the project."""


def crashes_with_traceback(snapshot: Snapshot) -> Iterator[Finding]:
    """A Python program ends by an exception that it does not catch."""
    for pod, container in each_container(snapshot):
        log = snapshot.log(pod, container.name) if crashes(snapshot, container) else ()
        traceback = last_traceback(log, project=PROJECT_FILE)
        if traceback is None:
            continue
        yield Finding(
            cause="crash-at-start",
            object=pod.workload,
            title=f"{container.name} crashes: {traceback.kind}",
            found=f"{traceback.raised}, at {_path(traceback) or traceback.file}:{traceback.line}; "
            f"exit {container.ended.exit_code}, {container.restarts} restarts",
            why=_why(traceback),
            do=_cure(snapshot, pod, container, traceback),
            stops=not_ready(snapshot, pod.workload),
            rests_on=needed_by(snapshot, pod, traceback.raised),
        )


def _path(traceback: Traceback) -> str:
    """Return the path in the project of the file that raised; empty for a file from elsewhere."""
    match = PROJECT_FILE.fullmatch(traceback.file)
    return match["path"] if match else ""


def _why(traceback: Traceback) -> str:
    name = next(iter(re.findall(r"'([^']+)'", traceback.raised)), "")
    if traceback.kind == "NameError":
        return f"the code uses {name} without defining or importing it"
    if traceback.kind in {"ModuleNotFoundError", "ImportError"}:
        return f"the image does not contain {name}, which was missing from the lock when the image was built"
    return "the program does not catch it; the fault is in the image"


def _cure(snapshot: Snapshot, pod: Pod, container: Container, traceback: Traceback) -> str:
    """Return the command that goes back to an older revision or opens the file, else the one that shows the log."""
    if _has_older_revision(snapshot, pod):
        return remedies.kubectl(snapshot.namespace, "rollout", "undo", pod.workload.lower())
    if path := _path(traceback):
        edit = f'"${{EDITOR:-vi}}" +{traceback.line} {shlex.quote(path)}'
        return f"{edit} && {remedies.build(snapshot.namespace)}"
    return remedies.kubectl(snapshot.namespace, "logs", pod.name, "-c", container.name, "--tail=50")


def _has_older_revision(snapshot: Snapshot, pod: Pod) -> bool:
    """Return whether the Deployment of a failing pod has another revision with running pods.

    The newest revision fails. Its ReplicaSet may be missing from the snapshot, whose lists are taken one after
    the other.
    """
    replica_sets = [KubernetesObject(raw) for raw in snapshot.objects.replica_sets]
    return any(
        replica_set.status.get("readyReplicas")
        for replica_set in replica_sets
        if replica_set.name != pod.owner and f"Deployment/{replica_set.name.rpartition('-')[0]}" == pod.workload
    )
