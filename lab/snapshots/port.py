"""Where a look at a namespace comes from."""

from typing import Protocol

from lab.snapshots.snapshot import Snapshot


class SnapshotSource(Protocol):
    """Something that can look at a namespace and at what its services depend on."""

    def take(self) -> Snapshot:
        """Look once; what could not be seen is left out, and what was refused is among the denials.

        Raises:
            LabError: The cluster cannot be reached at all.
        """
