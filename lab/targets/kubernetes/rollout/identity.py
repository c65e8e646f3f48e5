"""Whether what runs is what was wanted, on the architecture it was made for: four witnesses, compared; pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from lab.model import machine_of
from lab.targets.kubernetes.rollout.rows import PodView, Row, digest_of

LEAVING: Final = "Terminating"
"""What a pod of the version before does for as long as it drains."""


Holds = Callable[[str, str], bool]
"""Whether what a reference names is an index, and the image of a digest is in it."""


class Doubt(NamedTuple):
    """A pod that is not what was wanted, and why."""

    pod: str
    reason: str


def doubts(
    rows: Sequence[Row], *, nodes: Mapping[str, str], said: Mapping[str, str], holds: Holds
) -> tuple[Doubt, ...]:
    """Every pod whose witnesses disagree; empty when all of them tell the same. Pods that are leaving are not asked.

    Args:
        rows: Deployments with their pods.
        nodes: Node → architecture, as the API has it.
        said: Pod → machine, as the process in it says (`platform.machine()`); pods that were not asked are left out.
        holds: By the registry's word. A runtime that pulled an image by its index before knows it by two digests, and
            calls it by the one that sorts first.
    """
    return tuple(
        Doubt(pod.name, reason)
        for row in rows
        for pod in row.pods
        if pod.doing != LEAVING
        if (reason := _doubt(pod, row.architecture, nodes.get(pod.node, ""), said.get(pod.name, ""), holds=holds))
    )


def _doubt(pod: PodView, wanted: str, node: str, machine: str, *, holds: Holds) -> str:
    digest, running = digest_of(pod.image), digest_of(pod.image_id)
    if not digest:
        return f"its image {pod.image} is not pinned to a digest"
    if node != wanted:
        return f"it is on {pod.node}, which is {node or 'unknown'}, and was made for {wanted}"
    if running != digest and not (running and holds(pod.image_id, digest)):
        return f"the node runs {running or 'nothing'}, wanted was {digest}"
    if machine and machine != machine_of(wanted):
        return f"the process says {machine}, wanted was {machine_of(wanted)} ({wanted})"
    return ""
