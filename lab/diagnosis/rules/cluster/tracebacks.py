"""Python programs that end by an exception, as the traceback in their log tells it."""

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.cluster.containers import crashes, each_container, needed_by
from lab.snapshots.kubernetes import Container, KubernetesObject, Pod
from lab.snapshots.snapshot import Snapshot, not_ready

FRAME: Final = re.compile(r'^\s+File "(?P<file>[^"]+)", line (?P<line>\d+)')
RAISED: Final = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Fault))(?::|$)")
PROJECT_FILE: Final = re.compile(r"/app/(?P<path>(?:\w[\w-]*/)*\w[\w-]*\.py)")
"""A file in the image that comes from the project."""


class Traceback(NamedTuple):
    """The last traceback of a log: what was raised, and its last frame, of the project's own frames if there is one."""

    raised: str
    file: str
    line: int

    @property
    def path(self) -> str:
        """Path of the file in the project; empty for a file from elsewhere."""
        match = PROJECT_FILE.fullmatch(self.file)
        return match["path"] if match else ""


def crashes_with_traceback(snapshot: Snapshot) -> Iterator[Finding]:
    """A Python program ends by an exception that it does not catch."""
    for pod, container in each_container(snapshot):
        traceback = last_traceback(snapshot.log(pod, container.name)) if crashes(snapshot, container) else None
        if traceback is None:
            continue
        yield Finding(
            "crash-at-start",
            pod.workload,
            f"{container.name} crashes: {traceback.raised.partition(':')[0]}",
            found=f"{traceback.raised}, at {traceback.path or traceback.file}:{traceback.line}; "
            f"exit {container.ended.exit_code}, {container.restarts} restarts",
            why=_why(traceback.raised),
            do=_cure(snapshot, pod, container, traceback),
            stops=not_ready(snapshot, pod.workload),
            rests_on=needed_by(snapshot, pod, traceback.raised),
        )


def last_traceback(lines: Iterable[str]) -> Traceback | None:
    """Return the last traceback in a log, also from a field of a JSON line."""
    frames: list[re.Match[str]] = []
    last = None
    for line in (part for entry in lines for part in _text(entry).splitlines()):
        if match := FRAME.match(line):
            frames.append(match)
        elif frames and RAISED.match(line):
            own = [frame for frame in frames if PROJECT_FILE.fullmatch(frame["file"])]
            frame = (own or frames)[-1]
            last, frames = Traceback(line.strip(), frame["file"], int(frame["line"])), []
    return last


def _text(entry: str) -> str:
    if entry.startswith("{") and '"exception"' in entry:
        try:
            return str(json.loads(entry)["exception"])
        except (ValueError, KeyError):
            return entry
    return entry


def _why(raised: str) -> str:
    kind, _, rest = raised.partition(": ")
    name = next(iter(re.findall(r"'([^']+)'", rest)), "")
    if kind == "NameError":
        return f"the code uses {name} without defining or importing it"
    if kind in {"ModuleNotFoundError", "ImportError"}:
        return f"the image does not contain {name}, which was missing from the lock when the image was built"
    return "the program does not catch it; the fault is in the image"


def _cure(snapshot: Snapshot, pod: Pod, container: Container, traceback: Traceback) -> str:
    """Return the command that goes back to an older revision or opens the file, else the one that shows the log."""
    if _has_older_revision(snapshot, pod):
        return remedies.kubectl(snapshot.namespace, "rollout", "undo", pod.workload.lower())
    if traceback.path:
        edit = f'"${{EDITOR:-vi}}" +{traceback.line} {shlex.quote(traceback.path)}'
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
