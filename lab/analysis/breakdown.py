"""What each architecture, and each node, did of a trial, and at what cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lab.analysis.agreement import drained_window, increase
from lab.analysis.estimate import MIN_BLOCKS, Estimate, ends, resample
from lab.analysis.places import NOWHERE, Place, emulated_places, places_of
from lab.analysis.throughput import counted_rate
from services.contracts.signals import INGEST_EVENTS_ACCEPTED, PROCESS_CPU_TIME, WORKER_EVENTS_PROCESSED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lab.model import Evidence, Series, Window

ACCEPTED: Final = INGEST_EVENTS_ACCEPTED.prometheus_name
COUNTED: Final = WORKER_EVENTS_PROCESSED.prometheus_name
CPU: Final = PROCESS_CPU_TIME.prometheus_name
MILLISECONDS_PER_THOUSAND: Final = 1e6
"""Seconds an event → milliseconds for a thousand events."""


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a trial that one place did.

    Attributes:
        place: Node and architecture; the node is empty where those of an architecture are taken together.
        emulated: How its processes are emulated, empty where they are not.
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
    """A stratum for each place that took part, in the order of architecture and node.

    Args:
        evidence: What was observed.
        by_node: Whether nodes of one architecture are told apart.
        seed: Of the bootstrap intervals.
    """
    placed = _placed(evidence, by_node=by_node)
    emulated = {_kept(place, by_node=by_node): how for place, how in emulated_places(evidence).items()}
    accepted = _increases(evidence, ACCEPTED)
    counted = evidence.store.instances
    busy = {placed(name) for name in (*accepted, *counted) if accepted.get(name) or counted.get(name)}
    return tuple(
        Share(
            place=place,
            emulated=emulated.get(place, ""),
            accepted=sum(events for name, events in accepted.items() if placed(name) == place),
            counted=sum(events for name, events in counted.items() if placed(name) == place),
            ingest_cpu=cpu_cost(_within(evidence, placed, place), ACCEPTED, evidence.load_run.window, seed=seed),
            worker_cpu=cpu_cost(_within(evidence, placed, place), COUNTED, evidence.load_run.window, seed=seed),
        )
        for place in sorted(busy, key=lambda place: (place.architecture, place.node))
    )


def cpu_cost(series: Sequence[Series], counter: str, window: Window, *, seed: int = 0) -> Estimate:
    """CPU milliseconds for a thousand events, of the processes that have a counter of events among these series.

    Args:
        series: Raw samples of the counter and of the processes' CPU time.
        counter: Name of the counter of events.
        window: The seconds that are looked at.
        seed: Of the interval, which is within this run.
    """
    counters = [one for one in series if one.name == counter]
    processes = {one.labels.get("instance", "") for one in counters}
    cpu = [one for one in series if one.name == CPU and one.labels.get("instance", "") in processes]
    events, spent_s = counted_rate(counters, window).value, counted_rate(cpu, window).value
    if not cpu or not events.sum():
        return Estimate(None, note="no event" if cpu else "no series of CPU time")
    value = MILLISECONDS_PER_THOUSAND * float(spent_s.sum() / events.sum())
    if (events > 0).sum() < MIN_BLOCKS:
        return Estimate(value, note=f"no interval from fewer than {MIN_BLOCKS} s", samples=round(events.sum()))
    drawn = resample(
        len(events),
        lambda times: MILLISECONDS_PER_THOUSAND * float(times @ spent_s / done) if (done := times @ events) else value,
        seed=seed,
    )
    return Estimate(value, *ends(drawn), samples=round(events.sum()))


def _placed(evidence: Evidence, *, by_node: bool) -> Callable[[str], Place]:
    """Instance → place; where there is only one, a process of which nobody knows more was there, too."""
    places: Mapping[str, Place] = {
        name: _kept(place, by_node=by_node) for name, place in places_of(evidence).items() if place != NOWHERE
    }
    only = next(iter(places.values())) if len(set(places.values())) == 1 else NOWHERE
    return lambda name: places.get(name, only)


def _kept(place: Place, *, by_node: bool) -> Place:
    return place if by_node else place._replace(node="")


def _increases(evidence: Evidence, counter: str) -> Mapping[str, int]:
    window = drained_window(evidence)
    return {one.labels.get("instance", ""): increase(one, window) for one in evidence.series if one.name == counter}


def _within(evidence: Evidence, placed: Callable[[str], Place], place: Place) -> Sequence[Series]:
    return [one for one in evidence.series if placed(one.labels.get("instance", "")) == place]
