"""Runs up to a named point and reports that it is there, to be killed: `python -m tests.unit.runs.doomed RUNS POINT`.

`no-room` is not killed: from the measurement on, no file may be longer than a few kilobytes, as on a full disk.
"""

import itertools
import resource
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from lab.errors import LabError
from lab.model import Trial
from lab.runs.record import RunRecord
from lab.runs.store import RunStore
from tests.unit import trials

HERE: Final = "here"
LARGEST_BYTES: Final = 8_192


def run(runs: Path, point: str) -> None:
    """Keep one run, and wait for ever at the point."""

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
    with RunRecord(folder, publish=publish) as record:
        stop_at("measuring")
        record.keep_logs({})
        stop_at("logs-kept")
        record.succeeded(trials.trial(), interrupted=False)
    stop_at("done")


def write_for_ever(runs: Path) -> None:
    """Replace the manifest again and again."""
    folder = RunStore(runs).new("doomed", run_id="doomed")
    for number in itertools.count(1):
        facts = {"number": number, "padding": "x" * 20_000}
        folder.update(partial(replace, trial=facts))
        print(HERE, flush=True)


if __name__ == "__main__":
    folder_of_runs, named_point = Path(sys.argv[1]), sys.argv[2]
    if named_point == "writing":
        write_for_ever(folder_of_runs)
    else:
        try:
            run(folder_of_runs, named_point)
        except LabError as error:
            print(error, flush=True)
