"""The state of a stack tells which store is behind it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.errors import DataFault
from lab.model import Death, StoreFacts
from lab.targets.processes.plan import BOOTSTRAP
from lab.targets.processes.state import (
    Failure,
    ProgramState,
    StackState,
    read_state,
    store_facts,
    supervisor_pid_of,
    write_state,
)

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


STATE = StackState(
    "ready",
    7,
    3,
    (ProgramState("redis", "ready", pid=8, addresses={"redis": "127.0.0.1:1"}),),
    deaths=(Death("redis", "", 5, 9, 0),),
    failure=Failure("redis", "it ended", 1, ("a", "b")),
)


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    """With its programs, its deaths and its failure; there is none before the first."""
    assert read_state(tmp_path / "state.json") is None
    write_state(tmp_path / "state.json", STATE)
    assert read_state(tmp_path / "state.json") == STATE


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the document of a file."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_field_of_a_later_version_is_left_out(tmp_path: Path) -> None:
    """In the state and in each of its programs."""
    file = tmp_path / "state.json"
    write_state(file, STATE)
    changed(file, lambda document: [part.update(later=1) for part in (document, *document["programs"])])
    assert read_state(file) == STATE


@pytest.mark.parametrize("missing", ["programs", "phase"])
def test_a_state_of_another_version_is_named_and_its_supervisor_is_known(tmp_path: Path, missing: str) -> None:
    """`lab down` and `lab clean` must be able to end a stack whose state they cannot read."""
    file = tmp_path / "state.json"
    write_state(file, STATE)
    changed(file, lambda document: document.pop(missing))
    with pytest.raises(DataFault, match="cannot read the stack") as raised:
        read_state(file)
    assert raised.value.next_step == "lab clean"
    assert supervisor_pid_of(file) == STATE.supervisor_pid
    file.write_text("half a docum")
    assert supervisor_pid_of(file) == 0
