"""A child keeps one program running: when it is started, when it is late, how it ended."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.targets.processes.plan import Program, Ready, ReadyKind
from lab.targets.processes.supervision.child import FIRST_BACKOFF_S, HEALTHY_S, Child
from tests.fakes.clock import FakeClock
from tests.unit.targets.processes.programs import eventually

if TYPE_CHECKING:
    from lab.model import Death

SH = "/bin/sh"
ANNOUNCES = (
    """echo "$LAB_BIND"; printf '{"pid": %s, "instance_id": "i", "grpc": "127.0.0.1:7"}' "$$" > "$0"; exec sleep 60"""
)
"""Program that prints the address that it is given, writes its ready file with another, and stays."""


class World:
    """Children with a clock that the test moves."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, FakeClock()
        self.started: list[Child] = []

    def child(self, text: str, kind: ReadyKind = "file", *, deadline_s: float = 60.0) -> Child:
        """Return the child of a program of the shell; its first argument is its ready file."""
        ready = self.folder / "ready.json"
        where = "" if kind == "once" else str(ready)
        program = Program(
            "a",
            (SH, "-c", text, str(ready)),
            Ready(kind, where, deadline_s),
            str(self.folder / "a.log"),
            environment={"LAB_BIND": "127.0.0.1:0"},
            pins={"LAB_BIND": "grpc"},
        )
        child = Child(program, self.folder, clock=self.clock)
        self.started.append(child)
        return child


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Yield a world; whatever still runs in it is ended."""
    made = World(tmp_path)
    yield made
    for child in made.started:
        child.kill()
        end_of(child)


def end_of(child: Child) -> tuple[int, int] | None:
    """Return signal and exit code with which a child ended; None where it is done."""
    deaths: list[Death | None] = [None]

    def has_ended() -> bool:
        deaths.append(child.collect_exit())
        return not child.is_running

    eventually(has_ended)
    death = deaths[-1]
    return (death.signal, death.exit_code) if death else None


@pytest.mark.parametrize(("text", "end"), [("exit 7", (0, 7)), ("exit 0", (0, 0)), ("kill -9 $$", (signal.SIGKILL, 0))])
def test_an_end_tells_its_signal_or_its_exit_code(world: World, text: str, end: tuple[int, int]) -> None:
    """The program then waits for its next start."""
    child = world.child(text)
    child.start()
    assert end_of(child) == end
    assert (child.phase, child.early_exits) == ("waiting", 1)


def test_a_program_that_runs_once_is_done_when_it_succeeds(world: World) -> None:
    """Its last line is kept; it is no death."""
    child = world.child("echo begin; echo prepared", "once")
    child.start()
    assert end_of(child) is None
    assert (child.phase, child.is_up, child.state.last_line) == ("done", True, "prepared")


def test_a_program_is_late_after_its_deadline(world: World) -> None:
    """Not before it, and not when it is ready."""
    child = world.child("exec sleep 60", deadline_s=5.0)
    child.start()
    world.clock.pause(4.9)
    assert not child.is_late
    world.clock.pause(0.2)
    assert child.is_late


def test_pauses_between_starts_double_until_the_program_was_healthy(world: World) -> None:
    """A program that dies at once does not keep the machine busy."""
    child = world.child("exit 1")
    pauses = []
    for _ in range(3):
        child.start()
        end_of(child)
        pauses.append(pause_of(child, world.clock))
    assert pauses == pytest.approx([FIRST_BACKOFF_S, 2 * FIRST_BACKOFF_S, 4 * FIRST_BACKOFF_S])


def pause_of(child: Child, clock: FakeClock) -> float:
    """Return the seconds until a child may be started, in whole steps of a hundredth."""
    steps = 0
    while not child.may_start:
        clock.pause(0.01)
        steps += 1
        assert steps < 1_000
    return round(steps / 100, 1)


def test_a_program_that_was_healthy_is_started_again_after_the_shortest_pause(world: World) -> None:
    """However often it died before; it gets the address that it had."""
    child = world.child(ANNOUNCES)
    pauses = []
    for healthy_s in (0.0, 0.0, HEALTHY_S + 0.1):
        child.start()
        eventually(child.become_ready)
        world.clock.pause(healthy_s)
        os.kill(child.state.pid, signal.SIGKILL)
        assert end_of(child) == (signal.SIGKILL, 0)
        pauses.append(pause_of(child, world.clock))
    assert pauses == pytest.approx([FIRST_BACKOFF_S, 2 * FIRST_BACKOFF_S, FIRST_BACKOFF_S])
    assert (child.was_ready, child.early_exits, child.state.addresses) == (True, 0, {"grpc": "127.0.0.1:7"})
    assert child.log_tail() == ("127.0.0.1:0", "127.0.0.1:7", "127.0.0.1:7")


def test_a_ready_file_of_another_process_does_not_count(world: World) -> None:
    """It was left by the run before."""
    child = world.child("""printf '{"pid": 1}' > "$0.other"; mv "$0.other" "$0"; exec sleep 60""")
    child.start()
    eventually((world.folder / "ready.json").exists)
    assert not child.become_ready()
    assert child.phase == "starting"


def test_a_stopped_process_can_be_asked_to_stop(world: World) -> None:
    """It is continued, so that it can handle the signal."""
    child = world.child(ANNOUNCES)
    child.start()
    eventually(child.become_ready)
    os.kill(child.state.pid, signal.SIGSTOP)
    child.ask_to_stop()
    assert end_of(child) == (signal.SIGTERM, 0)
