"""Containers that end or are not well: crashes, memory, probes."""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.snapshots.kubernetes import Container, Pod, Thing
from lab.snapshots.quantities import quantity, quantity_text
from lab.snapshots.snapshot import RECENT_S, Snapshot, not_ready

START_S: Final = 30.0
"""How long a container may take until its probes pass: ten times what the slowest service needs."""
FRAME: Final = re.compile(r'^\s+File "(?P<file>[^"]+)", line (?P<line>\d+)')
RAISED: Final = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Fault))(?::|$)")
STORE: Final = re.compile(r"STORE_(?:UNREACHABLE|DENIED|EVICTS|LOADING)|NOT_DURABLE|refuses to log in|redis\S* Error ")
PORT: Final = re.compile(r'connection refused|failed to connect service "[^"]*:\d+"')


OURS: Final = re.compile(r"/app/(?P<place>(?:\w[\w-]*/)*\w[\w-]*\.py)")
"""A file of the image that is one of the project, too."""


class Traceback(NamedTuple):
    """The last traceback of a log: what was raised; the last place in it, of the project where one is."""

    raised: str
    file: str
    line: int

    @property
    def place(self) -> str:
        """The file in the project; empty where it is none of its own."""
        found = OURS.fullmatch(self.file)
        return found["place"] if found else ""


def runs_out_of_memory(snapshot: Snapshot) -> Iterator[Finding]:
    """The kernel ended a container that reached its memory limit."""
    for pod, container in each_container(snapshot):
        ended = container.ended
        if ended.reason != "OOMKilled" or (container.is_ready and snapshot.age_s(ended.at) > RECENT_S):
            continue
        limit = container.amount("limits", "memory")
        more = quantity_text(2 * quantity(limit), "memory") if limit else "512Mi"
        words = ["set", "resources", pod.workload.lower(), "-c", container.name]
        words += [f"--limits=memory={more}", f"--requests=memory={more}"]
        yield _finding(
            snapshot,
            pod,
            cause="oom-kill",
            title=f"{container.name} needs more memory than its limit",
            found=f"container {container.name} of {pod.name} was killed, exit {ended.exit_code} (OOMKilled), "
            f"{container.status.get('restartCount', 0)} restarts; its limit is {limit or 'that of the node'}",
            why="the kernel ends a process whose container reaches its memory limit",
            do=remedies.kubectl(snapshot.namespace, *(words if more else ("describe", pod.ref.lower()))),
        )


def crashes_with_traceback(snapshot: Snapshot) -> Iterator[Finding]:
    """A Python program ends by an exception that nobody caught."""
    for pod, container in each_container(snapshot):
        last = last_traceback(snapshot.log(pod, container.name)) if crashes(snapshot, container) else None
        if last is None:
            continue
        do = remedies.kubectl(snapshot.namespace, "logs", pod.name, "-c", container.name, "--tail=50")
        if _has_older(snapshot, pod):
            do = remedies.kubectl(snapshot.namespace, "rollout", "undo", pod.workload.lower())
        elif last.place:
            edit = f'"${{EDITOR:-vi}}" +{last.line} {shlex.quote(last.place)}'
            do = f"{edit} && {remedies.build(snapshot.namespace)}"
        yield _finding(
            snapshot,
            pod,
            cause="crash-at-start",
            title=f"{container.name} crashes: {last.raised.partition(':')[0]}",
            found=f"{last.raised}, at {last.place or last.file}:{last.line}; exit {container.ended.exit_code}, "
            f"{container.status.get('restartCount', 0)} restarts",
            why=_why_raised(last.raised),
            do=do,
            rests_on=("store",) if STORE.search(last.raised) else (),
        )


def probe_fails(snapshot: Snapshot) -> Iterator[Finding]:
    """A container runs, and its kubelet finds it unwell."""
    for pod, container in each_container(snapshot):
        events = [one for one in snapshot.events(pod.ref, "Unhealthy") if container.running_since]
        restarted = any("liveness" in one.message for one in snapshot.events(pod.ref, "Killing"))
        if not events or (container.is_ready and not restarted):
            continue
        if not restarted and snapshot.age_s(container.running_since) < start_s(container):
            continue
        said = events[0].message
        stalled = STORE.search("\n".join(snapshot.log(pod, container.name)))
        why, do = _cure_of_probe(snapshot, pod, container, said)
        yield _finding(
            snapshot,
            pod,
            cause="probe-failing",
            title=f"{container.name} runs, and its {said.partition(' ')[0].lower()} probe fails",
            found=said,
            why=why,
            do=do,
            rests_on=("store",) if stalled else (),
        )


