"""Reads an aggregate of a message: query-api and the simulator send the same fields."""

from typing import Protocol

from lab.model import Aggregate
from services.contracts.aggregates import join_sum


class AggregateMessage(Protocol):
    """The fields of `lab.query.v1.Aggregate` and of `lab.simulator.v1.ProducerAggregate` that are the same."""

    source: str
    kind: str
    count: int
    sum_high: int
    sum_low: int
    minimum: float
    maximum: float


def aggregate_of(message: AggregateMessage, *, window_start_ns: int) -> Aggregate:
    """Return the aggregate in a message; its window starts at *window_start_ns*, nanoseconds since the epoch."""
    return Aggregate(
        source=message.source,
        kind=message.kind,
        count=message.count,
        sum_micro=join_sum(message.sum_high, message.sum_low),
        minimum=message.minimum,
        maximum=message.maximum,
        window_start_ns=window_start_ns,
    )
