"""Follows the logs of files and of pods while they are written."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

FILE_PAUSE_S: Final = 0.2
POD_PAUSE_S: Final = 1.0
MOST_LINES: Final = 20_000
"""Most lines of a pod in one request."""
Pause = Callable[[float], object]


def followed_files(files: Sequence[Path], lines: int, *, pause: Pause | None = None) -> Iterator[str]:
    """Yield the last *lines* of each file, then every line that is written to one of the files, without end."""
    pause = pause or threading.Event().wait
    with ExitStack() as opened:
        logs = [opened.enter_context(file.open(errors="replace")) for file in files]
        for log in logs:
            yield from log.read().splitlines()[-lines:]
        partial = [""] * len(logs)
        while True:
            for number, log in enumerate(logs):
                *complete, partial[number] = (partial[number] + log.read()).split("\n")
                yield from complete
            pause(FILE_PAUSE_S)


def followed_pods(
    read: Callable[[str, str, int], str], pods: Sequence[str], lines: int, *, pause: Pause | None = None
) -> Iterator[str]:
    """Yield the last *lines* of each pod, then every line that one of the pods prints, without end.

    Args:
        read: (pod, time of the oldest line, most lines) → lines. Each line starts with its time, in a text form that
            sorts by time.
        pods: Names of pods. With several pods, each line starts with the name of its pod.
        lines: How many of the last lines come first.
        pause: Waits this many seconds.
    """
    pause, last = pause or threading.Event().wait, dict.fromkeys(pods, "")
    while True:
        for pod in pods:
            text = read(pod, last[pod], MOST_LINES if last[pod] else lines)
            printed = [line.partition(" ") for line in text.splitlines()]
            # The API takes whole seconds, so that it returns some lines again.
            new = [(at, line) for at, _, line in printed if at > last[pod]]
            last[pod] = max([last[pod], *(at for at, _ in new)])
            yield from (line if len(pods) == 1 else f"{pod}  {line}" for _, line in new)
        pause(POD_PAUSE_S)
