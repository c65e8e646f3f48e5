"""The state of a stack tells which store is behind it."""

import pytest

from lab.model import StoreFacts
from lab.targets.processes.plan import BOOTSTRAP
from lab.targets.processes.state import ProgramState, StackState, store_facts

UNKNOWN = StoreFacts("unknown", "", "unknown")


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ('{"kind": "valkey", "version": "9.1.2", "durability": "durable"}', StoreFacts("valkey", "9.1.2", "durable")),
        ('{"durability": "window", "kind": "redis", "version": "7.0.15"}', StoreFacts("redis", "7.0.15", "window")),
        ("", UNKNOWN),
        ("null", UNKNOWN),
        ("[]", UNKNOWN),
        ('{"kind": "redis", "version": "7.0.15"}', UNKNOWN),
        ("bootstrap: ready", UNKNOWN),
        ("a warning of some library at the end", UNKNOWN),
    ],
)
def test_the_store_is_what_bootstrap_said_it_is(line: str, facts: StoreFacts) -> None:
    """A line of another form makes the store unknown."""
    assert store_facts(line) == facts


@pytest.mark.parametrize("programs", [(), (ProgramState(BOOTSTRAP, "starting"),)])
def test_the_store_is_unknown_before_bootstrap_is_done(programs: tuple[ProgramState, ...]) -> None:
    """A stack that has just been begun has not even a program."""
    assert StackState("starting", 1, 0, programs).store == UNKNOWN
