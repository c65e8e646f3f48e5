"""Measures pauses of the machine itself by a thread that hardly sleeps (`ARCHITECTURE.md` D49)."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from lab.load.port import Stall

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

NAP_S: Final = 0.005
PAUSE_S: Final = 0.05


class PauseProbe:
    """Reads the clock every 5 ms for as long as its context lasts; a reading that comes 50 ms late is a pause.

    Whatever stops this process shows: the hypervisor, the scheduler, memory pressure. A long call that holds the
    interpreter shows, too, so that the machine itself paused at most this much. The context yields the pauses so far,
    the oldest first.

    Args:
        longer_than_s: A reading that is later than this is a pause.
        monotonic: The clock that measures; for tests.
        wall: The clock that dates; for tests.
    """

    def __init__(
        self,
        *,
        longer_than_s: float = PAUSE_S,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._longer_than_s, self._monotonic, self._wall = longer_than_s, monotonic, wall
        self.pauses: list[Stall] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="pause-probe", daemon=True)
        self._last_s = 0.0

    def __enter__(self) -> list[Stall]:
        self._last_s = self._monotonic()
        self._thread.start()
        return self.pauses

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def read_clock(self) -> None:
        """Compare the clock with the previous reading, and keep a pause if there was any."""
        now_s = self._monotonic()
        if (late_s := now_s - self._last_s - NAP_S) > self._longer_than_s:
            self.pauses.append(Stall(self._wall(), late_s))
        self._last_s = now_s

    def _watch(self) -> None:
        while not self._stopping.wait(NAP_S):
            self.read_clock()
