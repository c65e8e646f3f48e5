"""Programs of a local stack that crash, or do not run for a reason that no other rule knows."""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.diagnosis.rules.evidence.tracebacks import last_traceback
from lab.diagnosis.rules.local.deaths import first_deaths, how_it_ended, stopped_by
from lab.diagnosis.rules.local.logs import newest_lines
from lab.diagnosis.rules.local.store import ABOUT_THE_STORE
from lab.snapshots.programs import ProgramProbe
from lab.snapshots.snapshot import Snapshot

PROJECT_FILE: Final = re.compile(r".*/(?:services|lab)/(?!.*site-packages).*\.py")
UNEXPLAINED: Final = "none of the causes that the lab knows"


def program_crashes(snapshot: Snapshot) -> Iterator[Finding]:
    """A Python program ends by an exception that it does not catch."""
    for program in first_deaths(snapshot):
        last = last_traceback(program.log, project=PROJECT_FILE)
        if last is None:
            continue
        edit = f'"${{EDITOR:-vi}}" +{last.line} {shlex.quote(last.file)} && {remedies.start_anew(snapshot)}'
        yield Finding(
            cause="crash-at-start",
            object=program.ref,
            title=f"{program.name} crashes: {last.kind}",
            found=f"{last.raised}, at {last.file}:{last.line}; it {how_it_ended(program)}",
            why="the program does not catch it",
            do=edit if PROJECT_FILE.fullmatch(last.file) else _show_log(snapshot, program),
            stops=stopped_by(program),
            rests_on=_needed(program, last.raised),
        )


def stack_is_orphaned(snapshot: Snapshot) -> Iterator[Finding]:
    """The supervisor ended without stopping the stack, and its programs ended with it."""
    machine = snapshot.machine
    if machine is not None and machine.stack == "orphaned":
        yield Finding(
            cause="stack-orphaned",
            object="Program/supervisor",
            title="the stack ended without having been taken down",
            found=f"nothing supervises {machine.stack_dir} any more",
            why="the machine was restarted, or the supervisor was killed; its programs end with it",
            do="lab up",
        )


def program_is_down(snapshot: Snapshot) -> Iterator[Finding]:
    """A program is down, and no other rule explains why."""
    for program in first_deaths(snapshot):
        lines = newest_lines(program)
        yield Finding(
            cause="not-ready",
            object=program.ref,
            title=f"{program.name} does not run",
            found="; ".join([f"it {how_it_ended(program)}", *lines[-1:]]),
            why=UNEXPLAINED,
            do=_show_log(snapshot, program),
            stops=stopped_by(program),
            rests_on=_needed(program, "\n".join(lines)),
        )


def _needed(program: ProgramProbe, complaint: str) -> tuple[str, ...]:
    """Return the program, and the store where the program complains of it."""
    return (program.ref, "store") if ABOUT_THE_STORE.search(complaint) else (program.ref,)


def _show_log(snapshot: Snapshot, program: ProgramProbe) -> str:
    return shlex.join(["tail", "-n", "60", program.log_file]) if program.log_file else remedies.start_anew(snapshot)
