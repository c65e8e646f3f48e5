"""The parts of a cluster that only read, for callers that change nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Object = Mapping[str, Any]
"""An object as the API has it: JSON, camelCase."""


class Lister(Protocol):
    """Lists objects; satisfied by `lab.targets.kubernetes.client.cluster.Cluster`."""

    def list(self, api_version: str, kind: str, *, selector: str = "") -> Sequence[Object]:
        """Return every object of a kind."""


class Reader(Lister, Protocol):
    """Lists and finds objects in one namespace; satisfied by `lab.targets.kubernetes.client.cluster.Cluster`."""

    @property
    def namespace(self) -> str:
        """The namespace of the stack."""

    def find(self, api_version: str, kind: str, name: str) -> Object | None:
        """Return an object, or None where there is none of that name."""
