"""Keeps the notebook that plain papermill writes.

`python -m lab.runs.notebooks.adoption PID OUTPUT FOLDER` waits until the process PID ends. It then copies the notebook
OUTPUT.
"""

import atexit
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from lab.runs.notebooks.this_kernel import Papermill

WAIT_S: Final = 60.0
"""Longest time that papermill may take to end after its kernel has ended."""


def adopt_output(papermill: "Papermill | None", folder: Path) -> None:
    """Where plain papermill runs this kernel, copy the notebook that papermill writes into the run's folder."""
    if papermill is not None:
        arguments = (str(papermill.pid), str(papermill.output), str(folder))
        atexit.register(_start_alone, [sys.executable, "-m", "lab.runs.notebooks.adoption", *arguments])


def _start_alone(command: list[str]) -> None:
    """Start a process that outlives papermill and holds none of papermill's streams open."""
    null = subprocess.DEVNULL
    subprocess.Popen(command, start_new_session=True, stdin=null, stdout=null, stderr=null)


def main(pid: int, output: Path, folder: Path) -> None:
    """Wait until papermill ends, then copy its output."""
    with suppress(psutil.Error):
        psutil.Process(pid).wait(WAIT_S)
    shutil.copyfile(output, folder / output.name)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
