"""What a reader of a trial should know although the trial remains valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.analysis.places import emulated_places, node_of_load
from lab.systems.services import HANDLES_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.model import Evidence


def warnings_of(evidence: Evidence) -> tuple[str, ...]:
    """Return a sentence for each warning."""
    return (*_load_beside_measured(evidence), *_emulated(evidence))


def _load_beside_measured(evidence: Evidence) -> Iterator[str]:
    node = node_of_load(evidence)
    if beside := {status.name for status in evidence.statuses if node and status.node == node} & {*HANDLES_EVENTS}:
        names = " and ".join(sorted(beside))
        yield f"the load generator ran on node {node}, beside {names}: its cost is part of their figures"


def _emulated(evidence: Evidence) -> Iterator[str]:
    for place, emulation in emulated_places(evidence).items():
        where = f"node {place.node}" if place.node else "this machine"
        yield f"{where} is emulated ({emulation}): its figures say nothing about real {place.architecture}"
