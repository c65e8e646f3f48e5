"""Puts the cause that a look at the cluster finds into an error that only says what did not come about."""

from pathlib import Path
from typing import Final

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.port import SnapshotSource
from lab.diagnosis.snapshot import save
from lab.errors import LabError

FILE_NAME: Final = "last-failure.json"
SHOWN: Final = 240


def explained(error: LabError, source: SnapshotSource, folder: Path) -> LabError:
    """The same error with cause, evidence and next step of the first finding; as it is where nothing is found.

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
    first = findings[0]
    found = f"{first.title} ({first.cause})\n{_cut(first.found)}"
    if len(findings) > 1:
        found += f"\nand {len(findings) - 1} more: lab diagnose --snapshot {folder / FILE_NAME}"
    return type(error)(error.attempted, found=found, next_step=first.do, code=error.reason)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
