"""The source of snapshots."""

from typing import Protocol

from lab.snapshots.snapshot import Moment, Snapshot


class SnapshotSource(Protocol):
    """Takes snapshots of a stack and of what the stack depends on."""

    def take(self, moment: Moment = "after") -> Snapshot:
        """Ask everything once.

        `Probes.denials` names each part that RBAC refused. Its own probe, or `Probes.unanswered`, explains any other
        missing part.

        Args:
            moment: `before` a deployment there is no stack, and what the settings choose is asked in its place.

        Raises:
            LabError: There is nothing to ask: no namespace, or `after` a deployment no cluster that answers.
        """
