"""Which programs of a local stack died by themselves, and which only followed a program that they need."""

import math
from collections.abc import Mapping
from typing import Final

from lab.diagnosis.finding import Finding
from lab.snapshots.programs import ProgramProbe
from lab.snapshots.snapshot import Snapshot

NEWEST: Final = 30
"""Lines at the end of a program's log; earlier lines are of earlier starts."""
SERVERS: Final[Mapping[str, str]] = {"redis": "store", "prometheus": "prometheus"}
"""Program → the part of the stack that stops with it."""


def first_deaths(snapshot: Snapshot) -> tuple[ProgramProbe, ...]:
    """Return the programs that are down, in the order of their deaths, without those that needed an earlier one."""
    down = [program for program in snapshot.programs if program.gave_up or (program.died_at and not program.is_up)]
    down.sort(key=lambda program: program.died_at or math.inf)
    names = [program.name for program in down]
    return tuple(program for at, program in enumerate(down) if _needs(snapshot, program).isdisjoint(names[:at]))


def newest(program: ProgramProbe) -> tuple[str, ...]:
    """Return the lines at the end of a program's log that hold text."""
    return tuple(line.strip() for line in program.log[-NEWEST:] if line.strip())


def how_it_ended(program: ProgramProbe) -> str:
    """Return how a program ended, in the words that follow its name.

    >>> how_it_ended(ProgramProbe("redis", exit_code=1)), how_it_ended(ProgramProbe("redis", signal=9))
    ('exited with 1', 'was ended by signal 9')
    """
    if program.error:
        return program.error
    return f"was ended by signal {program.signal}" if program.signal else f"exited with {program.exit_code}"


def bring_up(snapshot: Snapshot, *unset: str) -> str:
    """Return the command that starts the stack anew, without some variables of the user's environment.

    >>> bring_up(Snapshot("", 0.0), "LAB_BIND")
    'unset LAB_BIND && lab up'
    """
    is_up = snapshot.machine is not None and snapshot.machine.stack_is_up
    steps = [f"unset {' '.join(unset)}"] if unset else []
    return " && ".join([*steps, *(["lab down"] if is_up else []), "lab up"])


def finding_of(program: ProgramProbe, *, rests_on: tuple[str, ...] = (), **words: str) -> Finding:
    """Return a finding about a program; it explains the program, and the part of the stack that the program is."""
    part = (SERVERS[program.name],) if program.name in SERVERS else ()
    return Finding(object=program.ref, **words, stops=(program.ref, *part), rests_on=(program.ref, *rests_on))


def _needs(snapshot: Snapshot, program: ProgramProbe) -> frozenset[str]:
    """Return every program that a program needs, also through others."""
    needed = frozenset(program.after)
    for name in program.after:
        other = snapshot.program(name)
        needed |= _needs(snapshot, other) if other is not None else frozenset()
    return needed
