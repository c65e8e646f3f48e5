"""Explains a failure: by a snapshot that is taken then, by the first program that died, by the logs that are kept."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lab.diagnosis import explain
from lab.errors import LabError
from lab.model import Death
from lab.snapshots.files import save
from lab.snapshots.port import SnapshotSource
from lab.snapshots.snapshot import Moment, Snapshot

FILE_NAME: Final = "last-failure.json"
LOG_COMMAND: Final = re.compile(r"lab logs ([\w-]+)")
"""A next step that reads the log of a stack that is up."""


def explained(error: LabError, source: SnapshotSource, folder: Path, *, moment: Moment = "after") -> LabError:
    """Return the error with its cause (`lab.diagnosis.explain`); unchanged where no snapshot can be taken.

    The snapshot is kept in *folder*, since the stack of a run is gone when a person reads the message; on a full disk
    it is not kept.
    """
    try:
        snapshot = source.take(moment)
    except (LabError, OSError):
        return error
    return explain.explained(error, snapshot, _kept(snapshot, folder))


def blaming_first(error: LabError, deaths: Sequence[Death], logs: Path | None) -> LabError:
    """Return the error of a program that suffered with the program that ended first, and where the logs are kept.

    Args:
        error: What failed.
        deaths: The programs that ended by themselves.
        logs: Folder of the run that keeps the logs, since the stack is gone when a person reads the message.
    """
    cause, step = error.found, error.next_step
    first = min(deaths, key=lambda death: death.at_ns, default=None)
    if first is not None and first.service not in error.attempted:
        cause = f"{first.service} {first.how}\n{cause}"
    named = LOG_COMMAND.match(step)
    if logs is not None and (named or (first is not None and not step)):
        program = first.service if first is not None else named[1] if named else ""
        step = f"less {shlex.quote(str(logs / program))}.log"
    if (cause, step) == (error.found, error.next_step):
        return error
    return type(error)(error.attempted, found=cause, next_step=step, code=error.reason)


def _kept(snapshot: Snapshot, folder: Path) -> Path | None:
    """Keep a snapshot; return its file, or None where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save(snapshot, folder / FILE_NAME)
    except (LabError, OSError):
        return None
    return folder / FILE_NAME
