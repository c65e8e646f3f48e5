"""Takes a snapshot after a failure, keeps it, and explains the failure by what is in it."""

from pathlib import Path
from typing import Final

from lab.diagnosis import explain
from lab.errors import LabError
from lab.snapshots.port import SnapshotSource
from lab.snapshots.snapshot import save

FILE_NAME: Final = "last-failure.json"


def explained(error: LabError, source: SnapshotSource, folder: Path) -> LabError:
    """Return the error with its cause; see `lab.diagnosis.explain.explained`. Unchanged where no snapshot can be taken.

    The snapshot is kept in *folder*: what was deployed for a run is gone when a person reads the message.
    """
    try:
        snapshot = source.take()
        folder.mkdir(parents=True, exist_ok=True)
        save(snapshot, folder / FILE_NAME)
    except (LabError, OSError):
        return error
    return explain.explained(error, snapshot, folder / FILE_NAME)
