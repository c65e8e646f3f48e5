"""Describes the programs of a local stack by what was read of them. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from lab.model import NANOS, Death
from lab.snapshots.machine import StackPhase
from lab.snapshots.programs import ProgramProbe
from lab.targets.processes.plan import Program
from lab.targets.processes.state import ProgramState, StackState

SIGNAL: Final = re.compile(r"signal (\d+)")
PORT: Final = re.compile(r":(\d{2,5})\b")
LAST_LINES: Final = 30
"""Of a log in which a port may be named that is taken."""
ENDED: Final = frozenset({"stopping", "stopped"})
"""Phases of a stack that was told to stop: no death counts any more."""


class Reading(NamedTuple):
    """What was read of a program on this machine.

    Attributes:
        is_there: Whether its file can be executed.
        install: The command that installs it; empty where none is known.
        telemetry: Variables of its process that decide where its metrics go.
        log: The last lines of its log.
    """

    is_there: bool
    install: str
    telemetry: Mapping[str, str]
    log: tuple[str, ...]


class End(NamedTuple):
    """How a program ended last; both are 0 for a program that never ended."""

    exit_code: int = 0
    signal: int = 0


def phase_of(state: StackState | None, *, is_alive: bool) -> StackPhase:
    """Return the phase of a stack.

    Args:
        state: What the supervisor wrote last; None before it wrote anything.
        is_alive: Whether the supervisor lives.
    """
    if state is None:
        return "starting" if is_alive else ""
    is_over = state.phase in {"stopped", "failed"}
    return state.phase if is_over or is_alive else "orphaned"


def program_probe(
    program: Program, state: StackState | None, reading: Reading, *, phase: StackPhase, since: float
) -> ProgramProbe:
    """Return a program of a stack.

    Args:
        program: What the plan says of it.
        state: What the supervisor wrote last; None before it wrote anything.
        reading: What was read of it on this machine.
        phase: Phase of the stack.
        since: Deaths before this time are past, seconds since the epoch.
    """
    now = (state.program(program.name) if state else None) or ProgramState(program.name)
    deaths = [death for death in (state.deaths if state else ()) if death.service == program.name]
    recent = [death for death in deaths if death.at_ns / NANOS >= since] if phase not in ENDED else []
    failure = state.failure if state and state.failure and state.failure.program == program.name else None
    end = _end(failure.reason, failure.exit_code) if failure else _last_end(deaths)
    return ProgramProbe(
        program.name,
        phase=now.phase,
        program=program.command[0],
        is_there=reading.is_there,
        error=failure.reason if failure else "",
        install=reading.install,
        pid=now.pid,
        instance=now.instance_id,
        exit_code=end.exit_code,
        signal=end.signal,
        deaths=len(deaths),
        died_at=recent[0].at_ns / NANOS if recent else 0.0,
        gave_up=failure is not None,
        ready_at=now.ready_ns / NANOS if now.phase == "ready" else 0.0,
        after=program.after,
        addresses=tuple(dict.fromkeys(_addresses(program, now))),
        settings={**reading.telemetry, **program.environment},
        log_file=program.log,
        log=reading.log,
    )


def ports_of(programs: Sequence[ProgramProbe]) -> frozenset[int]:
    """Return the ports that programs without a process want, or name at the end of their logs."""
    down = [program for program in programs if not program.pid]
    texts = [text for program in down for text in (*program.addresses, *program.log[-LAST_LINES:])]
    return frozenset(int(port) for text in texts for port in PORT.findall(text))


def _end(reason: str, exit_code: int) -> End:
    """Return the end of a program that the supervisor gave up, whose signal is named in the reason alone."""
    match = SIGNAL.search(reason)
    return End(exit_code, int(match[1]) if match else 0)


def _last_end(deaths: Sequence[Death]) -> End:
    return End(deaths[-1].exit_code, deaths[-1].signal) if deaths else End()


def _addresses(program: Program, now: ProgramState) -> Iterator[str]:
    """Yield where a program listens, or would."""
    yield from now.addresses.values()
    if program.ready.kind == "redis":
        yield program.ready.where
    if program.ready.kind == "http":
        yield urlsplit(program.ready.where).netloc
