"""A run that stops at a named point and says so, to be killed there: `python -m tests.unit.runs.doomed RUNS POINT`.

`no-room` is not killed: from the measurement on no file may be longer than a few kilobytes, which is how a full disk
looks to a writer.
"""

import resource
import sys
import threading
from pathlib import Path
from typing import Final

from lab.display.progress import Silent
from lab.errors import LabError
from lab.model import Trial
from lab.runs.record import RunRecord
from lab.runs.store import RunStore
from tests.unit import trials

HERE: Final = "here"
LARGEST_BYTES: Final = 8_192


def run(runs: Path, point: str) -> None:
    """Keep one run; wait for ever where it was told to."""

    def stop_at(name: str) -> None:
        if (name, point) == ("measuring", "no-room"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_BYTES, LARGEST_BYTES))
        elif name == point:
            print(HERE, flush=True)
            threading.Event().wait()

    def publish(_trial: Trial) -> None:
        stop_at("publishing")

    folder = RunStore(runs).new("doomed", run_id="doomed")
    stop_at("begun")
    with RunRecord(folder, Silent(), publish=publish) as record:
        stop_at("measuring")
        record.keep_logs({})
        stop_at("logs-kept")
        record.succeeded(trials.trial(), interrupted=False)
    stop_at("done")


def write_for_ever(runs: Path) -> None:
    """Replace the manifest again and again."""
    folder = RunStore(runs).new("doomed", run_id="doomed")
    number = 0
    while True:
        number += 1
        folder.update(number=number, padding="x" * 20_000)
        print(HERE, flush=True)


if __name__ == "__main__":
    where, what = Path(sys.argv[1]), sys.argv[2]
    if what == "writing":
        write_for_ever(where)
    else:
        try:
            run(where, what)
        except LabError as error:
            print(error, flush=True)
