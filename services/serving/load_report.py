"""Tells callers how busy this server is, so that they send fewer calls to slow servers.

The report is the one that gRPC's policy `weighted_round_robin` reads in the answers (gRFC A51 and A58).
"""

import struct
import threading
import time
from collections.abc import Callable
from typing import Final

import grpc

KEY: Final = "endpoint-load-metrics-bin"
FIELDS: Final = struct.Struct("<BdBdBd")
RPS_FRACTIONAL, EPS, APPLICATION_UTILIZATION = 6 << 3 | 1, 7 << 3 | 1, 9 << 3 | 1
"""Fields of the message `xds.data.orca.v3.OrcaLoadReport`, each a number of eight bytes."""
EVERY_S: Final = 1.0


class LoadReport:
    """Measures the calls of one server, and sends the measure with the answers.

    The measure is of the time since the last report, at least a second. It has three parts: calls per second, refused
    calls per second, and the utilization, which is the mean number of calls that are handled at a time. A caller weighs
    a server by its calls per second of work. Refused calls count as work besides.

    Args:
        now_s: Monotonic clock.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._changing = threading.Lock()
        self._since_s, self._busy_s, self._calls, self._refused = now_s(), 0.0, 0, 0
        self._metadata: tuple[tuple[str, bytes], ...] = ()

    def ended(self, busy_s: float, *, answered: bool) -> None:
        """Count a call that has ended.

        Args:
            busy_s: Seconds for which the call waited for a thread and was handled.
            answered: Whether the caller gets what it asked for.
        """
        with self._changing:
            self._busy_s += busy_s
            self._calls += 1
            self._refused += not answered
            elapsed_s = self._now_s() - self._since_s
            if elapsed_s >= EVERY_S:
                rates = self._calls / elapsed_s, self._refused / elapsed_s, self._busy_s / elapsed_s
                self._metadata = ((KEY, _packed(*rates)),)
                self._since_s, self._busy_s, self._calls, self._refused = self._now_s(), 0.0, 0, 0

    def attach(self, context: grpc.ServicerContext) -> None:
        """Send the measure with the answer, or with the refusal, of a call; nothing in the first second."""
        if self._metadata:
            context.set_trailing_metadata((*(context.trailing_metadata() or ()), *self._metadata))


def _packed(rate: float, refused: float, utilization: float) -> bytes:
    """Return the report as gRPC reads it."""
    return FIELDS.pack(RPS_FRACTIONAL, rate, EPS, refused, APPLICATION_UTILIZATION, utilization)
