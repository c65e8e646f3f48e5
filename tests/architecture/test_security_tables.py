"""Every fault and every threat of `SECURITY.md` has its row, and every test and target named there exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.tools import PROJECT

TEXT: Final = (PROJECT / "SECURITY.md").read_text(encoding="utf-8")
ROW: Final = re.compile(r"^\| ([FS]\d+) \| (.+?) \| (.+) \|$", re.MULTILINE)
NAMED: Final = re.compile(r"`(tests/[^`]*)`")
TARGET: Final = re.compile(r"`make ([a-z-]+)[^`]*`")
NUMBERS: Final = [*(f"F{number}" for number in range(1, 23)), *(f"S{number}" for number in range(1, 26))]


def unknown_tests(text: str) -> Iterator[str]:
    """Yield each test that a text names and that is in no file of tests; a file without a test is one, too."""
    for name in NAMED.findall(text):
        path, _, function = name.partition("::")
        file = PROJECT / path
        if not file.is_dir() and not (file.is_file() and function in functions(file)):
            yield name


def functions(file: Path) -> set[str]:
    """Return the names of the tests of a file, also of those in classes."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def unknown_targets(text: str) -> set[str]:
    """Return the targets that a text names and that the Makefile does not have."""
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    return set(TARGET.findall(text)) - set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_every_fault_and_every_threat_has_one_row() -> None:
    """In the order of their numbers."""
    assert [number for number, _, _ in ROW.findall(TEXT)] == NUMBERS


@pytest.mark.parametrize(("number", "shown_by"), [(number, shown) for number, _, shown in ROW.findall(TEXT)])
def test_a_row_names_what_shows_it(number: str, shown_by: str) -> None:
    """A row without a test begins with a dash and says why."""
    if not shown_by.startswith("– "):
        assert NAMED.search(shown_by) or TARGET.search(shown_by), f"{number}: {shown_by}"


def test_every_test_and_target_exists() -> None:
    """A test that was renamed is renamed here, too."""
    assert list(unknown_tests(TEXT)) == []
    assert unknown_targets(TEXT) == set()


@pytest.mark.parametrize(
    "name", ["tests/nowhere.py::test_a", "tests/architecture/test_security_tables.py::test_gone", "tests/conftest.py"]
)
def test_a_test_that_does_not_exist_is_noticed(name: str) -> None:
    """Whether its file or its function is missing, or its name was left out."""
    assert list(unknown_tests(f"| F1 | something | `{name}` |")) == [name]


def test_a_target_that_does_not_exist_is_noticed() -> None:
    """Also beside one that exists."""
    assert unknown_targets("`make chaos`, `make sense`") == {"sense"}
