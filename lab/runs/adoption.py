"""Finds this kernel's notebook and its parameters; keeps the notebook that plain papermill writes.

`python -m lab.runs.adoption PID OUTPUT FOLDER` waits until the process PID ends, then copies the notebook OUTPUT.
"""

import atexit
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from lab.errors import LabError
from lab.runs.parameters import parameters_of
from lab.settings import jupyter_session

if TYPE_CHECKING:
    from collections.abc import Mapping

WAIT_S: Final = 60.0
PLAIN: Final = (str, int, float, bool)


def this_notebook() -> Path | None:
    """Return the notebook that this kernel runs; None where that is unknown."""
    papermill = _papermill()
    if papermill:
        return papermill[0]
    session = jupyter_session()
    return Path(session).resolve() if session.endswith(".ipynb") else None


def parameters_here() -> dict[str, object]:
    """Return the names and current values of this notebook's parameters; empty outside of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return {}
    names = shell.user_ns
    if declared := defaults_here():
        return {name: names[name] for name in declared if name in names}
    annotated: Mapping[str, Any] = names.get("__annotations__", {})
    return {name: names[name] for name in annotated if isinstance(names.get(name), PLAIN)}


def defaults_here() -> dict[str, object]:
    """Return the names and defaults of this notebook's parameters; empty where the notebook's file is unknown."""
    notebook = this_notebook()
    with suppress(LabError):
        if notebook is not None:
            return {parameter.name: parameter.default for parameter in parameters_of(notebook)}
    return {}


def adopt_output(folder: Path) -> None:
    """Where plain papermill runs this kernel, copy the notebook that papermill writes into the run's folder."""
    papermill = _papermill()
    if papermill:
        _, output, pid = papermill
        command = [sys.executable, "-m", "lab.runs.adoption", str(pid), str(output), str(folder)]
        atexit.register(_start_alone, command)


def _start_alone(command: list[str]) -> None:
    """Start a process that outlives papermill and holds none of papermill's streams open."""
    null = subprocess.DEVNULL
    subprocess.Popen(command, start_new_session=True, stdin=null, stdout=null, stderr=null)


def _papermill() -> tuple[Path, Path, int] | None:
    """Return input, output and process of the papermill command that started this kernel; None without one."""
    with suppress(psutil.Error, OSError):
        parent = psutil.Process().parent()
        if parent is None:
            return None
        command = parent.cmdline()
        notebooks = [Path(parent.cwd(), word).resolve() for word in command if word.endswith(".ipynb")]
        if any(Path(word).name == "papermill" for word in command[:3]) and len(notebooks) >= 2:
            return notebooks[0], notebooks[1], parent.pid
    return None


def main(pid: int, output: Path, folder: Path) -> None:
    """Wait until papermill ends, then copy its output."""
    with suppress(psutil.Error):
        psutil.Process(pid).wait(WAIT_S)
    shutil.copyfile(output, folder / output.name)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
