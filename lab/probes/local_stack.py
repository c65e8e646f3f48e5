"""Reads the files of a local stack."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from lab.errors import LabError
from lab.probes.program_facts import Reading, phase_of, program_probe
from lab.probes.startable_programs import install_command
from lab.snapshots.machine import StackPhase
from lab.snapshots.programs import ProgramProbe
from lab.snapshots.snapshot import RECENT_S
from lab.snapshots.telemetry_variables import LEADING
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.plan import Plan, Program, read_plan
from lab.targets.processes.state import StackState, read_state

LOG_LINES: Final = 200
LOG_BYTES: Final = 65_536


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
    phase = phase_of(state, is_alive=folder.is_alive)
    # The deaths of a stack that has failed are told from its end, however long ago that was.
    end = now if folder.is_alive or not folder.state.exists() else folder.state.stat().st_mtime
    programs = tuple(
        program_probe(program, state, _reading(program, _pid_of(program, state)), phase=phase, since=end - RECENT_S)
        for program in plan.programs
    )
    return LocalStack(phase, folder, plan, state, programs)


def _reading(program: Program, pid: int) -> Reading:
    path = Path(program.command[0])
    return Reading(
        is_there=os.access(path, os.X_OK) and path.is_file(),
        install=install_command(program.name),
        telemetry=_telemetry_of(pid),
        log=_last_lines(Path(program.log)),
    )


def _pid_of(program: Program, state: StackState | None) -> int:
    now = state.program(program.name) if state else None
    return now.pid if now else 0


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
