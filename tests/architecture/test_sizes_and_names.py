"""What keeps the tree readable: sizes, names, layout."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parents[2]
TOP_LEVEL: Final = frozenset({"notebooks", "lab", "services", "manifests", "tests"})
LONGEST_MODULE: Final = 400
LONGEST_FUNCTION: Final = 50
VAGUE: Final = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "manager"})
PARAGRAPH: Final = "\n\n"


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository that match, generated ones left out."""
    done = subprocess.run(["git", "ls-files", *patterns], cwd=PROJECT, capture_output=True, text=True, check=True)
    return [PROJECT / name for name in done.stdout.splitlines() if "/generated/" not in name]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_modules_can_be_read_in_one_sitting() -> None:
    """At most 400 lines."""
    long = [
        f"{path.relative_to(PROJECT)}: {lines}"
        for path in tracked("*.py")
        if (lines := path.read_text(encoding="utf-8").count("\n")) > LONGEST_MODULE
    ]
    assert long == []


def test_functions_do_one_thing() -> None:
    """At most 50 lines."""
    long = [
        f"{path.relative_to(PROJECT)}:{node.lineno} {node.name}"
        for path in tracked("*.py")
        for node in functions(path)
        if (node.end_lineno or 0) - node.lineno > LONGEST_FUNCTION
    ]
    assert long == []


def test_modules_say_what_they_are_in_one_sentence() -> None:
    """The first line of the docstring is a sentence."""
    bad = []
    for path in tracked("lab/*.py", "services/*.py"):
        said = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split(PARAGRAPH)[0]
        if not said or not said.rstrip().endswith((".", ":")):
            bad.append(str(path.relative_to(PROJECT)))
    assert bad == []


def test_no_module_has_a_vague_name() -> None:
    """A name says what is in it."""
    assert [str(path) for path in tracked("*.py") if path.stem in VAGUE or path.parent.name in VAGUE] == []


def test_the_top_level_is_the_one_that_was_given() -> None:
    """Root files and dot-folders beside it, nothing else."""
    folders = {path.relative_to(PROJECT).parts[0] for path in tracked() if len(path.relative_to(PROJECT).parts) > 1}
    assert {name for name in folders if not name.startswith(".")} == TOP_LEVEL


@pytest.mark.parametrize("secret", ["/" + "home/", "/" + "root/", "/work" + "/main", "BEGIN " + "PRIVATE KEY"])
def test_no_file_names_a_machine_or_holds_a_secret(secret: str) -> None:
    """Neither paths of somebody's machine nor keys are part of a commit."""
    texts = (path for path in tracked() if path.suffix not in {".parquet", ".png"})
    assert [str(path) for path in texts if secret in path.read_text(encoding="utf-8")] == []
