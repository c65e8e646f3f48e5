"""A stack on this machine tells what it is by the state that its supervisor writes."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from lab.errors import LabError, Unavailable, UsageFault
from lab.model import StoreFacts
from lab.targets.processes.deployment import ProcessDeployment
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.locks import Lock
from lab.targets.processes.plan import BOOTSTRAP, Plan, Program, Ready, write_plan
from lab.targets.processes.state import Phase, ProgramState, StackState, write_state

WORKER: Final = "process-worker"
PREPARED: Final = ProgramState(
    BOOTSTRAP, "done", last_line='{"kind": "valkey", "version": "9.1.2", "durability": "durable"}'
)


@contextmanager
def supervised(root: Path, *programs: ProgramState, phase: Phase = "ready") -> Iterator[ProcessDeployment]:
    """Yield a stack in this state; its lock is held, as a living supervisor holds it."""
    folder = StackFolder(root / "stack")
    folder.make()
    plan = Plan(tuple(Program(program.name, ("/bin/true",), Ready("once"), "a.log") for program in programs))
    write_plan(folder.plan, plan)
    write_state(folder.state, StackState(phase, 1, 0, programs))
    lock = Lock(folder.lock)
    yield ProcessDeployment(folder)
    lock.release()


def test_the_store_is_that_which_bootstrap_prepared(tmp_path: Path) -> None:
    """Its kind, its version and whether it keeps every write."""
    with supervised(tmp_path, PREPARED) as deployment:
        assert deployment.store == StoreFacts("valkey", "9.1.2", "durable")


def test_a_service_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    """Nothing is killed."""
    with supervised(tmp_path, PREPARED) as deployment, pytest.raises(UsageFault) as refused:
        deployment.kill("proces-worker")
    assert refused.value.attempted == 'no program "proces-worker" in this stack'
    assert (refused.value.found, refused.value.next_step) == ("it has: bootstrap", "name one of these")


def test_a_service_that_is_just_being_started_again_cannot_be_killed(tmp_path: Path) -> None:
    """The user is told where to see that it is back."""
    waiting = ProgramState(WORKER, "waiting")
    with supervised(tmp_path, waiting) as deployment, pytest.raises(Unavailable) as refused:
        deployment.kill(WORKER)
    assert refused.value.attempted == f"{WORKER} is not running now"
    assert refused.value.next_step.startswith("lab status")


def ended() -> int:
    """Return the id of a process that has ended."""
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    return process.pid


def test_a_process_that_has_ended_unnoticed_is_not_running_now(tmp_path: Path) -> None:
    """The supervisor writes its state a moment later; a kill then is tried again, and not a traceback."""
    state = ProgramState(WORKER, "ready", pid=ended())
    with supervised(tmp_path, state) as deployment:
        with pytest.raises(Unavailable, match=f"{WORKER} is not running now"):
            deployment.kill(WORKER)
        with pytest.raises(Unavailable, match=f"{WORKER} is not running now"), deployment.paused(WORKER):
            pytest.fail("nothing is left to be paused")


@pytest.mark.parametrize("phase", ["stopping", "stopped", "failed"])
def test_a_stack_that_ends_has_no_addresses(tmp_path: Path, phase: Phase) -> None:
    """Its supervisor may still live."""
    with supervised(tmp_path, PREPARED, phase=phase) as deployment, pytest.raises(Unavailable) as refused:
        _ = deployment.endpoints
    assert refused.value.next_step == "lab up"


def test_a_stack_whose_supervisor_is_gone_has_ended(tmp_path: Path) -> None:
    """Whatever its last state says."""
    with supervised(tmp_path, PREPARED) as deployment:
        pass
    with pytest.raises(LabError, match="the stack has ended"):
        _ = deployment.endpoints
