"""Ends a process whose work stalls."""

import faulthandler
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

CHECK_EVERY_S: Final = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """State of the work. *busy* tells whether there is any; *mark* changes whenever some of it is done."""

    busy: bool
    mark: object


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds without progress until the process counts as stalled, and until it ends to be restarted."""

    stalled_after_s: float = 15.0
    give_up_after_s: float = 60.0


class Standstill:
    """Measures how long the mark has not changed while there was work. Holds no clock.

    >>> standstill = Standstill()
    >>> [standstill.seconds(Progress(busy=True, mark=mark), now_s=now_s) for mark, now_s in ((1, 10), (1, 17), (2, 18))]
    [0, 7, 0]
    """

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
    """Watch the progress until *stopping*; set health. End the process with 70 where it stalls for too long."""
    if watch_until_given_up(progress, set_healthy, stopping.wait, patience=patience):
        os._exit(os.EX_SOFTWARE)


def watch_until_given_up(
    progress: Callable[[], Progress],
    set_healthy: Callable[[bool], None],
    stops_within: Callable[[float], bool],
    *,
    patience: Patience,
    now_s: Callable[[], float] = time.monotonic,
) -> bool:
    """Check the progress every second. Return True where patience ends, False where the process stops before.

    Args:
        progress: Returns the state of the work.
        set_healthy: Learns of each change between stalled and not stalled.
        stops_within: Waits for some seconds. Returns True as soon as the process stops.
        patience: Seconds without progress after which health changes, and after which patience ends.
        now_s: Seconds, monotonic.
    """
    standstill, healthy = Standstill(), True
    while not stops_within(CHECK_EVERY_S):
        still_s = standstill.seconds(progress(), now_s=now_s())
        if still_s >= patience.give_up_after_s:
            log.error("stalled for %.0f s, giving up", still_s)
            return True
        if healthy != (still_s < patience.stalled_after_s):
            healthy = not healthy
            set_healthy(healthy)
            _log_change(healthy, still_s)
    return False


def _log_change(healthy: bool, still_s: float) -> None:  # noqa: FBT001
    if healthy:
        log.info("making progress again")
        return
    log.error("stalled: there is work and none was done for %.0f s; the stacks of all threads follow", still_s)
    faulthandler.dump_traceback(all_threads=True)
