"""Tells what this kernel runs: its shell, its notebook, its notebook's parameters."""

import ast
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import psutil

from lab.errors import LabError
from lab.runs.notebooks.parameters import check_type, parameters_of, undeclared
from lab.settings import jupyter_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from lab.runs.notebooks.parameters import Parameter

PLAIN: Final = (str, int, float, bool)
"""Types that a parameter may have."""
INJECTED: Final = "# Parameters"
"""First line of the cell in which papermill gives values to parameters, below the cell that declares them."""


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
    return {parameter.name: parameter.default for parameter in _parameters_in_file()}


def refuse_bad_parameters() -> None:
    """Raise where papermill gave a parameter that this notebook does not declare, or a value does not fit its type.

    Raises:
        UsageFault: The message names the parameter and its value.
    """
    shell = shell_here()
    if shell is None:
        return
    names, given = shell.user_ns, _injected(shell.user_ns.get("In", ()))
    in_file = {parameter.name: parameter.type for parameter in _parameters_in_file()}
    # Without the file, any annotated name may be a parameter; then only the names that papermill set are checked.
    types = in_file or ({name: _type_name(kind) for name, kind in names.get("__annotations__", {}).items()})
    for name in given if types else ():
        if name not in types:
            notebook = str(this_notebook() or "this notebook")
            raise undeclared(name, names.get(name, ""), declared=types, notebook=notebook)
    for name in in_file or given:
        if name in names and name in types:
            check_type(name, names[name], types[name])


def parameter_holding(value: object) -> str:
    """Return the name of this notebook's parameter that holds this very object; empty where none does."""
    return next((name for name, held in parameters_here().items() if held is value), "")


def _parameters_in_file() -> "tuple[Parameter, ...]":
    """Return the parameters that this notebook's file declares; none where the file is unknown."""
    notebook = this_notebook()
    with suppress(LabError):
        return parameters_of(notebook) if notebook is not None else ()
    return ()


def _type_name(annotation: object) -> str:
    return getattr(annotation, "__name__", str(annotation))


def _injected(cells: "Sequence[str]") -> list[str]:
    """Return the names that papermill's cell sets: the cell right below one that declares names with their types."""
    for declaring, cell in pairwise(cells):
        if cell.startswith(INJECTED) and any(isinstance(node, ast.AnnAssign) for node in _statements(declaring)):
            targets = (node.targets for node in _statements(cell) if isinstance(node, ast.Assign))
            return [target.id for group in targets for target in group if isinstance(target, ast.Name)]
    return []


def _statements(cell: str) -> list[ast.stmt]:
    """Return the statements of a cell; none where it is not plain Python."""
    try:
        return ast.parse(cell).body
    except SyntaxError:
        return []


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
