"""Recomputes aggregates of a file with plain Python integers. Imports nothing of the lab or the services."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Event(NamedTuple):
    """One usable value of a file."""

    time_ns: int
    source: str
    kind: str
    value: float


class Aggregate(NamedTuple):
    """Count, exact sum in micro-units, smallest and largest value."""

    number: int
    sum_micro: int
    smallest: float
    largest: float


def nanoseconds(text: str) -> int:
    """Return an ISO time in nanoseconds since the epoch, read as UTC where it names no zone."""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    elapsed = moment - EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000_000 + elapsed.microseconds * 1_000


def micro(value: float) -> int:
    """Return the micro-units of a value: the product as a double, rounded half to even."""
    return round(value * 1e6)


def aggregates_of(events: Iterable[Event], *, window_ns: int | None) -> dict[tuple[int, str, str], Aggregate]:
    """Return aggregates by (start of the window in ns or 0, source, kind)."""
    aggregates: dict[tuple[int, str, str], Aggregate] = {}
    for event in events:
        start = event.time_ns // window_ns * window_ns if window_ns else 0
        key = (start, event.source, event.kind)
        value = event.value + 0.0
        old = aggregates.get(key)
        if old is None:
            aggregates[key] = Aggregate(1, micro(value), value, value)
        else:
            aggregates[key] = Aggregate(
                old.number + 1,
                old.sum_micro + micro(value),
                min(old.smallest, value),
                max(old.largest, value),
            )
    return aggregates
