"""Every error of this room says what to do next."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from lab.errors import KINDS
from lab.targets import kubernetes

ROOM: Final = Path(kubernetes.__file__).parent


def without(keyword: str, tree: ast.Module) -> Iterator[int]:
    """Yield the lines on which an error of the lab is made without a keyword argument."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            given = {argument.arg: argument.value for argument in node.keywords}
            value = given.get(keyword)
            if value is None or (isinstance(value, ast.Constant) and not value.value):
                yield node.lineno


@pytest.mark.parametrize("keyword", ["found", "next_step"])
def test_every_error_has_a_cause_and_a_next_step(keyword: str) -> None:
    """Also an error that no test provokes."""
    files = sorted(ROOM.rglob("*.py"))
    bare = [
        f"{file.relative_to(ROOM)}:{line}" for file in files for line in without(keyword, ast.parse(file.read_text()))
    ]
    assert len(files) > 1
    assert bare == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("raise Unavailable('x', next_step='lab up')", []),
        ("raise Unavailable('x')", [1]),
        ("error = BadConfig('x', next_step='')", [1]),
        ("raise ValueError('x')", []),
    ],
)
def test_an_error_without_a_next_step_is_recognised(source: str, lines: list[int]) -> None:
    """An empty text is none; errors of Python need none."""
    assert list(without("next_step", ast.parse(source))) == lines
