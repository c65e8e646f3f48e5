"""Whose entries may be taken over: those of consumers whose heartbeat stood still, by our own clock."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.ledger.port import Pending


class Sighting(NamedTuple):
    """The last heartbeat seen of a consumer, and when it was first seen there, in seconds of our monotonic clock."""

    heartbeat: int
    since_s: float


class Takeover:
    """Watches heartbeats. No clock but ours is consulted, so that a jump of another one claims nothing wrongly."""

    def __init__(self, own_name: str, *, idle_s: float) -> None:
        self._own, self._idle_s = own_name, idle_s
        self._seen: dict[str, Sighting] = {}

    def claimable(self, held: Sequence[Pending], heartbeats: Mapping[str, int], *, now_s: float) -> list[Pending]:
        """The entries held by consumers that stood still for the idle time."""
        owners = {entry.consumer for entry in held} | heartbeats.keys()
        self._seen = {name: self._sighting(name, heartbeats.get(name, 0), now_s) for name in owners}
        return [entry for entry in held if entry.consumer != self._own and self._still(entry.consumer, now_s)]

    def dead(self, held: Sequence[Pending], *, now_s: float) -> list[str]:
        """Consumers that stood still for ten idle times and hold nothing."""
        holders = {entry.consumer for entry in held}
        return [
            name
            for name, sighting in self._seen.items()
            if name != self._own and name not in holders and now_s - sighting.since_s >= 10 * self._idle_s
        ]

    def _sighting(self, name: str, heartbeat: int, now_s: float) -> Sighting:
        seen = self._seen.get(name)
        return seen if seen and seen.heartbeat == heartbeat else Sighting(heartbeat, now_s)

    def _still(self, name: str, now_s: float) -> bool:
        return now_s - self._seen[name].since_s >= self._idle_s
