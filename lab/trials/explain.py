"""Puts the cause that a look at the cluster finds beside an error that only says what did not come about."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding
from lab.errors import LabError
from lab.snapshots.port import SnapshotSource
from lab.snapshots.snapshot import save
from lab.systems.services import SERVICES

FILE_NAME: Final = "last-failure.json"
SHOWN: Final = 240
LOOK_FURTHER: Final = "lab diagnose"
"""The next step of an error that leaves its cause open."""
NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.:-]*[a-z0-9])?")


def explained(error: LabError, source: SnapshotSource, folder: Path) -> LabError:
    """The same error, what was found included, with a finding's cause and evidence; as it is where nothing is found.

    It is the first finding about something that the error names. Where there is none, the first of all is told as what
    the cluster has besides; its next step takes the place of the error's own only where that was to look further.

    The look is kept in *folder*, since what was deployed for a run is gone when somebody reads the message.
    """
    try:
        look = source.take()
        folder.mkdir(parents=True, exist_ok=True)
        save(look, folder / FILE_NAME)
        findings = diagnose(look)
    except (LabError, OSError):
        return error
    if not findings:
        return error
    concerned = next(_about(error, findings), None)
    one, kept = concerned or findings[0], f"lab diagnose --snapshot {folder / FILE_NAME}"
    title = f"{one.title} ({one.cause})" if concerned else f"the cluster also has: {one.title} ({one.cause})"
    more = f"; and {len(findings) - 1} more: {kept}" if len(findings) > 1 else ""
    found = filter(None, (_cut(error.found), _cut(title), f"{_cut(one.found)}{more}"))
    step = one.do if concerned or error.next_step.startswith(LOOK_FURTHER) else error.next_step or kept
    return type(error)(error.attempted, found="\n".join(found), next_step=step, code=error.reason)


def _about(error: LabError, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Findings whose object, or what they stop, the error names; a service's name stands for each of its parts."""
    said = set(NAME.findall(f"{error.attempted}\n{error.found}".lower()))
    services = tuple(f"{name}-" for name in said & set(SERVICES))
    for one in findings:
        names = {ref.rpartition("/")[2].lower() for ref in (one.object, *one.stops)}
        if names & said or any(name.startswith(services) for name in names if services):
            yield one


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
