"""Asks a local stack by its files: phase, deaths, addresses, logs."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import psutil

from lab.errors import LabError
from lab.model import NANOS, Death
from lab.probes.startable_programs import install_command
from lab.snapshots.machine import ProgramProbe, StackPhase
from lab.snapshots.snapshot import RECENT_S
from lab.snapshots.telemetry_variables import LEADING
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.plan import Plan, Program, read_plan
from lab.targets.processes.state import ProgramState, StackState, read_state

LOG_LINES: Final = 200
LOG_BYTES: Final = 65_536
SIGNAL: Final = re.compile(r"signal (\d+)")
PORT: Final = re.compile(r":(\d{2,5})\b")
LAST_LINES: Final = 30
"""Of a log in which a port may be named that is taken."""
ENDED: Final = frozenset({"stopping", "stopped"})
"""Phases of a stack that was told to stop: no death counts any more."""


class LocalStack(NamedTuple):
    """A local stack, as its files tell.

    Attributes:
        phase: Phase of the stack; empty where there is no stack.
        folder: Folder of the stack.
        plan: What the stack was to start; None where there is no stack.
        state: What the supervisor wrote last; None before it wrote anything.
        programs: The programs of the plan.
    """

    phase: StackPhase
    folder: StackFolder
    plan: Plan | None = None
    state: StackState | None = None
    programs: tuple[ProgramProbe, ...] = ()

    @property
    def is_up(self) -> bool:
        """Whether the stack is up, or being started."""
        return self.phase in {"starting", "ready"}

    def address(self, service: str) -> str:
        """Return the address of a service's gRPC port; empty where it has none."""
        program = self.state.program(service) if self.state else None
        return program.addresses.get("grpc", "") if program else ""


def probe_stack(folder: StackFolder, now: float) -> LocalStack:
    """Return the stack in a folder.

    Args:
        folder: Folder of the stack; it need not be there.
        now: Seconds since the epoch.
    """
    try:
        plan, state = read_plan(folder.plan), read_state(folder.state)
    except (OSError, LabError):
        return LocalStack("", folder)
    phase = _phase(folder, state)
    # The deaths of a stack that has failed are told from its end, however long ago that was.
    end = now if folder.is_alive or not folder.state.exists() else folder.state.stat().st_mtime
    programs = tuple(_probe(program, state, phase, since=end - RECENT_S) for program in plan.programs)
    return LocalStack(phase, folder, plan, state, programs)


def ports_of(programs: tuple[ProgramProbe, ...]) -> frozenset[int]:
    """Return the ports that programs without a process want, or name at the end of their logs."""
    down = [program for program in programs if not program.pid]
    texts = [text for program in down for text in (*program.addresses, *program.log[-LAST_LINES:])]
    return frozenset(int(port) for text in texts for port in PORT.findall(text))


def _phase(folder: StackFolder, state: StackState | None) -> StackPhase:
    if state is None:
        return "starting" if folder.is_alive else ""
    is_over = state.phase in {"stopped", "failed"}
    return state.phase if is_over or folder.is_alive else "orphaned"


def _probe(program: Program, state: StackState | None, phase: StackPhase, *, since: float) -> ProgramProbe:
    now = (state.program(program.name) if state else None) or ProgramState(program.name)
    deaths = [death for death in (state.deaths if state else ()) if death.service == program.name]
    recent = [death for death in deaths if death.at_ns / NANOS >= since] if phase not in ENDED else []
    failure = state.failure if state and state.failure and state.failure.program == program.name else None
    reason = failure.reason if failure else ""
    code, number = _last_end(deaths)
    if failure is not None:
        code, number = failure.exit_code, int(match[1]) if (match := SIGNAL.search(reason)) else 0
    path = Path(program.command[0])
    return ProgramProbe(
        program.name,
        phase=now.phase,
        program=str(path),
        is_there=os.access(path, os.X_OK) and path.is_file(),
        error=reason,
        install=install_command(program.name),
        pid=now.pid,
        instance=now.instance_id,
        exit_code=code,
        signal=number,
        deaths=len(deaths),
        died_at=recent[0].at_ns / NANOS if recent else 0.0,
        gave_up=failure is not None,
        ready_at=now.ready_ns / NANOS if now.phase == "ready" else 0.0,
        after=program.after,
        addresses=tuple(dict.fromkeys(_addresses(program, now))),
        settings={**_telemetry_of(now.pid), **program.environment},
        log_file=program.log,
        log=_last_lines(Path(program.log)),
    )


def _last_end(deaths: list[Death]) -> tuple[int, int]:
    """Return exit code and signal of the last death; 0 for none."""
    return (deaths[-1].exit_code, deaths[-1].signal) if deaths else (0, 0)


def _addresses(program: Program, now: ProgramState) -> Iterator[str]:
    """Yield where a program listens, or would."""
    yield from now.addresses.values()
    if program.ready.kind == "redis":
        yield program.ready.where
    if program.ready.kind == "http":
        yield urlsplit(program.ready.where).netloc


def _telemetry_of(pid: int) -> Mapping[str, str]:
    """Return the variables of a process that decide where its metrics go."""
    with suppress(psutil.Error):
        if pid:
            return {name: value for name, value in psutil.Process(pid).environ().items() if name in LEADING}
    return {}


def _last_lines(log: Path) -> tuple[str, ...]:
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LOG_BYTES))
            return tuple(file.read().decode(errors="replace").splitlines()[-LOG_LINES:])
    except OSError:
        return ()
