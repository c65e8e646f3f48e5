"""What an event costs: CPU time of a service for each event that the service handles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lab.analysis.counters import instance_of, named, rate
from lab.analysis.estimate import MIN_BLOCKS, Estimate, ends, resample
from lab.systems.services import PROMISED
from services.contracts.signals import PROCESS_CPU_TIME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.model import Series, Window

CPU: Final = PROCESS_CPU_TIME.prometheus_name
MILLISECONDS_PER_THOUSAND: Final = 1e6
"""Seconds an event → milliseconds for a thousand events."""


def cpu_cost(series: Sequence[Series], service: str, window: Window, *, seed: int = 0) -> Estimate:
    """Return the CPU milliseconds that a service spends on a thousand events, with the interval within this run.

    Args:
        series: Raw samples of the service's counter of events and of the CPU time of its processes.
        service: It must promise a counter of events.
        window: CPU time and events outside it are left out.
        seed: Of the bootstrap; the same seed gives the same interval.
    """
    counters = named(series, PROMISED[service])
    processes = set(map(instance_of, counters))
    cpu = [used for used in named(series, CPU) if instance_of(used) in processes]
    events, spent_s = rate(counters, window).value, rate(cpu, window).value
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
