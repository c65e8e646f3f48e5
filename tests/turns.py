"""Chooses the long tests of one run: a part that moves on with every commit, or all of them."""

import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, Literal

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings

HERE: Final = Path(__file__).parent
FAULTS: Final = 4
"""Parts of the faults that are planted on a cluster: four commits in a row plant each once."""


class TurnSettings(BaseSettings, frozen=True, env_prefix="LAB_", env_ignore_empty=True):
    """Whether the tests that are marked `in_turn` take turns."""

    tests: Literal["in turn", "all"] = Field("in turn")
    """`all` is what `make every` and `make faults` set."""
    snapshots: Path | None = None
    """Folder for the snapshots of the faults; every fault is planted where they are kept."""


def chosen(names: Iterable[str], parts: int = FAULTS) -> list[str]:
    """Return the names whose turn it is in this run of the tests."""
    return sorted(names) if everything_runs() else part_of(names, parts, commits())


def everything_runs() -> bool:
    """Return whether nothing takes turns."""
    settings = TurnSettings()
    return settings.tests == "all" or settings.snapshots is not None


def part_of(names: Iterable[str], parts: int, turn: int) -> list[str]:
    """Return every so many names, beginning elsewhere at every turn."""
    return sorted(names)[turn % parts :: parts]


def deselect(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the marked tests whose turn it is not. A test that the command line names by its name always runs."""
    if everything_runs() or any("::" in argument for argument in config.args):
        return
    waiting = waiting_of(families(items), commits())
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in waiting])
    items[:] = [item for item in items if item.nodeid not in waiting]


def families(items: Iterable[pytest.Item]) -> Mapping[tuple[str, int], Sequence[str]]:
    """Return (family, parts) → names of the marked tests. A family is a file, unless the mark names another."""
    members = defaultdict[tuple[str, int], list[str]](list)
    for item in items:
        if (mark := item.get_closest_marker("in_turn")) is not None:
            members[mark.kwargs.get("family", item.path.name), mark.args[0]].append(item.nodeid)
    return members


def waiting_of(members: Mapping[tuple[str, int], Sequence[str]], turn: int) -> set[str]:
    """Return the names of the tests whose turn it is not."""
    return {name for (_, parts), names in members.items() for name in set(names) - set(part_of(names, parts, turn))}


@cache
def commits() -> int:
    """Return the number of commits until now; 0 where this is no clone."""
    counted = subprocess.run(
        ["git", "rev-list", "--count", "HEAD"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    return int(counted.stdout) if counted.returncode == 0 else 0
