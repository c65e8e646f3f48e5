"""Tells what this kernel runs: its shell, its notebook, its notebook's parameters."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import psutil

from lab.errors import LabError
from lab.runs.parameters import parameters_of
from lab.settings import jupyter_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell

PLAIN: Final = (str, int, float, bool)
"""Types that a parameter may have."""


class Papermill(NamedTuple):
    """A papermill command that started this kernel: the notebook, the notebook that it writes, its process."""

    notebook: Path
    output: Path
    pid: int


def shell_here() -> "InteractiveShell | None":
    """Return IPython's shell; None outside of IPython, which this function does not load."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def this_notebook() -> Path | None:
    """Return the notebook that this kernel runs; None where that is unknown."""
    papermill = papermill_here()
    if papermill is not None:
        return papermill.notebook
    session = jupyter_session()
    return Path(session).resolve() if session.endswith(".ipynb") else None


def notebook_within(project: Path) -> str:
    """Return the path in the project of this kernel's notebook; empty where it is unknown or outside of the project."""
    notebook = this_notebook()
    return str(notebook.relative_to(project)) if notebook and notebook.is_relative_to(project) else ""


def parameters_here() -> dict[str, object]:
    """Return the names and current values of this notebook's parameters; empty outside of a notebook."""
    shell = shell_here()
    if shell is None:
        return {}
    names = shell.user_ns
    if declared := defaults_here():
        return {name: names[name] for name in declared if name in names}
    annotated: Mapping[str, object] = names.get("__annotations__", {})
    return {name: names[name] for name in annotated if isinstance(names.get(name), PLAIN)}


def defaults_here() -> dict[str, object]:
    """Return the names and defaults of this notebook's parameters; empty where the notebook's file is unknown."""
    notebook = this_notebook()
    with suppress(LabError):
        if notebook is not None:
            return {parameter.name: parameter.default for parameter in parameters_of(notebook)}
    return {}


def papermill_here() -> Papermill | None:
    """Return the papermill command that started this kernel; None without one."""
    with suppress(psutil.Error, OSError):
        parent = psutil.Process().parent()
        if parent is None:
            return None
        command = parent.cmdline()
        notebooks = [Path(parent.cwd(), word).resolve() for word in command if word.endswith(".ipynb")]
        if any(Path(word).name == "papermill" for word in command[:3]) and len(notebooks) >= 2:
            return Papermill(notebooks[0], notebooks[1], parent.pid)
    return None
