"""Long tests take turns: each runs once in as many commits as there are parts, and always where somebody names it."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import turns


class Hook:
    """Remembers what pytest is told of tests that do not run."""

    def __init__(self) -> None:
        self.deselected: list[Any] = []

    def pytest_deselected(self, items: list[Any]) -> None:
        """Remember the tests."""
        self.deselected += items


def left_of(session: list[Any], *arguments: str) -> list[str]:
    """Return the names of the tests that run. Pytest is told of all others."""
    hook, running = Hook(), list(session)
    config: Any = SimpleNamespace(args=list(arguments), hook=hook)
    turns.deselect(config, running)
    assert sorted(running + hook.deselected, key=id) == sorted(session, key=id)
    return [item.nodeid for item in running]


def collected(file: str, name: str, *parts: int, **family: str) -> Any:
    """Return a test as pytest collects it, with the mark `in_turn` where *parts* are given."""
    mark = pytest.mark.in_turn(*parts, **family).mark if parts else None
    return SimpleNamespace(nodeid=f"{file}::{name}", path=SimpleNamespace(name=file), get_closest_marker=lambda _: mark)


@pytest.fixture(autouse=True)
def _in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of `make every` does not hold here."""
    monkeypatch.delenv("LAB_TESTS", raising=False)


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
@pytest.mark.parametrize("first", [0, 1, 1_000])
def test_each_name_has_one_turn(parts: int, first: int) -> None:
    """Whatever the number of commits is at the beginning."""
    names = list("cabde")
    runs = [turns.part_of(names, parts, turn) for turn in range(first, first + parts)]
    assert sorted(name for run in runs for name in run) == sorted(names)


def test_a_part_of_the_marked_tests_runs_with_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files `a.py` and `b.py` are two families. The family `ab` has a test in each."""
    session = [
        *(collected("a.py", name, 2) for name in "pq"),
        *(collected("b.py", name, 3) for name in "rst"),
        *(collected(file, "u", 2, family="ab") for file in ("a.py", "b.py")),
        collected("a.py", "always"),
    ]
    seen = []
    for turn in range(6):
        monkeypatch.setattr(turns, "turn_of_this_commit", lambda turn=turn: turn)
        running = left_of(session, "tests/integration")
        assert len(running) == 4
        assert "a.py::always" in running
        seen += running
    assert {name: seen.count(name) for name in set(seen)} == {
        item.nodeid: {"a.py::always": 6}.get(item.nodeid, 2 if item.nodeid[-1] in "rst" else 3) for item in session
    }


def test_nothing_waits_where_everything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or where the command line names a test."""
    session = [collected("a.py", name, 3) for name in "xyz"]
    assert len(left_of(session, "tests")) == 1
    assert len(left_of(session, "tests/a.py::x")) == 3
    monkeypatch.setenv("LAB_TESTS", "all")
    assert len(left_of(session, "tests")) == 3


def test_a_shallow_clone_has_turns_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It has one commit, whose hash tells the turn. A folder that is no clone has the first turn."""
    whole, shallow = tmp_path / "whole", tmp_path / "shallow"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(whole)]
    subprocess.run(["git", "init", "-q", str(whole)], check=True)
    for number in range(3):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", str(number)], check=True)
    subprocess.run(["git", "clone", "-q", "--depth=1", whole.as_uri(), str(shallow)], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    for folder, turn in ((whole, 3), (shallow, int(head[:8], 16)), (tmp_path, 0)):
        monkeypatch.setattr(turns, "HERE", folder)
        assert turns.turn_of_this_commit.__wrapped__() == turn
