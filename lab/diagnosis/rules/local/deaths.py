"""How programs of a local stack died: which died first, how each ended, what stopped with it."""

import math
from collections.abc import Mapping
from typing import Final

from lab.snapshots.programs import ProgramProbe
from lab.snapshots.snapshot import Snapshot

SERVERS: Final[Mapping[str, str]] = {"redis": "store", "prometheus": "prometheus"}
"""Program → the part of the stack that stops with it."""


def first_deaths(snapshot: Snapshot) -> tuple[ProgramProbe, ...]:
    """Return the programs that are down, in the order of their deaths, without those that needed an earlier one."""
    down = [program for program in snapshot.programs if program.gave_up or (program.died_at and not program.is_up)]
    down.sort(key=lambda program: program.died_at or math.inf)
    names = [program.name for program in down]
    return tuple(program for at, program in enumerate(down) if _needs(snapshot, program).isdisjoint(names[:at]))


def how_it_ended(program: ProgramProbe) -> str:
    """Return how a program ended, in the words that follow its name.

    >>> how_it_ended(ProgramProbe("redis", exit_code=1)), how_it_ended(ProgramProbe("redis", signal=9))
    ('exited with 1', 'was ended by signal 9')
    """
    if program.error:
        return program.error
    return f"was ended by signal {program.signal}" if program.signal else f"exited with {program.exit_code}"


def stopped_by(program: ProgramProbe) -> tuple[str, ...]:
    """Return what stops with a program: the program itself, and the part of the stack that it serves as.

    >>> stopped_by(ProgramProbe("redis")), stopped_by(ProgramProbe("query-api"))
    (('Program/redis', 'store'), ('Program/query-api',))
    """
    return (program.ref, SERVERS[program.name]) if program.name in SERVERS else (program.ref,)


def _needs(snapshot: Snapshot, program: ProgramProbe) -> frozenset[str]:
    """Return every program that a program needs, also through others."""
    needed = frozenset(program.after)
    for name in program.after:
        other = snapshot.program(name)
        needed |= _needs(snapshot, other) if other is not None else frozenset()
    return needed
