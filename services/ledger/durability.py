"""Reads how durable a store is, again and again: a store may become less durable while it is in use."""

import time
from collections.abc import Callable, Mapping
from typing import Final

import redis

from services.contracts.durability import Classified, durability_of
from services.ledger.fresh import FreshReading

SECTIONS: Final = ("memory", "persistence", "replication")
FRESH_S: Final = 1.0
"""An answer to a trial is at most this old: a trial looks every few seconds."""
PATIENCE_S: Final = 0.3
"""A caller waits for the store this long at most, and else gets the last class known."""
UNKNOWN: Final = "unknown"
SELDOM_S: Final = 30.0
"""A service that only reports its status reads the class this often."""


def read_durability(client: redis.Redis) -> tuple[Classified, Mapping[str, str]]:
    """Return the durability class that a store has now, and the fields of INFO that were read.

    Raises:
        redis.exceptions.RedisError: The store does not answer.
    """
    info: dict[str, str] = {}
    try:
        for section in SECTIONS:
            info |= {name: str(value) for name, value in client.info(section).items()}
        appendfsync = client.config_get("appendfsync").get("appendfsync")
    except redis.exceptions.ResponseError as error:
        return Classified(UNKNOWN, f"the store does not tell: {error}"), info
    return durability_of(info, role=info.get("role", ""), appendfsync=appendfsync), info


class DurabilityWatch:
    """The durability class of a store, read again where the last reading is too old; safe to use from several threads.

    Args:
        read: Returns the class now, `unknown` where the store tells this service nothing; raises LedgerError where the
            store is away.
        at_start: The class that bootstrap wrote down; it stands for `unknown`.
        every_s: Age in seconds at which a reading is too old.
        now_s: Seconds, monotonic.
    """

    def __init__(
        self, read: Callable[[], str], at_start: str, *, every_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._reading = FreshReading(read, fresh_s=every_s, patience_s=PATIENCE_S, now_s=now_s)
        self._at_start = self._last = at_start

    def __call__(self) -> str:
        """Return the durability class; the last one known while the store does not answer."""
        durability = self._reading.value()
        if durability is not None:
            self._last = self._at_start if durability == UNKNOWN else durability
        return self._last
