"""What the supervisor decides about a program that ended; the processes themselves are in `tests/integration`."""

import os

import pytest

from lab.targets.processes.plan import Program, Ready, ReadyKind
from lab.targets.processes.supervision.child import LONGEST_BACKOFF_S, backoff_s
from lab.targets.processes.supervision.supervisor import MOST_EARLY_EXITS, fails_start


def program(kind: ReadyKind) -> Program:
    """Return a program that shows in this way that it is ready."""
    return Program("a", ("/bin/true",), Ready(kind), "a.log")


@pytest.mark.parametrize(
    ("kind", "exit_code", "early_exits", "fails"),
    [
        ("once", 1, 1, True),
        ("once", 0, 1, True),
        ("file", os.EX_CONFIG, 1, True),
        ("file", 1, 1, False),
        ("file", 0, MOST_EARLY_EXITS - 1, False),
        ("file", 1, MOST_EARLY_EXITS, True),
    ],
    ids=["prepares the store", "is killed", "refuses its settings", "fails once", "fails again", "fails for good"],
)
def test_a_program_that_cannot_start_fails_the_stack(
    kind: ReadyKind, exit_code: int, early_exits: int, *, fails: bool
) -> None:
    """What another attempt could mend is attempted again, a few times."""
    assert fails_start(program(kind), exit_code=exit_code, early_exits=early_exits) is fails


def test_a_program_that_ends_for_days_is_started_again_and_again() -> None:
    """The pause never grows beyond its limit."""
    pauses = [backoff_s(exits) for exits in (0, 1, 2, 10, 100_000)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_BACKOFF_S