def last_traceback(lines: tuple[str, ...]) -> Traceback | None:
    """The last traceback in a log, also where it is a field of a JSON line."""
    frames: list[re.Match[str]] = []
    last = None
    for line in (part for each in lines for part in _text(each).splitlines()):
        raised = RAISED.match(line)
        if found := FRAME.match(line):
            frames.append(found)
        elif raised and frames:
            own = [one for one in frames if OURS.fullmatch(one["file"])]
            frame = (own or frames)[-1]
            last, frames = Traceback(line.strip(), frame["file"], int(frame["line"])), []
    return last


def _text(line: str) -> str:
    if line.startswith("{") and '"exception"' in line:
        try:
            return str(json.loads(line)["exception"])
        except (ValueError, KeyError):
            return line
    return line


def _why_raised(raised: str) -> str:
    kind, _, rest = raised.partition(": ")
    name = next(iter(re.findall(r"'([^']+)'", rest)), "")
    if kind == "NameError":
        return f"the code uses {name} without defining or importing it"
    if kind in {"ModuleNotFoundError", "ImportError"}:
        return f"the image does not hold {name}; it was not in the lock when the image was built"
    return "the program does not catch it; the image is built with this fault in it"


def _cure_of_probe(snapshot: Snapshot, pod: Pod, container: Container, said: str) -> tuple[str, str]:
    """Why a probe fails, and what to change."""
    kind = f"{said.partition(' ')[0].lower()}Probe"
    probe = container.spec.get(kind) or {}
    way = next((one for one in ("grpc", "httpGet", "tcpSocket") if one in probe), "")
    asked = probe.get(way, {}).get("port")
    serves = container.variable("LAB_HEALTH_BIND").rpartition(":")[2]
    at = (
        [one["name"] for one in pod.spec["containers"]].index(container.name)
        if container.spec in pod.spec["containers"]
        else 0
    )
    base = remedies.in_template(pod, f"containers/{at}/{kind}")
    if way and PORT.search(said) and serves.isdigit() and str(asked) != serves:
        change = [{"op": "replace", "path": f"{base}/{way}/port", "value": int(serves)}]
        why = f"the probe asks port {asked}; the service answers health on {serves}"
        return why, remedies.patch(snapshot.namespace, pod.workload, change, kind="json")
    if "NOT_SERVING" in said:
        return "the service itself says that something it depends on is missing", "lab status --target kubernetes"
    if probe and ("timeout" in said or "deadline" in said):
        more = 5 * int(probe.get("timeoutSeconds", 1))
        change = [{"op": "add", "path": f"{base}/timeoutSeconds", "value": more}]
        why = "it answers too late: the node is busy, or the limit on its CPU is too tight"
        return why, remedies.patch(snapshot.namespace, pod.workload, change, kind="json")
    command = shlex.join((probe.get("exec") or {}).get("command") or ())
    why = f"nothing answers on port {asked} of the container"
    if not way:
        why = f"the command of the probe fails: {command}" if command else "the pod that is there now has no such probe"
    return why, remedies.kubectl(snapshot.namespace, "logs", pod.name, "-c", container.name, "--tail=50")


def start_s(container: Container) -> float:
    """How long it may take until its probes pass: what its startup probe allows, where it has one."""
    probe = container.spec.get("startupProbe") or {}
    allowed = probe.get("initialDelaySeconds", 0) + probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
    return max(START_S, float(allowed) if probe else 0.0)


def crashes(snapshot: Snapshot, container: Container) -> bool:
    """Whether it ended by a fault and is not well again."""
    ended = container.ended
    recent = snapshot.age_s(ended.at) < RECENT_S
    return container.waiting.reason == "CrashLoopBackOff" or bool(ended.exit_code and recent and not container.is_ready)


def _has_older(snapshot: Snapshot, pod: Pod) -> bool:
    """Whether the Deployment of a pod that fails has another revision whose pods still run.

    It is the newest one that fails; a look may be of a moment before its ReplicaSet, and of the pod a moment later.
    """
    others = [one for one in map(Thing, snapshot.objects.replica_sets) if one.name != pod.owner]
    return any(one.raw.get("status", {}).get("readyReplicas") for one in others if _deployment(one) == pod.workload)


def _deployment(replica_set: Thing) -> str:
    return f"Deployment/{replica_set.name.rpartition('-')[0]}"


def each_container(snapshot: Snapshot) -> Iterator[tuple[Pod, Container]]:
    """Every container of every pod."""
    return ((pod, container) for pod in snapshot.pods for container in pod.containers)


def _finding(snapshot: Snapshot, pod: Pod, *, rests_on: tuple[str, ...] = (), **words: str) -> Finding:
    pods = not_ready(snapshot, pod.workload)
    nodes = (f"Node/{pod.node}",) if pod.node else ()
    return Finding(object=pod.workload, **words, stops=pods, rests_on=(*pods, *nodes, *rests_on))
