"""Logs as they are written, of files and of pods."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

LOOK_S: Final = 0.2
ASK_S: Final = 1.0
AT_MOST: Final = 20_000
"""Lines of one pod that are asked for at once."""
Pause = Callable[[float], object]


def followed_files(files: Sequence[Path], lines: int, *, pause: Pause | None = None) -> Iterator[str]:
    """The last *lines* of each file, then every line that is written to one of them, without end."""
    pause = pause or threading.Event().wait
    with ExitStack() as opened:
        logs = [opened.enter_context(file.open(errors="replace")) for file in files]
        for log in logs:
            yield from log.read().splitlines()[-lines:]
        begun = [""] * len(logs)
        while True:
            for number, log in enumerate(logs):
                *whole, begun[number] = (begun[number] + log.read()).split("\n")
                yield from whole
            pause(LOOK_S)


def followed_pods(
    read: Callable[[str, str, int], str], pods: Sequence[str], lines: int, *, pause: Pause | None = None
) -> Iterator[str]:
    """The last *lines* of each pod, then every line that one of them prints, without end.

    Args:
        read: (pod, since when, how many at most) → lines, each behind its time in a form whose order is that of time.
        pods: Names; where there are several, each line stands behind its pod's.
        lines: How many of the last lines.
        pause: Waits some seconds.
    """
    pause, last = pause or threading.Event().wait, dict.fromkeys(pods, "")
    while True:
        for pod in pods:
            said = [line.partition(" ") for line in read(pod, last[pod], AT_MOST if last[pod] else lines).splitlines()]
            # The API takes whole seconds and gives what it gave before once more.
            fresh = [(at, text) for at, _, text in said if at > last[pod]]
            last[pod] = max([last[pod], *(at for at, _ in fresh)])
            yield from (text if len(pods) == 1 else f"{pod}  {text}" for _, text in fresh)
        pause(ASK_S)
