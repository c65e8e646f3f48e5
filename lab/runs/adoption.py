"""Which notebook this kernel runs, with which parameters; keeps what plain papermill writes of it.

`python -m lab.runs.adoption PID OUTPUT FOLDER` waits for that process to end and copies the notebook it wrote.
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
    """The notebook this kernel runs, where that can be told."""
    papermill = _papermill()
    if papermill:
        return papermill[0]
    session = jupyter_session()
    return Path(session).resolve() if session.endswith(".ipynb") else None


def parameters_here() -> dict[str, object]:
    """Names and values of this notebook's parameters as they are now; empty outside of a notebook."""
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
    """Names and values of this notebook's parameters as its file declares them; empty where that cannot be told."""
    notebook = this_notebook()
    with suppress(LabError):
        if notebook is not None:
            return {parameter.name: parameter.default for parameter in parameters_of(notebook)}
    return {}


def adopt_output(folder: Path) -> None:
    """When plain papermill runs this kernel, let the notebook it writes be copied into the run's folder."""
    papermill = _papermill()
    if papermill:
        _, output, pid = papermill
        command = [sys.executable, "-m", "lab.runs.adoption", str(pid), str(output), str(folder)]
        atexit.register(_start_alone, command)


def _start_alone(command: list[str]) -> None:
    """Start what outlives papermill; whoever reads papermill's output to its end must not wait for it."""
    nowhere = subprocess.DEVNULL
    subprocess.Popen(command, start_new_session=True, stdin=nowhere, stdout=nowhere, stderr=nowhere)


def _papermill() -> tuple[Path, Path, int] | None:
    """Input, output and process of the papermill command that started this kernel."""
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
    """Wait for papermill, then copy."""
    with suppress(psutil.Error):
        psutil.Process(pid).wait(WAIT_S)
    shutil.copyfile(output, folder / output.name)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
