"""Handles events beside counting them: burns the CPU time that the experiment sets."""

import os
import signal
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from services.contracts.batches import Columns

SLICE_S: Final = 0.25
"""CPU seconds between two heartbeats while burning, far below every idle time."""


class Handler:
    """Handles events. *alive* is called every quarter of a second while handling takes long."""

    def __init__(self, *, cost_us: float, crash_on_kind: str, alive: Callable[[], None]) -> None:
        self._cost_s = cost_us / 1e6
        self._crash_on_kind = crash_on_kind
        self._alive = alive

    def handle(self, columns: Columns) -> None:
        """Handle all events of a batch. An event of the planted kind kills the process."""
        if self._crash_on_kind in columns.kinds:
            planted = columns.kinds.index(self._crash_on_kind)
            if np.any(columns.kind_index == planted):
                os.kill(os.getpid(), signal.SIGKILL)
        if self._cost_s:
            self._burn(self._cost_s * len(columns))

    def _burn(self, seconds: float) -> None:
        """Use CPU time of this thread. Sleeping would leave the node idle, and the cost would not show (D47)."""
        end = time.thread_time() + seconds
        next_heartbeat = time.thread_time() + SLICE_S
        while (now := time.thread_time()) < end:
            if now >= next_heartbeat:
                self._alive()
                next_heartbeat = now + SLICE_S
