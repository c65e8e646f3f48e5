"""What a reader of a trial should know and what yet speaks against nothing it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.analysis.places import emulated_places, node_of_load
from lab.systems.services import HANDLES_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.model import Evidence


def warnings_of(evidence: Evidence) -> tuple[str, ...]:
    """Sentences, empty on a machine of one's own where nothing is odd."""
    return (*_load_beside_measured(evidence), *_emulated(evidence))


def _load_beside_measured(evidence: Evidence) -> Iterator[str]:
    node = node_of_load(evidence)
    if beside := {one.name for one in evidence.statuses if node and one.node == node} & {*HANDLES_EVENTS}:
        names = " and ".join(sorted(beside))
        yield f"the load was played on node {node}, beside {names}: what it costs there is part of their figures"


def _emulated(evidence: Evidence) -> Iterator[str]:
    for place, how in emulated_places(evidence).items():
        where = f"node {place.node}" if place.node else "this machine"
        yield f"{where} is emulated ({how}): its figures say nothing about real {place.architecture}"
