"""Parameters are checked against the notebook before anything starts."""

import json
from pathlib import Path

import pytest

from lab.errors import DataFault, UsageFault
from lab.runs.notebooks.parameters import checked, parameters_of

CELL = """\
rate: float = 0.0  # events
seed: int = 3  # of what is drawn
path: str = ""  # a file
fast: bool = False  # or not
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """Return a notebook with four parameters."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# A question"},
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": CELL.splitlines(keepends=True)},
    ]
    path = tmp_path / "10_question.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    return path


def test_values_become_what_was_declared(notebook: Path) -> None:
    """Numbers, texts, true and false."""
    given = checked([("rate", "2e3"), ("seed", "7"), ("path", "a b"), ("fast", "true")], notebook)
    assert given == {"rate": 2_000.0, "seed": 7, "path": "a b", "fast": True}
    assert [parameter.default for parameter in parameters_of(notebook)] == [0.0, 3, "", False]


@pytest.mark.parametrize(
    ("name", "value", "reason", "words"),
    [
        ("rte", "2000", "BAD_PARAM", ["it has: rate, seed, path, fast", "-p rate 2000"]),
        ("x=__import__('os')", "1", "BAD_PARAM", ["not an identifier"]),
        ("rate", "ten", "BAD_PARAM_TYPE", ['"ten" is not a float', "rate: float = 0.0"]),
        ("seed", "1.5", "BAD_PARAM_TYPE", ['"1.5" is not an int']),
        ("fast", "maybe", "BAD_PARAM_TYPE", ['"maybe" is not a bool']),
        ("rate", "nan", "BAD_PARAM_TYPE", ['"nan" is not a finite number']),
        ("rate", "-inf", "BAD_PARAM_TYPE", ['"-inf" is not a finite number']),
        ("rate", "1e999", "BAD_PARAM_TYPE", ['"1e999" is not a finite number']),
    ],
)
def test_a_wrong_parameter_is_refused(notebook: Path, name: str, value: str, reason: str, words: list[str]) -> None:
    """The message has the declared names and the probable one, in at most five lines."""
    with pytest.raises(UsageFault) as refused:
        checked([(name, value)], notebook)
    message = str(refused.value)
    assert (refused.value.reason, refused.value.exit_code) == (reason, 64)
    assert len(message.splitlines()) <= 5
    assert all(word in message for word in words), message


def test_for_a_missing_notebook_the_nearest_is_named(notebook: Path) -> None:
    """A typo is the usual cause."""
    with pytest.raises(UsageFault, match="10_question"):
        parameters_of(notebook.with_name("10_questoin.ipynb"))


def test_a_file_that_is_no_notebook_is_refused(tmp_path: Path) -> None:
    """Its name does not matter."""
    path = tmp_path / "a.ipynb"
    path.write_text("not json")
    with pytest.raises(DataFault):
        parameters_of(path)
