"""One Kubernetes cluster as one user sees it, in one namespace."""

import json
from collections.abc import Sequence

from lab.snapshots.kubernetes import Raw
from lab.snapshots.kubernetes.kinds import Kind
from lab.snapshots.kubernetes.rights import Right
from lab.targets.kubernetes.client import changing, fetching, logs, reviews
from lab.targets.kubernetes.client.connection import Connection
from lab.targets.kubernetes.client.port import Applied
from lab.targets.kubernetes.client.where import Where


class Cluster:
    """Satisfies `lab.targets.kubernetes.client.port.ClusterClient`. Errors become errors of the lab (`lab_errors`).

    Args:
        connection: Connection of one user to one cluster.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def where(self) -> Where:
        """Names of server, user, context and namespace."""
        return self._connection.where

    @property
    def namespace(self) -> str:
        """The namespace of the stack."""
        return self.where.namespace

    def find(self, kind: Kind, name: str) -> Raw | None:
        """Return an object, or None where there is none of that name."""
        return fetching.find(self._connection, kind, name)

    def list(self, kind: Kind, *, selector: str = "") -> Sequence[Raw]:
        """Return every object of a kind in the namespace, or in the cluster for a kind without namespaces."""
        return fetching.list_all(self._connection, kind, selector)

    def apply(self, wanted: Raw, *, force: bool = False) -> Applied:
        """Apply an object by server-side apply.

        Raises:
            Exists: Another manager owns a field; the message names the manager.
            Forbidden: The user may not.
        """
        return changing.apply(self._connection, wanted, force=force)

    def preview(self, wanted: Raw, *, force: bool = False) -> tuple[Raw | None, Raw]:
        """Return an object as it is, and as the API server would leave it after `apply`. Changes nothing.

        The first is None where there is no such object, and for a Secret.

        Raises:
            Exists: Another manager owns a field; the message names the manager.
            Forbidden: The user may not.
        """
        return changing.preview(self._connection, wanted, force=force)

    def delete(self, kind: Kind, name: str) -> bool:
        """Delete an object and what it owns; return False where there was none."""
        return changing.delete(self._connection, kind, name)

    def may(self, right: Right) -> bool:
        """Return whether the user has a right. Every user may ask."""
        return reviews.may(self._connection, right)

    def user(self) -> str:
        """Return the user's name as the API server tells it, else as the kubeconfig does."""
        return reviews.user(self._connection)

    def version(self) -> str:
        """Return the version of the API server now, for example `v1.31.2`."""
        with self._connection.errors("cannot reach the cluster"):
            return str(json.loads(self._connection.read("/version", {}))["gitVersion"])

    def log(self, pod: str, container: str = "", *, previous: bool = False, lines: int | None = None) -> str:
        """See `LogReader.log`."""
        query = {"previous": str(previous).lower(), "container": container, "tailLines": lines}
        return logs.log(self._connection, pod, query)

    def log_since(self, pod: str, since: str, lines: int, *, container: str = "") -> str:
        """See `LogFollower.log_since`."""
        query = {"timestamps": "true", "tailLines": lines, "container": container, "sinceTime": since}
        return logs.log(self._connection, pod, query)
