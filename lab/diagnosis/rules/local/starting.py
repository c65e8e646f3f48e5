"""Programs of a local stack that refuse to start: wrong settings, a port that is taken."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from lab.diagnosis import remedies
from lab.diagnosis.finding import Cure, Finding
from lab.diagnosis.rules.local.deaths import first_deaths, stopped_by
from lab.diagnosis.rules.local.logs import last_line, newest_lines
from lab.diagnosis.rules.local.store import ABOUT_THE_STORE
from lab.snapshots.machine import Listener
from lab.snapshots.programs import ProgramProbe
from lab.snapshots.snapshot import Snapshot

REFUSES_SETTINGS: Final = 78
"""Exit code of a program that cannot work with its settings."""
VARIABLE: Final = re.compile(r"\b(?:LAB|OTEL|GRPC|MALLOC)_[A-Z0-9_]+\b")
SET_BY_THE_LAB: Final = "LAB_REDIS_"
"""Variables that the lab gives to services from settings of its own."""
IN_USE: Final = re.compile(r"(?i)address already in use")
CANNOT_BIND: Final = re.compile(r"(?i)address already in use|cannot listen on|failed to bind")
PORT: Final = re.compile(r"(?<!\d\d:\d\d):(\d{2,5})\b(?![:.]\d)")
"""A port behind a host. Minutes and seconds of a time stand behind a colon, too."""


class TakenPort(NamedTuple):
    """A port that a program cannot have.

    Attributes:
        port: Empty where nothing names it.
        line: Line of the log that says so.
        variables: That give the program this port.
        holder: Process that listens on it.
    """

    port: str
    line: str
    variables: tuple[str, ...]
    holder: Listener | None


def settings_are_wrong(snapshot: Snapshot) -> Iterator[Finding]:
    """A program refuses its settings, and names them."""
    for program in first_deaths(snapshot):
        text = "\n".join(newest_lines(program))
        if program.exit_code != REFUSES_SETTINGS or ABOUT_THE_STORE.search(text) or CANNOT_BIND.search(text):
            continue
        # A line may name a second variable, the one that was probably meant.
        faults = {match[0]: line for line in newest_lines(program) if (match := VARIABLE.search(line))}
        if faults:
            why, do = _correction(snapshot, list(faults))
            yield Finding(
                cause="wrong-settings",
                object=program.ref,
                title=f"{program.name} refuses its settings: {', '.join(faults)}",
                found="; ".join(faults.values()),
                why=why,
                do=do,
                stops=stopped_by(program),
                rests_on=(program.ref,),
            )


def port_is_taken(snapshot: Snapshot) -> Iterator[Finding]:
    """A program cannot listen, since another process has its port."""
    for program in first_deaths(snapshot):
        taken = _taken_port(snapshot, program)
        if taken is None:
            continue
        port = f"port {taken.port}" if taken.port else "its port"
        holder = f"process {taken.holder.pid} ({taken.holder.command})" if taken.holder and taken.holder.pid else ""
        names = ", ".join(taken.variables)
        yield Finding(
            cause="port-taken",
            object=program.ref,
            title=f"{program.name} cannot listen: {port} is taken" + (f" by {holder}" if holder else ""),
            found=taken.line + (f"; {holder} listens on it" if holder else ""),
            why=f"{names} gives every service the same port; without that each takes a free one"
            if names
            else "another process took the port first; a new stack takes free ports",
            do=remedies.start_anew(snapshot, *(name for name in taken.variables if name in _environment(snapshot))),
            stops=stopped_by(program),
            rests_on=(program.ref,),
        )


def _correction(snapshot: Snapshot, names: list[str]) -> Cure:
    """Return where variables were set, and what sets them right."""
    own = [name for name in names if name in _environment(snapshot)]
    if own:
        return Cure(f"the environment of this shell sets {', '.join(own)}", remedies.start_anew(snapshot, *own))
    if any(name.startswith(SET_BY_THE_LAB) for name in names):
        return Cure("the lab sets it from a setting of its own", "lab config show")
    return Cure("--set gave it; without that the default counts", remedies.start_anew(snapshot))


def _taken_port(snapshot: Snapshot, program: ProgramProbe) -> TakenPort | None:
    """Return the port that a program could not have; None where nothing says that it was taken."""
    line = last_line(program, CANNOT_BIND)
    if not line:
        return None
    port = _port(program, line)
    variables = tuple(_naming(snapshot, program, port))
    listeners = snapshot.machine.listeners if snapshot.machine else ()
    holder = next((listener for listener in listeners if str(listener.port) == port), None)
    if not IN_USE.search(line) and holder is None and not variables:
        return None
    return TakenPort(port, line, variables, holder)


def _port(program: ProgramProbe, line: str) -> str:
    """Return the port that a line is about; empty where nothing names it.

    That is the last port of the line that the program wants, else the last before the error of the system, `: bind: …`.
    """
    named: list[str] = PORT.findall(line.partition(": bind")[0])
    wanted = [address.rpartition(":")[2] for address in program.addresses]
    matching = [port for port in named if port in wanted]
    return next(reversed(matching or named or wanted[:1]), "")


def _naming(snapshot: Snapshot, program: ProgramProbe, port: str) -> Iterator[str]:
    """Yield the variables that give a program a fixed port: that port, or any where the port is not known."""
    for name, value in {**_environment(snapshot), **program.settings}.items():
        given = value.rpartition(":")[2]
        if name.endswith(("_BIND", "_PORT")) and given not in {"", "0"} and port in {"", given}:
            yield name


def _environment(snapshot: Snapshot) -> Mapping[str, str]:
    return snapshot.settings.environment if snapshot.settings else {}
