"""Notebooks hold parameters, calls and results, and no logic."""

import ast
import itertools
import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from tests.architecture.tools import PROJECT

NOTEBOOKS: Final = sorted((PROJECT / "notebooks").glob("*.ipynb"))
MOST_LINES: Final = 8
LOGIC: Final = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.Try, ast.With, ast.Lambda,
)  # fmt: skip


def cells_of(notebook: Path) -> list[dict[str, Any]]:
    """Return the cells of a notebook."""
    cells: list[dict[str, Any]] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return cells


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    """A notebook calls the library and shows results; it has no logic of its own."""

    def test_parameters_are_typed_and_commented(self, notebook: Path) -> None:
        """The first code cell has one parameter on each line."""
        first = next(cell for cell in cells_of(notebook) if cell["cell_type"] == "code")
        assert "parameters" in first["metadata"]["tags"]
        for line in "".join(first["source"]).splitlines():
            assert re.fullmatch(r"[a-z0-9_]+: (str|float|int|bool) = .+  # .+", line), line

    def test_cells_are_short_and_hold_no_logic(self, notebook: Path) -> None:
        """A cell has at most eight lines, nothing that would need a test, and imports the lab only."""
        for cell in cells_of(notebook):
            if cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", ()):
                source = "".join(cell["source"])
                assert len(source.splitlines()) <= MOST_LINES, source
                nodes = list(ast.walk(ast.parse(source)))
                assert not [node for node in nodes if isinstance(node, LOGIC)], source
                imported = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
                imported += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
                assert all(name.split(".")[0] == "lab" for name in imported), source

    def test_every_step_is_introduced(self, notebook: Path) -> None:
        """Prose comes before each code cell."""
        kinds = [cell["cell_type"] for cell in cells_of(notebook)]
        assert all(before == "markdown" for before, kind in itertools.pairwise(kinds) if kind == "code")

    def test_only_checked_cells_keep_their_output(self, notebook: Path) -> None:
        """It is the cell that nbval compares; it shows verdict and ledger."""
        kept = [cell for cell in cells_of(notebook) if cell.get("outputs")]
        assert [cell["metadata"]["tags"] for cell in kept] == [["keep_output", "nbval-check-output"]]
        shown = json.dumps(kept[0]["outputs"])
        assert "verdict MET" in shown
        assert "ledger intended" in shown
