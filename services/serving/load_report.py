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
FIELDS: Final = struct.Struct("<BdBd")
RPS_FRACTIONAL, APPLICATION_UTILIZATION = 6 << 3 | 1, 9 << 3 | 1
"""Fields of the message `xds.data.orca.v3.OrcaLoadReport`, each a number of eight bytes."""
EVERY_S: Final = 1.0


class LoadReport:
    """Measures the calls of one server, and writes the measure of the last second into the answers.

    The utilization is the mean number of calls under way. A caller weighs a server by its rate of answers divided by
    its utilization, which is the reciprocal of the mean time that a call takes. A refused call takes time and is no
    answer.

    Args:
        now_s: Monotonic clock.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._changing = threading.Lock()
        self._since_s, self._busy_s, self._answered = now_s(), 0.0, 0
        self._metadata: tuple[tuple[str, bytes], ...] = ()

    def ended(self, busy_s: float, *, answered: bool) -> None:
        """Count a call that has ended.

        Args:
            busy_s: Seconds since the call asked for a thread.
            answered: Whether the caller gets what it asked for.
        """
        with self._changing:
            self._busy_s += busy_s
            self._answered += answered
            elapsed_s = self._now_s() - self._since_s
            if elapsed_s >= EVERY_S and self._answered:
                rate, utilization = self._answered / elapsed_s, self._busy_s / elapsed_s
                self._metadata = ((KEY, FIELDS.pack(RPS_FRACTIONAL, rate, APPLICATION_UTILIZATION, utilization)),)
                self._since_s, self._busy_s, self._answered = self._now_s(), 0.0, 0

    def attach(self, context: grpc.ServicerContext) -> None:
        """Send the measure with the answer of a call; nothing in the first second."""
        if self._metadata:
            context.set_trailing_metadata(self._metadata)
