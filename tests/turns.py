"""Chooses the long tests of one run: a part that moves on with every commit, or all of them."""

import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, Literal, NamedTuple

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings

HERE: Final = Path(__file__).parent


class TurnSettings(BaseSettings, frozen=True, env_prefix="LAB_", env_ignore_empty=True):
    """Whether the tests that are marked `in_turn` take turns."""

    tests: Literal["in turn", "all"] = Field("in turn")
    """`all` is what `make every`, `make faults`, `make chaos` and `make snapshots` set."""


class Family(NamedTuple):
    """Tests that take turns with each other: a file, unless the mark names another family.

    Attributes:
        name: Of the file, or the one in the mark.
        parts: Each test runs once in this many commits in a row. In a shallow clone chance decides.
    """

    name: str
    parts: int


def deselect(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the marked tests whose turn it is not. A test that the command line names by its name always runs."""
    if TurnSettings().tests == "all" or any("::" in argument for argument in config.args):
        return
    left_out = not_in_turn(members_of_families(items), turn_of_this_commit())
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
    items[:] = [item for item in items if item.nodeid not in left_out]


def members_of_families(items: Iterable[pytest.Item]) -> Mapping[Family, Sequence[str]]:
    """Return family → names of its tests."""
    members = defaultdict[Family, list[str]](list)
    for item in items:
        if (mark := item.get_closest_marker("in_turn")) is not None:
            members[Family(mark.kwargs.get("family", item.path.name), mark.args[0])].append(item.nodeid)
    return members


def not_in_turn(members: Mapping[Family, Sequence[str]], turn: int) -> set[str]:
    """Return the names of the tests whose turn it is not."""
    return {name for family, names in members.items() for name in set(names) - set(part_of(names, family.parts, turn))}


def part_of(names: Iterable[str], parts: int, turn: int) -> list[str]:
    """Return every *parts*-th name. Each turn starts one name later, so that *parts* turns cover all names."""
    return sorted(names)[turn % parts :: parts]


@cache
def turn_of_this_commit() -> int:
    """Return the number of commits until now. A shallow clone has lost it, and takes a number from the commit's hash.

    0 where this is no clone.
    """
    if _git("rev-parse", "--is-shallow-repository") == "true":
        return int(_git("rev-parse", "HEAD")[:8], 16)
    return int(_git("rev-list", "--count", "HEAD") or 0)


def _git(*arguments: str) -> str:
    """Return what git prints; empty where it fails."""
    done = subprocess.run(["git", *arguments], cwd=HERE, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
