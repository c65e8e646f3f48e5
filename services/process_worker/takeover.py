"""Decides which entries are claimable: those of consumers without a heartbeat, by our own clock. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from services.ledger.records import Pending

IDLE_TIMES_UNTIL_DEAD: Final = 10


class Sighting(NamedTuple):
    """The last heartbeat of a consumer, and when it was first seen, in seconds of our monotonic clock."""

    heartbeat: int
    since_s: float


class Takeover:
    """Watches heartbeats by our clock alone, so that a jump of another machine's clock makes nothing claimable."""

    def __init__(self, own_name: str, *, idle_s: float) -> None:
        self._own, self._idle_s = own_name, idle_s
        self._seen: dict[str, Sighting] = {}

    def claimable(self, held: Sequence[Pending], heartbeats: Mapping[str, int], *, now_s: float) -> list[Pending]:
        """Return the entries of consumers whose heartbeat has stood still for the idle time."""
        owners = {entry.consumer for entry in held} | heartbeats.keys()
        self._seen = {name: self._sighting(name, heartbeats.get(name, 0), now_s) for name in owners}
        return [entry for entry in held if entry.consumer != self._own and self._is_idle(entry.consumer, now_s)]

    def dead(self, held: Sequence[Pending], *, now_s: float) -> list[str]:
        """Return the consumers whose heartbeat has stood still for ten idle times, and that hold no entries."""
        holders = {entry.consumer for entry in held}
        return [
            name
            for name, sighting in self._seen.items()
            if name != self._own
            and name not in holders
            and now_s - sighting.since_s >= IDLE_TIMES_UNTIL_DEAD * self._idle_s
        ]

    def _sighting(self, name: str, heartbeat: int, now_s: float) -> Sighting:
        seen = self._seen.get(name)
        return seen if seen and seen.heartbeat == heartbeat else Sighting(heartbeat, now_s)

    def _is_idle(self, name: str, now_s: float) -> bool:
        return now_s - self._seen[name].since_s >= self._idle_s
