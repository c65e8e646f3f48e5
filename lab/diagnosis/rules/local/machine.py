"""This machine: its system, its Python, its disk, its memory, the programs that a stack starts."""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Cure, Finding, name_of
from lab.diagnosis.rules.local.deaths import first_deaths, how_it_ended, stopped_by
from lab.diagnosis.rules.local.logs import last_line
from lab.diagnosis.rules.versions import numbers
from lab.snapshots.machine import MachineProbe
from lab.snapshots.programs import ProgramProbe
from lab.snapshots.snapshot import Snapshot

OLDEST_PYTHON: Final = (3, 11)
LEAST_FREE_BYTES: Final = 500 << 20
"""On the disk of the stacks and of the runs: a run of a minute keeps some ten megabytes."""
FULL_BYTES: Final = 16 << 20
"""With less, programs fail at their next write, whatever they say themselves."""
LEAST_MEMORY_SHARE: Final = 0.05
"""Of this machine's memory; the kernel looks for a process to end soon."""
NO_SPACE: Final = re.compile(r"(?i)no space left on device|disk quota exceeded|errno 28\b")
NO_MEMORY: Final = re.compile(r"(?i)cannot allocate memory|out of memory|\bMemoryError\b|\bbad_alloc\b|^Killed\b")
CANNOT_RUN: Final = re.compile(r"cannot run \S+: |[Ee]xec format error")
NOT_RUN: Final = 127
"""Exit code of a program that could not be executed."""
SIGKILL: Final = 9


def system_is_not_linux(snapshot: Snapshot) -> Iterator[Finding]:
    """Local stacks need Linux: the kernel ends their programs with their supervisor."""
    machine = snapshot.machine
    if machine is not None and machine.system != "Linux":
        yield Finding(
            cause="not-linux",
            object="Machine/system",
            title="a stack of local processes needs Linux",
            found=f"this is {machine.system} {machine.architecture}",
            why="only Linux ends the programs of a stack together with their supervisor; use WSL, or a cluster",
            do="lab doctor --target kubernetes",
        )


def python_is_too_old(snapshot: Snapshot) -> Iterator[Finding]:
    """The lab runs on a Python that is too old."""
    machine = snapshot.machine
    if machine is not None and numbers(machine.python) < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        yield Finding(
            cause="python-too-old",
            object="Machine/python",
            title=f"Python {machine.python} is too old",
            found=f"Python {machine.python}; {oldest} or newer is needed",
            why="the lab uses syntax and library that older versions do not have",
            do=f"python{oldest} -m venv .venv && .venv/bin/pip install -e .",
        )


def disk_is_full(snapshot: Snapshot) -> Iterator[Finding]:
    """The disk of the stacks or of the runs has little or no space left."""
    machine = snapshot.machine
    if machine is None:
        return
    refused = {program.ref: line for program in snapshot.programs if (line := last_line(program, NO_SPACE))}
    short = {folder: free for folder, free in _free(machine) if 0 <= free < LEAST_FREE_BYTES}
    if not refused and not short:
        return
    folder = next(iter(short), machine.state_dir)
    evidence = [f"{free / 1e6:,.0f} MB free for {place}" for place, free in short.items()]
    evidence += [f"{name_of(ref)} says: {line}" for ref, line in list(refused.items())[:1]]
    is_full = any(free < FULL_BYTES for free in short.values())
    title = f"little space is left for {folder}"
    if refused or is_full:
        title = f"no space is left on the disk of {folder}"
    victims = {program.ref for program in first_deaths(snapshot)} if is_full else set[str]()
    yield Finding(
        cause="disk-full",
        object="Machine/disk",
        title=title,
        found="; ".join(evidence),
        why="the store refuses a write that it cannot keep, and a run cannot be recorded",
        do=f"df -h {shlex.quote(folder)} && du -xh --max-depth=2 {shlex.quote(folder)} | sort -h | tail -n 15",
        stops=tuple(sorted({*refused, *victims})),
    )


def memory_runs_out(snapshot: Snapshot) -> Iterator[Finding]:
    """The kernel ended a program for want of memory, or a program was given none."""
    for program in first_deaths(snapshot):
        refusal = last_line(program, NO_MEMORY)
        is_killed = program.signal == SIGKILL
        signs = [*([refusal] if refusal else []), *(_little_memory(snapshot.machine) if is_killed else [])]
        hints = [*signs, *(_kills(snapshot.machine) if is_killed else [])]
        if hints:
            certainty = "was" if signs else "may have been"
            yield Finding(
                cause="out-of-memory",
                object=program.ref,
                title=f"{program.name} {certainty} ended for want of memory",
                found=f"it {how_it_ended(program)}; {'; '.join(hints)}",
                why="a machine without free memory gives a program none, or its kernel ends one with signal 9",
                do=remedies.SHOW_MEMORY,
                stops=stopped_by(program),
                rests_on=(program.ref,),
            )


def program_is_missing(snapshot: Snapshot) -> Iterator[Finding]:
    """A program that the stack needs is not on this machine, or cannot be executed."""
    for program in snapshot.programs:
        refusal = last_line(program, CANNOT_RUN) if program.exit_code == NOT_RUN else ""
        if program.is_there is not False and not refusal:
            continue
        if not program.program and program.name == "prometheus" and snapshot.settings and snapshot.settings.fetches:
            continue
        why, do = _remedy(snapshot, program)
        what = program.program or "no such program on this machine"
        yield Finding(
            cause="program-missing",
            object=program.ref,
            title=f"{program.name} cannot be started: {what}",
            found=refusal or program.error or f"{what} cannot be executed",
            why=why,
            do=do,
            stops=stopped_by(program),
            rests_on=(program.ref,),
        )


def _remedy(snapshot: Snapshot, program: ProgramProbe) -> Cure:
    settings = snapshot.settings
    if settings and program.program and program.program == settings.prometheus_program:
        return Cure(
            "the setting `prometheus` names it; without that the lab finds one",
            remedies.start_anew(snapshot, "LAB_PROMETHEUS"),
        )
    if settings and program.name == "redis" and settings.redis_server == "path":
        why = "the setting `redis_server` asks for the one on PATH; the lab also brings one of its own"
        return Cure(why, remedies.start_anew(snapshot, "LAB_REDIS_SERVER"))
    if program.install:
        return Cure("it was never installed, or was removed", f"{program.install} && {remedies.start_anew(snapshot)}")
    return Cure("the file is gone, or belongs to another system", remedies.start_anew(snapshot))


def _little_memory(machine: MachineProbe | None) -> list[str]:
    """Return how much memory is available, where that is little."""
    if machine is None or machine.memory_available_bytes >= LEAST_MEMORY_SHARE * machine.memory_bytes:
        return []
    available, whole = machine.memory_available_bytes / 1e6, machine.memory_bytes / 1e6
    return [f"{available:,.0f} of {whole:,.0f} MB of memory are available"]


def _kills(machine: MachineProbe | None) -> list[str]:
    """Return how many processes the kernel ended for want of memory; it does not tell which."""
    count = (machine.out_of_memory_kills or 0) if machine else 0
    return [f"the kernel has ended {count} processes for want of memory since it started"] if count else []


def _free(machine: MachineProbe) -> Iterator[tuple[str, int]]:
    yield machine.state_dir, machine.state_free_bytes
    if machine.runs_free_bytes != machine.state_free_bytes:
        yield machine.runs_dir, machine.runs_free_bytes
