"""How far a clock elsewhere is from ours, from questions and answers; as NTP does it (RFC 5905, section 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from lab.errors import UsageFault
from lab.model import NANOS, NodeClock

if TYPE_CHECKING:
    from collections.abc import Sequence

TOLERANCE_S: Final = 0.25
"""Beyond its error a clock may be off by this: the shortest time between readings of two machines' clocks that any
figure or rule decides on (`lab.analysis.agreement.SCRAPE_MARGIN_S`)."""


class Exchange(NamedTuple):
    """One question to a clock elsewhere; nanoseconds since the epoch, `server_ns` by that clock, the others by ours."""

    sent_ns: int
    server_ns: int
    received_ns: int

    @property
    def round_trip_ns(self) -> int:
        """From the question to its answer."""
        return self.received_ns - self.sent_ns


def clock_of(node: str, exchanges: Sequence[Exchange]) -> NodeClock:
    """A node's clock: server time minus the middle of the shortest round trip, which divides the least of all.

    The server read its clock at some moment of the round trip, so the error is at most half of it.

    >>> clock_of("r3", [Exchange(0, 5_010_000_000, 20_000_000), Exchange(0, 5_200_000_000, 300_000_000)])
    NodeClock(node='r3', offset_s=5.0, error_s=0.01, exchanges=2)

    Raises:
        UsageFault: It was not asked.
    """
    if not exchanges:
        raise UsageFault(f"cannot tell the clock of {node}", found="nobody asked it")
    best = min(exchanges, key=lambda one: one.round_trip_ns)
    offset_ns = best.server_ns - (best.sent_ns + best.received_ns) / 2
    return NodeClock(node, offset_ns / NANOS, best.round_trip_ns / 2 / NANOS, len(exchanges))


def is_off(clock: NodeClock) -> bool:
    """Whether a clock is certainly off by more than anything here tolerates."""
    return abs(clock.offset_s) > clock.error_s + TOLERANCE_S
