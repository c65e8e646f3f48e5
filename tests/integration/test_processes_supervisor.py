"""The supervisor starts, restarts and stops real processes, and leaves none behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lab.targets.processes.plan import Plan, Ready, write_plan
from lab.targets.processes.supervision import pauses
from tests.unit.targets.processes.programs import DEAF, ENDS, FAILS, World, end, eventually, is_gone


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a stack folder to supervise programs in."""
    return World(tmp_path)


def test_a_program_starts_when_what_it_needs_is_ready(world: World) -> None:
    """A program that runs once must have ended before programs that need it start."""
    once = world.script("prepare", ENDS, ready=Ready("once", deadline_s=20), after=("store",))
    with world.supervised(world.service("store"), once, world.service("worker", "prepare")):
        state = world.until("ready")
        assert world.events() == ["store started", "store ready", "worker started", "worker ready"]
    prepared = state.program("prepare")
    assert prepared is not None
    assert (prepared.phase, prepared.last_line) == ("done", "prepared: all of it")


def test_programs_stop_in_reverse(world: World) -> None:
    """A program that others need stops last."""
    with world.supervised(world.service("store"), world.service("worker", "store")):
        world.until("ready")
    assert world.events()[-2:] == ["worker stopped", "store stopped"]
    assert world.state.phase == "stopped"


def test_a_program_that_died_gets_its_previous_address(world: World) -> None:
    """A killed program is started again on the same port as a new instance, and its death is recorded."""
    with world.supervised(world.service("worker")):
        before = world.until("ready").program("worker")
        assert before is not None
        end(before.pid, signal.SIGKILL)
        eventually(lambda: len(world.state.deaths) == 1 and world.state.programs[0].phase == "ready")
        after = world.state.program("worker")
    assert after is not None
    assert after.addresses == before.addresses
    assert after.instance_id != before.instance_id
    death = world.state.deaths[0]
    assert (death.service, death.instance_id, death.signal) == ("worker", before.instance_id, signal.SIGKILL)


def test_scrape_targets_are_written_when_a_program_is_ready(world: World) -> None:
    """Prometheus finds the metrics address of every ready program in a file."""
    program = world.service("worker")
    with world.supervised(program):
        worker = world.until("ready").program("worker")
        assert worker is not None
        assert worker.addresses["metrics"] in (world.folder.ready / "worker.json").read_text()


def test_nothing_outlives_a_killed_supervisor(world: World) -> None:
    """Signal 9 to the supervisor ends all its programs within 5 s."""
    with world.supervised(world.service("store"), world.service("worker", "store")) as running:
        pids = [program.pid for program in world.until("ready").programs]
        assert running.supervisor is not None
        running.supervisor.kill()
        eventually(lambda: all(is_gone(pid) for pid in pids), seconds=5)


def test_nothing_outlives_a_killed_lab(world: World) -> None:
    """Signal 9 to the process that holds the lifeline ends the stack, and removes its folder."""
    write_plan(world.folder.plan, Plan((world.service("store"), world.service("worker", "store"))))
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(world.folder.root)])
    state = world.until("ready")
    pids = [state.supervisor_pid, *(program.pid for program in state.programs)]
    holder.kill()
    holder.wait()
    eventually(lambda: all(is_gone(pid) for pid in pids), seconds=5)
    assert not world.folder.root.exists()


HOLDER = """
import os, signal, subprocess, sys
reader, writer = os.pipe()
command = [sys.executable, "-m", "lab.targets.processes.supervision.supervisor", sys.argv[1], "--lifeline", str(reader)]
subprocess.Popen(command, pass_fds=[reader], start_new_session=True)
signal.pause()
"""


def test_a_refused_start_names_the_end_of_the_log(world: World) -> None:
    """Exit code 78 ends the start at once. The failure holds the program's output; the other programs are stopped."""
    broken = world.script("worker", FAILS, "78", ready=Ready("file", "/nowhere", 20), after=("store",))
    with world.supervised(world.service("store"), broken):
        failure = world.until("failed").failure
    assert failure is not None
    assert (failure.program, failure.exit_code) == ("worker", 78)
    assert failure.log_tail == ("first line", "store says no: wrong password")
    assert world.events()[-1] == "store stopped"


def test_a_program_that_keeps_ending_early_fails_the_start(world: World) -> None:
    """Another early exit is forgiven twice, because a port may be taken for a moment."""
    broken = world.script("worker", FAILS, "1", ready=Ready("file", "/nowhere", 20))
    with world.supervised(broken):
        failure = world.until("failed").failure
    assert failure is not None
    assert failure.reason == "exited with 1"
    assert world.folder.log_of("worker").read_text().count("first line") == 3


def test_a_program_that_is_never_ready_fails_the_start(world: World) -> None:
    """The start ends at the program's deadline."""
    with world.supervised(world.script("worker", DEAF, ready=Ready("file", "/nowhere", 0.3))):
        failure = world.until("failed").failure
    assert failure is not None
    assert failure.reason == "was not ready within 0.3 s"


def test_a_deaf_program_is_killed_after_its_grace(world: World) -> None:
    """A program that ignores signal 15 does not keep the stack up."""
    with world.supervised(world.service("store"), world.script("deaf", DEAF, ready=Ready("once"), grace_s=0.2)):
        eventually(lambda: world.folder.state.exists() and world.pid("deaf") > 0)
        pid = world.pid("deaf")
    assert is_gone(pid)


def test_an_unreachable_address_is_not_ready(world: World) -> None:
    """A store that accepts connections and never answers PING is not ready."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"127.0.0.1:{server.getsockname()[1]}"
        with world.supervised(world.script("store", DEAF, ready=Ready("redis", where, 1.0), grace_s=0.1)):
            failure = world.until("failed").failure
    assert failure is not None
    assert failure.program == "store"


def test_a_pause_ends_with_its_context(world: World) -> None:
    """A paused program is stopped inside the context, and continues after it."""
    with world.supervised(world.service("worker")):
        world.until("ready")
        worker = psutil.Process(world.pid("worker"))
        with pauses.pause(world.folder.pauses, worker.pid):
            eventually(lambda: worker.status() == psutil.STATUS_STOPPED)
        eventually(lambda: worker.status() != psutil.STATUS_STOPPED)
        assert worker.is_running()


def test_a_pause_ends_when_its_holder_is_killed(world: World) -> None:
    """The supervisor continues a program when the process that stopped it was killed."""
    with world.supervised(world.service("worker")):
        world.until("ready")
        worker = psutil.Process(world.pid("worker"))
        holder = subprocess.Popen([sys.executable, "-c", PAUSER, str(world.folder.pauses), str(worker.pid)])
        eventually(lambda: worker.status() == psutil.STATUS_STOPPED)
        holder.kill()
        holder.wait()
        eventually(lambda: worker.status() != psutil.STATUS_STOPPED, seconds=10)
        assert not [*world.folder.pauses.iterdir()]


PAUSER = """
import pathlib, signal, sys
from lab.targets.processes.supervision import pauses
with pauses.pause(pathlib.Path(sys.argv[1]), int(sys.argv[2])):
    signal.pause()
"""


def test_a_paused_program_can_be_stopped(world: World) -> None:
    """A paused program is continued first, so that it can handle signal 15."""
    with world.supervised(world.service("worker")):
        world.until("ready")
        os.kill(world.pid("worker"), signal.SIGSTOP)
    assert world.events()[-1] == "worker stopped"
