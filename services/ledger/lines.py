"""Keeps one connection per thread, for calls that are made thousands of times a second."""

import threading
from typing import Protocol

import redis

from services.ledger.wire import Reply


class Line(Protocol):
    """A connection of the client's."""

    def send_command(self, *words: object) -> None:
        """Send one command."""

    def read_response(self) -> Reply:
        """Return the next reply. Raises the client's errors."""

    def can_read(self, timeout: float) -> bool:
        """Return whether bytes wait to be read, after *timeout* seconds at most."""

    def disconnect(self) -> None:
        """Close the connection. The next command opens it again."""


class Lines:
    """Sends each command on the connection of its thread.

    The client's own `execute_command` borrows a connection from a pool, wraps the call for retries and records metrics
    that are not read: a quarter of ingest-api's CPU time for a batch, measured. A connection ends with its thread. The
    pool would count it for ever, and refuse every connection after the hundredth.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        self._own = threading.local()

    def call(self, *words: object) -> Reply:
        """Send one command and return its reply. Raises the client's errors."""
        line: Line | None = getattr(self._own, "line", None)
        if line is None:
            line = self._own.line = self._pool.connection_class(**self._pool.connection_kwargs)
        elif not _is_usable(line):
            line.disconnect()
        line.send_command(*words)
        return line.read_response()


def _is_usable(line: Line) -> bool:
    """Return whether no bytes wait to be read. They would be the end of the connection, or a reply out of step."""
    try:
        return not line.can_read(0)
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError):
        return False
