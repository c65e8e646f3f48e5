"""Brings one stack up: writes its plan, starts its supervisor, waits for every gate."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lab.errors import BadConfig, Exists, InternalFault, LabError, Unavailable
from lab.rpc import service_status
from lab.settings import inherited_environment
from lab.systems.services import SERVICES
from lab.targets.logs import handing_over_files
from lab.targets.port import KeepLogs, Report, keep_nothing
from lab.targets.processes import stacks
from lab.targets.processes.deployment import ProcessDeployment
from lab.targets.processes.folder import OTHER_FOLDER, StackFolder
from lab.targets.processes.locks import Lock, Taken
from lab.targets.processes.plan import METRICS, write_plan
from lab.targets.processes.provisions import provide
from lab.targets.processes.recipe import Recipe
from lab.targets.processes.stages import Stages
from lab.targets.processes.state import Failure, StackState, read_state

SupervisorProcess = subprocess.Popen[bytes]
POLL_S: Final = 0.02
"""Between two looks at the state of a starting stack."""
SUPERVISOR: Final = "lab.targets.processes.supervision.supervisor"
"""The supervisor's program."""
LOG: Final = "supervisor"
"""Name of the supervisor's log."""
SHOWN_LINES: Final = 2
"""Lines of a log that an error shows."""
REAP_S: Final = 5.0
"""Longest time until a supervisor that has ended can be collected."""
DOCTOR: Final = "lab doctor      (what this machine lacks)"
_kept: dict[Path, SupervisorProcess] = {}
"""Folder → supervisor of a stack that stays; kept, so that it can be reaped and its finaliser does not warn."""


class Start:
    """The start of one stack, from its supervisor to the last gate."""

    def __init__(self, folder: StackFolder, supervisor: SupervisorProcess, report: Report) -> None:
        self._folder, self._supervisor, self._report = folder, supervisor, report
        self.is_over = False

    def await_ready(self) -> None:
        """Return when every program is ready and every service reports that it is healthy.

        Raises:
            BadConfig: A program refuses its settings.
            Unavailable: A program does not start.
        """
        stages, pause = Stages(self._folder, self._report), threading.Event()
        while (state := _progress(self._folder, self._supervisor)).phase != "ready":
            stages.tell(state)
            pause.wait(POLL_S)
        for name in SERVICES:
            _check_health(state, name)
        stages.tell(state)
        self.is_over = True


@contextmanager
def temporary_stack(
    folder: StackFolder, recipe: Recipe, report: Report, *, keep_logs: KeepLogs = keep_nothing
) -> Iterator[ProcessDeployment]:
    """Yield a stack that is being started. The stack ends with the context, or when this process dies."""
    lifeline, held = os.pipe()
    try:
        with handing_over_files(folder.log_files, keep_logs):
            supervisor = _launch(folder, recipe, report, lifeline=lifeline)
            try:
                yield ProcessDeployment(folder, Start(folder, supervisor, report).await_ready)
            finally:
                _end(folder, supervisor)
    finally:
        os.close(held)
        os.close(lifeline)
        stacks.remove(folder)


@contextmanager
def permanent_stack(folder: StackFolder, recipe: Recipe, report: Report) -> Iterator[ProcessDeployment]:
    """Yield a stack that is being started and then stays. A stack that never gets ready is stopped; its logs stay."""
    supervisor = _launch(folder, recipe, report, lifeline=None)
    start = Start(folder, supervisor, report)
    try:
        yield ProcessDeployment(folder, start.await_ready)
    finally:
        if start.is_over:
            _kept[folder.root] = supervisor
        else:
            _end(folder, supervisor)


def reap(folder: StackFolder) -> None:
    """Collect the supervisor of a stack that has ended, where this process started it."""
    supervisor = _kept.pop(folder.root, None)
    if supervisor is not None:
        supervisor.wait(REAP_S)


def _launch(folder: StackFolder, recipe: Recipe, report: Report, *, lifeline: int | None) -> SupervisorProcess:
    """Lock the folder, write the plan, and start the supervisor, which inherits the lock."""
    lock = _claim(folder)
    try:
        folder.state.unlink(missing_ok=True)
        provisions = provide(recipe.settings, recipe.services, folder, lambda line: report(METRICS, line, 0.0))
        write_plan(folder.plan, recipe.plan(folder, provisions))
        return _supervisor(folder, lock.fileno(), lifeline)
    except OSError as error:
        raise _cannot_keep(folder, error) from error
    finally:
        lock.release()


def _claim(folder: StackFolder) -> Lock:
    try:
        folder.make()
        return Lock(folder.lock, f"process {os.getpid()}")
    except Taken as taken:
        raise Exists(
            "a stack is being started in the same place", found=taken.holder, next_step="lab status"
        ) from taken
    except OSError as error:
        raise _cannot_keep(folder, error) from error


def _cannot_keep(folder: StackFolder, error: OSError) -> Unavailable:
    return Unavailable(f"cannot keep a stack in {folder.root}", found=str(error), next_step=OTHER_FOLDER)


def _supervisor(folder: StackFolder, lock: int, lifeline: int | None) -> SupervisorProcess:
    command = [sys.executable, "-m", SUPERVISOR, str(folder.root), "--lock", str(lock)]
    inherited = [lock]
    if lifeline is not None:
        command += ["--lifeline", str(lifeline)]
        inherited.append(lifeline)
    with folder.log_of(LOG).open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=inherited,
            start_new_session=True,
            env=inherited_environment(),
        )


def _progress(folder: StackFolder, supervisor: SupervisorProcess) -> StackState:
    """Return the supervisor's state; raise where the start failed or the supervisor ended."""
    ended = supervisor.poll() is not None
    state = read_state(folder.state)
    if state is not None and state.phase == "failed" and state.failure is not None:
        raise _cannot_start(folder, state.failure)
    if ended:
        lines = folder.log_of(LOG).read_text(errors="replace").splitlines()
        raise InternalFault(
            "the supervisor of the stack ended", found="\n".join(lines[-SHOWN_LINES:]), next_step=DOCTOR
        )
    return state or StackState("starting", supervisor.pid, time.time_ns(), ())


def _cannot_start(folder: StackFolder, failure: Failure) -> LabError:
    kind = BadConfig if failure.exit_code == os.EX_CONFIG else Unavailable
    log = folder.log_of(failure.program)
    return kind(
        f"cannot start {failure.program}: it {failure.reason}",
        found="\n".join(failure.log_tail[-SHOWN_LINES:]) or f"it wrote nothing into {log}",
        next_step=DOCTOR,
    )


def _check_health(state: StackState, name: str) -> None:
    """Raise unless a service reports that it is healthy; a service that the plan lacks is skipped."""
    program = state.program(name)
    if program is None:
        return
    health = service_status.health_of(program.addresses.get("health") or program.addresses["grpc"])
    if health != "SERVING":
        raise Unavailable(f"{name} is up, but not healthy", found=f"it reports {health}", next_step=f"lab logs {name}")


def _end(folder: StackFolder, supervisor: SupervisorProcess) -> None:
    """Ask the supervisor to stop the stack. A supervisor that is late is killed, and its programs die with it."""
    supervisor.terminate()
    try:
        supervisor.wait(stacks.stop_timeout_s(folder))
    except subprocess.TimeoutExpired:
        supervisor.kill()
        supervisor.wait()
