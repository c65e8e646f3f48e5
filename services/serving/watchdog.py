"""Watches the progress of a service, and ends a process that stalls."""

import faulthandler
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

EX_SOFTWARE: Final = 70
CHECK_EVERY_S: Final = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """State of the work: whether there is any, and a mark that changes when some of it is done."""

    busy: bool
    mark: object


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds without progress until the process counts as stalled, and until it ends to be restarted."""

    stalled_after_s: float = 15.0
    give_up_after_s: float = 60.0


class Standstill:
    """Measures how long the mark has not changed while there was work. Holds no clock."""

    def __init__(self) -> None:
        self._mark: object = None
        self._since_s = 0.0

    def seconds(self, progress: Progress, *, now_s: float) -> float:
        """Return the seconds without progress, 0 while there is no work."""
        if not progress.busy or progress.mark != self._mark:
            self._mark, self._since_s = progress.mark, now_s
        return now_s - self._since_s


def watch(
    progress: Callable[[], Progress],
    set_healthy: Callable[[bool], None],
    stopping: threading.Event,
    *,
    patience: Patience,
) -> None:
    """Check the progress every second until *stopping*; set health, and at last end the process with 70."""
    standstill, healthy = Standstill(), True
    while not stopping.wait(CHECK_EVERY_S):
        still_s = standstill.seconds(progress(), now_s=time.monotonic())
        if still_s >= patience.give_up_after_s:
            log.error("stalled for %.0f s, giving up", still_s)
            os._exit(EX_SOFTWARE)
        if healthy != (still_s < patience.stalled_after_s):
            healthy = not healthy
            set_healthy(healthy)
            _log_change(healthy, still_s)


def _log_change(healthy: bool, still_s: float) -> None:  # noqa: FBT001
    if healthy:
        log.info("making progress again")
        return
    log.error("stalled: there is work and none was done for %.0f s; the stacks of all threads follow", still_s)
    faulthandler.dump_traceback(all_threads=True)
