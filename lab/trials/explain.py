"""Takes a snapshot after a failure, keeps the snapshot, and explains the failure with it."""

from pathlib import Path
from typing import Final

from lab.diagnosis import explain
from lab.errors import LabError
from lab.snapshots.port import SnapshotSource
from lab.snapshots.snapshot import Moment, Snapshot, save

FILE_NAME: Final = "last-failure.json"


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


def _kept(snapshot: Snapshot, folder: Path) -> Path | None:
    """Keep a snapshot; return its file, or None where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save(snapshot, folder / FILE_NAME)
    except (LabError, OSError):
        return None
    return folder / FILE_NAME
