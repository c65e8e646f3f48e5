"""One list of dependencies, commands that list themselves, notebooks that only ask."""

import ast
import itertools
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

PROJECT: Final = Path(__file__).parents[2]
NOTEBOOKS: Final = sorted((PROJECT / "notebooks").glob("*.ipynb"))
MOST_LINES: Final = 8
ASKED_OF_A_LIBRARY: Final = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.Try, ast.With, ast.Lambda,
)  # fmt: skip


def pyproject() -> dict[str, Any]:
    """The project's table."""
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


def name_of(requirement: str) -> str:
    """The package a requirement names."""
    return re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_the_conda_environment_is_the_project_s() -> None:
    """`environment.yml` lists what `pyproject.toml` does."""
    lines = (PROJECT / "environment.yml").read_text(encoding="utf-8").splitlines()
    listed = [line.strip().removeprefix("- ") for line in lines if line.startswith("      - ")]
    assert listed == pyproject()["project"]["dependencies"]
    assert f"  - python{pyproject()['project']['requires-python']}" in lines


def test_the_lock_pins_every_dependency_with_a_hash() -> None:
    """And names no index, so that it works behind any."""
    text = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    pinned = {name_of(line) for line in text.splitlines() if re.match(r"[a-zA-Z0-9]", line)}
    wanted = {name_of(one) for one in pyproject()["project"]["dependencies"] + pyproject()["dependency-groups"]["dev"]}
    assert wanted <= pinned
    assert text.count("--hash=sha256:") >= len(pinned)
    assert not re.search(r"https?://|--index-url|--find-links", text)


def test_make_help_lists_every_target() -> None:
    """A command nobody hears of is no command."""
    listed = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    missing = [name for name in phony.group(1).split() if f"make {name}" not in listed]
    assert missing == ["servers"], "all but the one that tests call for themselves"


def cells_of(notebook: Path) -> list[dict[str, Any]]:
    """The cells of a notebook."""
    cells: list[dict[str, Any]] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return cells


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    """A notebook asks and shows; the library answers."""

    def test_parameters_are_typed_and_commented(self, notebook: Path) -> None:
        """The first code cell is theirs, one a line."""
        first = next(cell for cell in cells_of(notebook) if cell["cell_type"] == "code")
        assert "parameters" in first["metadata"]["tags"]
        for line in "".join(first["source"]).splitlines():
            assert re.fullmatch(r"[a-z0-9_]+: (str|float|int|bool) = .+  # .+", line), line

    def test_cells_are_short_and_hold_no_logic(self, notebook: Path) -> None:
        """At most eight lines, nothing that wants a test, imports from the lab alone."""
        for cell in cells_of(notebook):
            if cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", ()):
                source = "".join(cell["source"])
                assert len(source.splitlines()) <= MOST_LINES, source
                nodes = list(ast.walk(ast.parse(source)))
                assert not [node for node in nodes if isinstance(node, ASKED_OF_A_LIBRARY)], source
                imported = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
                imported += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
                assert all(name.split(".")[0] == "lab" for name in imported), source

    def test_every_step_is_introduced(self, notebook: Path) -> None:
        """Prose before each code cell."""
        kinds = [cell["cell_type"] for cell in cells_of(notebook)]
        assert all(before == "markdown" for before, kind in itertools.pairwise(kinds) if kind == "code")

    def test_only_checked_cells_keep_their_output(self, notebook: Path) -> None:
        """The one that nbval compares, which shows verdict and ledger."""
        kept = [cell for cell in cells_of(notebook) if cell.get("outputs")]
        assert [cell["metadata"]["tags"] for cell in kept] == [["keep_output", "nbval-check-output"]]
        shown = json.dumps(kept[0]["outputs"])
        assert "verdict MET" in shown
        assert "ledger intended" in shown
