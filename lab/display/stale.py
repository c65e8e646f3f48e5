"""Forgets the trials that a failed cell would have replaced, so that no old trial is shown as a new one."""

from __future__ import annotations

import ast
from functools import cache
from typing import TYPE_CHECKING

from lab.model import Experiment, Trial

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell


@cache
def forget_stale(shell: InteractiveShell) -> Stale:
    """Watch the cells of a shell from now on; a shell is watched once."""
    stale = Stale(shell.user_ns)
    shell.events.register("pre_run_cell", stale.note)
    shell.events.register("post_run_cell", stale.forget)
    return stale


class Stale:
    """Removes a name where a cell that fails would have given it a new trial or experiment.

    Args:
        names: The names of a notebook, with their values.
    """

    def __init__(self, names: dict[str, object]) -> None:
        self._names = names
        self._before: dict[str, object] = {}

    def note(self, _info: ExecutionInfo) -> None:
        """Remember the trials and experiments before a cell runs."""
        self._before = {name: value for name, value in self._names.items() if _is_ours(value)}

    def forget(self, result: ExecutionResult) -> None:
        """After a cell that failed, remove the names that it assigns and has not given a new value."""
        if result.success or result.info is None:
            return
        for name in _assigned(result.info.raw_cell) & self._before.keys():
            if self._names.get(name) is self._before[name]:
                del self._names[name]


def _is_ours(value: object) -> bool:
    """Return whether a value is a trial, an experiment, or several of them."""
    values = value if isinstance(value, tuple | list) and value else (value,)
    return all(isinstance(each, Trial | Experiment) for each in values)


def _assigned(cell: str) -> set[str]:
    """Return the names that a cell assigns; none where the cell is not plain Python."""
    try:
        tree = ast.parse(cell)
    except SyntaxError:
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
