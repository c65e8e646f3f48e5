"""What is done to every event beside counting it: burning the CPU time the experiment asks for."""

import os
import signal
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from services.contracts.batches import Columns

SLICE_S: Final = 0.25
"""CPU seconds between two signs of life while burning, far below any idle time."""


class Handler:
    """Handles events; *alive* is called now and then while it takes long."""

    def __init__(self, *, cost_us: float, crash_on_kind: str, alive: Callable[[], None]) -> None:
        self._cost_s = cost_us / 1e6
        self._crash_on_kind = crash_on_kind
        self._alive = alive

    def handle(self, columns: Columns) -> None:
        """Handle all events of a batch; does not return where one of them is made to kill the process."""
        if self._crash_on_kind in columns.kinds:
            planted = columns.kinds.index(self._crash_on_kind)
            if np.any(columns.kind_index == planted):
                os.kill(os.getpid(), signal.SIGKILL)
        if self._cost_s:
            self._burn(self._cost_s * len(columns))

    def _burn(self, seconds: float) -> None:
        """Use up CPU time of this thread; sleeping would leave the node idle and show nothing (D47)."""
        end = time.thread_time() + seconds
        sign_of_life = time.thread_time() + SLICE_S
        while (now := time.thread_time()) < end:
            if now >= sign_of_life:
                self._alive()
                sign_of_life = now + SLICE_S
