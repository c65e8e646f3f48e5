"""Notices when there is work and none of it gets done."""

import faulthandler
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

EX_SOFTWARE: Final = 70
LOOK_EVERY_S: Final = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """A look at the work: whether there is any, and a mark that changes when some of it is done."""

    busy: bool
    mark: object


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds without progress until the process is called stalled, and until it ends to be started anew."""

    stalled_after_s: float = 15.0
    give_up_after_s: float = 60.0


class Standstill:
    """How long the mark has stood still while there was work; holds no clock."""

    def __init__(self) -> None:
        self._mark: object = None
        self._since_s = 0.0

    def seconds(self, progress: Progress, *, now_s: float) -> float:
        """Seconds without progress, 0 while there is nothing to do."""
        if not progress.busy or progress.mark != self._mark:
            self._mark, self._since_s = progress.mark, now_s
        return now_s - self._since_s


def watch(
    look: Callable[[], Progress],
    set_healthy: Callable[[bool], None],
    stopping: threading.Event,
    *,
    patience: Patience,
) -> None:
    """Look every second until *stopping*; health follows, and after long enough the process ends with 70."""
    standstill, healthy = Standstill(), True
    while not stopping.wait(LOOK_EVERY_S):
        still_s = standstill.seconds(look(), now_s=time.monotonic())
        if still_s >= patience.give_up_after_s:
            log.error("stalled for %.0f s, giving up", still_s)
            os._exit(EX_SOFTWARE)
        if healthy != (still_s < patience.stalled_after_s):
            healthy = not healthy
            set_healthy(healthy)
            _say(healthy, still_s)


def _say(healthy: bool, still_s: float) -> None:  # noqa: FBT001
    if healthy:
        log.info("making progress again")
        return
    log.error("stalled: there is work and none was done for %.0f s; the stacks of all threads follow", still_s)
    faulthandler.dump_traceback(all_threads=True)
