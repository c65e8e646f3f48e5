"""Chooses the faults of one run of the tests: a quarter that moves on with every commit, or all of them."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.cluster.rig.settings import ClusterSettings

PARTS: Final = 4
"""Four commits in a row make every fault once."""
HERE: Final = Path(__file__).parent


def chosen(names: Iterable[str], settings: ClusterSettings | None = None) -> list[str]:
    """Return the names of the faults that this run of the tests makes."""
    settings = settings or ClusterSettings()
    everything = settings.faults == "all" or settings.snapshots is not None
    return sorted(names) if everything else quarter(names, commits())


def quarter(names: Iterable[str], turn: int) -> list[str]:
    """Return every fourth name, beginning elsewhere at every turn.

    >>> [quarter("abcde", turn) for turn in (0, 1, 2, 3, 4)]
    [['a', 'e'], ['b'], ['c'], ['d'], ['a', 'e']]
    """
    return sorted(names)[turn % PARTS :: PARTS]


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
