"""The parts of a cluster that only read, for callers that change nothing."""

from collections.abc import Sequence
from typing import Protocol

from lab.snapshots.kubernetes import Raw
from lab.targets.kubernetes.kinds import Kind


class Lister(Protocol):
    """Lists objects; satisfied by `lab.targets.kubernetes.client.cluster.Cluster`."""

    def list(self, kind: Kind, *, selector: str = "") -> Sequence[Raw]:
        """Return every object of a kind."""


class Reader(Lister, Protocol):
    """Lists and finds objects in one namespace; satisfied by `lab.targets.kubernetes.client.cluster.Cluster`."""

    @property
    def namespace(self) -> str:
        """The namespace of the stack."""

    def find(self, kind: Kind, name: str) -> Raw | None:
        """Return an object, or None where there is none of that name."""
