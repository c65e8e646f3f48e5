"""Reads how durable a store is, again and again: a store may become less durable while it is in use."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import redis

from services.contracts.durability import Classified, durability_of

SECTIONS: Final = ("memory", "persistence", "replication")
FRESH_S: Final = 1.0
"""An answer to a trial is at most this old: a trial looks every few seconds."""
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
        return Classified("unknown", f"the store does not tell: {error}"), info
    return durability_of(info, role=info.get("role", ""), appendfsync=appendfsync), info


class DurabilityWatch:
    """The durability class of a store, read again where the last reading is too old; safe to use from several threads.

    Args:
        client: The store.
        at_start: The class that bootstrap wrote down; used where the store tells this service nothing.
        every_s: Age in seconds at which a reading is too old.
        clock: Seconds, monotonic.
    """

    def __init__(
        self, client: redis.Redis, at_start: str, *, every_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client, self._at_start, self._every_s, self._clock = client, at_start, every_s, clock
        self._last, self._read_at_s = at_start, -every_s
        self._lock = threading.Lock()

    def __call__(self) -> str:
        """Return the durability class; the last one known where the store does not answer."""
        with self._lock:
            now_s = self._clock()
            if now_s - self._read_at_s >= self._every_s:
                self._read_at_s = now_s
                self._last = self._reading()
            return self._last

    def _reading(self) -> str:
        try:
            classified, _ = read_durability(self._client)
        except redis.exceptions.RedisError:
            return self._last
        return self._at_start if classified.durability == "unknown" else classified.durability
