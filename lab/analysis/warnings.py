"""What a reader of a trial should know although the trial remains valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.analysis.places import emulated_places, node_of_load
from lab.model import NANOS
from lab.systems.services import HANDLES_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.model import Evidence


def warnings_of(evidence: Evidence) -> tuple[str, ...]:
    """Return a sentence for each warning."""
    return (*_died(evidence), *_load_beside_measured(evidence), *_emulated(evidence))


def _died(evidence: Evidence) -> Iterator[str]:
    """Yield a sentence about the first program that ended by itself; others may have suffered from that."""
    planned = {fault.service for fault in evidence.faults}
    deaths = sorted((death for death in evidence.deaths if death.service not in planned), key=lambda death: death.at_ns)
    for first in deaths[:1]:
        at_s = (first.at_ns - evidence.load_run.window.start_ns) / NANOS
        more = f"; {len(deaths) - 1} more ends followed" if len(deaths) > 1 else ""
        yield f"{at_s:.1f} s into the run, {first.service} {first.how} (logs/{first.service}.log){more}"


def _load_beside_measured(evidence: Evidence) -> Iterator[str]:
    node = node_of_load(evidence)
    if beside := {status.name for status in evidence.statuses if node and status.node == node} & {*HANDLES_EVENTS}:
        names = " and ".join(sorted(beside))
        yield f"the load generator ran on node {node}, beside {names}: its cost is part of their figures"


def _emulated(evidence: Evidence) -> Iterator[str]:
    for place, emulation in emulated_places(evidence).items():
        where = f"node {place.node}" if place.node else "this machine"
        yield f"{where} is emulated ({emulation}): its figures say nothing about real {place.architecture}"
