"""Which faults which target can carry out, so that an experiment is refused before anything is started; pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from lab.errors import UsageFault
from lab.model import Fault, TargetName
from lab.systems.services import SERVICES

KINDS: Final[Mapping[TargetName, frozenset[str]]] = {
    "processes": frozenset({"kill", "pause"}),
    "kubernetes": frozenset({"kill", "pause", "delete-pod", "scale"}),
}
LONGEST_PAUSE_S: Final = 60.0
"""In a pod; a process that stands still for longer is ended by its liveness probe, and would not have been paused."""


def refuse_impossible(faults: Sequence[Fault], target: TargetName) -> None:
    """Raise where a target cannot carry out one of the faults.

    Raises:
        UsageFault: It names the fault, why it is impossible there, and what to ask for instead.
    """
    for fault in faults:
        found, next_step = _hindrance(fault, target)
        if found:
            raise UsageFault(
                f"cannot {fault.kind} {fault.service} on target {target}",
                found=found,
                next_step=next_step,
                code="NO_SUCH_FAULT",
            )


def _hindrance(fault: Fault, target: TargetName) -> tuple[str, str]:
    """What stands against it and what to do; both empty where nothing does."""
    if fault.kind not in KINDS[target] or (fault.architecture and target == "processes"):
        return "it needs pods, on nodes of an architecture", "-p target kubernetes"
    if target == "kubernetes" and fault.service not in SERVICES:
        return "the store of a cluster is not the lab's to break", "-p target processes"
    if target == "kubernetes" and fault.kind == "pause" and fault.seconds > LONGEST_PAUSE_S:
        return f"{fault.seconds:g} s: its liveness probe would end it", f"pause it for {LONGEST_PAUSE_S:g} s at most"
    return "", ""
