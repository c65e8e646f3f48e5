"""How far another machine's clock is from ours, by round trips, as in NTP (RFC 5905, section 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from lab.errors import UsageFault
from lab.model import NANOS, NodeClock

if TYPE_CHECKING:
    from collections.abc import Sequence

TOLERANCE_S: Final = 0.25
"""A clock may be off by this beyond its error. No figure and no rule compares times of two machines more closely
(`lab.analysis.agreement.SCRAPE_MARGIN_S`)."""


class Exchange(NamedTuple):
    """One reading of another machine's clock, in nanoseconds since the epoch; only `server_ns` is by that clock."""

    sent_ns: int
    server_ns: int
    received_ns: int

    @property
    def round_trip_ns(self) -> int:
        """The time from the request to its answer."""
        return self.received_ns - self.sent_ns


class MeasuredClock(Protocol):
    """A clock whose distance from ours was measured."""

    @property
    def offset_s(self) -> float:
        """Seconds that the clock is ahead; negative where it is behind."""

    @property
    def error_s(self) -> float:
        """Seconds between measured and true offset at most."""


def clock_of(node: str, exchanges: Sequence[Exchange]) -> NodeClock:
    """Return a node's clock: its time minus the middle of the shortest round trip, which has the smallest error.

    The node read its clock at some moment of the round trip, so the error is at most half of the round trip.

    >>> clock_of("r3", [Exchange(0, 5_010_000_000, 20_000_000), Exchange(0, 5_200_000_000, 300_000_000)])
    NodeClock(node='r3', offset_s=5.0, error_s=0.01, exchanges=2)

    Raises:
        UsageFault: There is no exchange.
    """
    if not exchanges:
        step = "leave the node out, or ask a process on it for its time"
        raise UsageFault(f"cannot tell the clock of {node}", found="it was not asked", next_step=step)
    best = min(exchanges, key=lambda exchange: exchange.round_trip_ns)
    offset_ns = best.server_ns - (best.sent_ns + best.received_ns) / 2
    return NodeClock(node, offset_ns / NANOS, best.round_trip_ns / 2 / NANOS, len(exchanges))


def is_off(clock: MeasuredClock) -> bool:
    """Return whether a clock is certainly off by more than `TOLERANCE_S`."""
    return abs(clock.offset_s) > clock.error_s + TOLERANCE_S
