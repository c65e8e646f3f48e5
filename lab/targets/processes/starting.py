"""Brings one stack up: writes its plan, starts its supervisor, waits for every gate."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.errors import BadConfig, Exists, InternalFault, LabError, Unavailable
from lab.rpc import service_status
from lab.settings import inherited_environment
from lab.systems.services import SERVICES
from lab.targets.port import KeepLogs, Report, keep_nothing
from lab.targets.processes import stacks
from lab.targets.processes.deployment import ProcessDeployment
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.locks import Lock, Taken
from lab.targets.processes.plan import write_plan
from lab.targets.processes.recipe import METRICS, Recipe
from lab.targets.processes.stages import Stages
from lab.targets.processes.state import Failure, StackState, read_state
from lab.targets.processes.supervisor import EX_CONFIG

PAUSE_S = 0.02
SUPERVISOR = "supervisor"
SHOWN_LINES = 2
REAP_S = 5.0
_kept: dict[Path, "subprocess.Popen[bytes]"] = {}
"""Folder → supervisor that outlives its starter; held, so that it is reaped and no finaliser complains."""


@contextmanager
def temporary(
    folder: StackFolder, recipe: Recipe, report: Report, *, keep_logs: KeepLogs = keep_nothing
) -> Iterator[ProcessDeployment]:
    """A stack for the length of the context; it ends with this process too, however that ends."""
    lifeline, held = os.pipe()
    try:
        with handing_over_logs(folder, keep_logs):
            supervisor = _launch(folder, recipe, report, lifeline=lifeline)
            try:
                yield _ready(folder, supervisor, report)
            finally:
                _end(folder, supervisor)
    finally:
        os.close(held)
        os.close(lifeline)
        stacks.remove(folder)


@contextmanager
def handing_over_logs(folder: StackFolder, keep_logs: KeepLogs) -> Iterator[None]:
    """Hand over a stack's logs when the context ends; see `handing_over_files`."""
    with handing_over_files(folder.log_files, keep_logs):
        yield


@contextmanager
def handing_over_files(log_files: Callable[[], Mapping[str, Path]], keep_logs: KeepLogs) -> Iterator[None]:
    """Hand over logs when the context ends; where it ends by an error, that stays the news."""
    try:
        yield
    except BaseException:
        with suppress(OSError, LabError):
            keep_logs(log_files())
        raise
    keep_logs(log_files())


def permanent(folder: StackFolder, recipe: Recipe, report: Report) -> ProcessDeployment:
    """A stack that stays until it is told to stop; when it cannot be started, its logs stay."""
    supervisor = _launch(folder, recipe, report, lifeline=None)
    try:
        deployment = _ready(folder, supervisor, report)
    except BaseException:
        _end(folder, supervisor)
        raise
    _kept[folder.root] = supervisor
    return deployment


def reap(folder: StackFolder) -> None:
    """Collect the supervisor of a stack that has ended, where this process started it."""
    supervisor = _kept.pop(folder.root, None)
    if supervisor is not None:
        supervisor.wait(REAP_S)


def _launch(folder: StackFolder, recipe: Recipe, report: Report, *, lifeline: int | None) -> "subprocess.Popen[bytes]":
    """Claim the folder, write the plan, start the supervisor, which inherits the claim."""
    lock = _claim(folder)
    try:
        folder.state.unlink(missing_ok=True)
        write_plan(folder.plan, recipe.plan(folder, lambda text: report(METRICS, text, 0.0)))
        return _supervisor(folder, lock.fileno(), lifeline)
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
        raise Unavailable(f"cannot keep a stack in {folder.root}", found=str(error)) from error


def _supervisor(folder: StackFolder, lock: int, lifeline: int | None) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "lab.targets.processes.supervisor", str(folder.root), "--lock", str(lock)]
    inherited = [lock]
    if lifeline is not None:
        command += ["--lifeline", str(lifeline)]
        inherited.append(lifeline)
    with folder.log_of(SUPERVISOR).open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=inherited,
            start_new_session=True,
            env=inherited_environment(),
        )


def _ready(folder: StackFolder, supervisor: "subprocess.Popen[bytes]", report: Report) -> ProcessDeployment:
    """The stack, once everything is ready and every service says that it is healthy."""
    stages, pause = Stages(folder, report), threading.Event()
    while (state := _progress(folder, supervisor)).phase != "ready":
        stages.tell(state)
        pause.wait(PAUSE_S)
    for name in SERVICES:
        _check_health(state, name)
    stages.tell(state)
    return ProcessDeployment(folder)


def _progress(folder: StackFolder, supervisor: "subprocess.Popen[bytes]") -> StackState:
    """What the supervisor says; an error when it failed, or cannot speak."""
    ended = supervisor.poll() is not None
    state = read_state(folder.state)
    if state is not None and state.phase == "failed" and state.failure is not None:
        raise _cannot_start(folder, state.failure)
    if ended:
        words = folder.log_of(SUPERVISOR).read_text(errors="replace").splitlines()
        raise InternalFault("the supervisor of the stack ended", found="\n".join(words[-SHOWN_LINES:]))
    return state or StackState("starting", supervisor.pid, time.time_ns(), ())


def _cannot_start(folder: StackFolder, failure: Failure) -> LabError:
    kind = BadConfig if failure.exit_code == EX_CONFIG else Unavailable
    log = folder.log_of(failure.program)
    return kind(
        f"cannot start {failure.program}: it {failure.reason}",
        found="\n".join(failure.log_tail[-SHOWN_LINES:]) or f"it wrote nothing into {log}",
        next_step="lab doctor      (what this machine lacks)",
    )


def _check_health(state: StackState, name: str) -> None:
    """Ask a service through the network whether it is healthy; plans without it are fine."""
    program = state.program(name)
    if program is None:
        return
    said = service_status.health_of(program.addresses.get("health") or program.addresses["grpc"])
    if said != "SERVING":
        raise Unavailable(f"{name} is up, but not healthy: {said}", next_step=f"lab logs {name}")


def _end(folder: StackFolder, supervisor: "subprocess.Popen[bytes]") -> None:
    """Ask the supervisor to stop everything; what it holds dies with it if it does not."""
    supervisor.terminate()
    try:
        supervisor.wait(stacks.stop_timeout_s(folder))
    except subprocess.TimeoutExpired:
        supervisor.kill()
        supervisor.wait()
