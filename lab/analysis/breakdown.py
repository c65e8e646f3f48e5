"""What each node, or each architecture, did in a trial, and what that cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.analysis.agreement import drained_window
from lab.analysis.counters import increases, instance_of
from lab.analysis.cpu_cost import cpu_cost
from lab.analysis.places import NOWHERE, Place, emulated_places, places_of
from lab.systems.services import INGEST_API, PROCESS_WORKER, PROMISED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lab.analysis.estimate import Estimate
    from lab.model import Evidence, Series


@dataclass(frozen=True, slots=True)
class Share:
    """What one place did in a trial.

    Attributes:
        place: Node and architecture; the node is empty where all nodes of an architecture are taken together.
        emulated: How the place is emulated; empty where it is not.
        accepted: Events its ingest-api accepted, by Prometheus.
        counted: Events its workers counted, by the ledger.
        ingest_cpu: CPU milliseconds of its ingest-api for a thousand accepted events.
        worker_cpu: CPU milliseconds of its workers for a thousand counted events.
    """

    place: Place
    emulated: str
    accepted: int
    counted: int
    ingest_cpu: Estimate
    worker_cpu: Estimate


def breakdown(evidence: Evidence, *, by_node: bool = True, seed: int = 0) -> tuple[Share, ...]:
    """Return a share for each place that handled events, ordered by architecture and node.

    Args:
        evidence: What was observed.
        by_node: Whether the nodes of an architecture are kept apart; otherwise it is one share for each architecture.
        seed: Of the bootstrap intervals.
    """
    place_of = _place_of(evidence, by_node=by_node)
    emulated = {_grouped(place, by_node=by_node): how for place, how in emulated_places(evidence).items()}
    accepted = increases(evidence.series, PROMISED[INGEST_API], drained_window(evidence))
    counted, window = evidence.store.instances, evidence.load_run.window
    busy = {place_of(name) for name in (*accepted, *counted) if accepted.get(name) or counted.get(name)}
    return tuple(
        Share(
            place=place,
            emulated=emulated.get(place, ""),
            accepted=sum(events for name, events in accepted.items() if place_of(name) == place),
            counted=sum(events for name, events in counted.items() if place_of(name) == place),
            ingest_cpu=cpu_cost(_at(place, evidence, place_of), INGEST_API, window, seed=seed),
            worker_cpu=cpu_cost(_at(place, evidence, place_of), PROCESS_WORKER, window, seed=seed),
        )
        for place in sorted(busy, key=lambda place: (place.architecture, place.node))
    )


def _place_of(evidence: Evidence, *, by_node: bool) -> Callable[[str], Place]:
    """Return instance → place. Where all known places are the same, a process of unknown place is there, too."""
    places: Mapping[str, Place] = {
        name: _grouped(place, by_node=by_node) for name, place in places_of(evidence).items() if place != NOWHERE
    }
    only = next(iter(places.values())) if len(set(places.values())) == 1 else NOWHERE
    return lambda name: places.get(name, only)


def _grouped(place: Place, *, by_node: bool) -> Place:
    return place if by_node else place._replace(node="")


def _at(place: Place, evidence: Evidence, place_of: Callable[[str], Place]) -> Sequence[Series]:
    return [series for series in evidence.series if place_of(instance_of(series)) == place]
