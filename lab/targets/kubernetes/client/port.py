"""The port of a cluster: what the lab uses of an API server, in parts as small as its callers need."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from lab.snapshots.kubernetes import Raw
from lab.snapshots.kubernetes.kinds import Kind
from lab.snapshots.kubernetes.rights import Right
from lab.targets.kubernetes.client.where import Where


class Lister(Protocol):
    """Lists objects."""

    def list(self, kind: Kind, *, selector: str = "") -> Sequence[Raw]:
        """Return every object of a kind in the namespace, or in the cluster for a kind without namespaces.

        Args:
            kind: Kind of the objects.
            selector: Labels that the objects must have, `name=value,name=value`; empty for all objects.

        Raises:
            BadConfig: The cluster does not have the kind.
            Forbidden: The user may not.
            Unavailable: The API server does not answer.
        """


class Reader(Lister, Protocol):
    """Lists and finds objects in one namespace."""

    @property
    def namespace(self) -> str:
        """The namespace of the stack."""

    def find(self, kind: Kind, name: str) -> Raw | None:
        """Return an object, or None where there is none of that name.

        Raises:
            BadConfig: The cluster does not have the kind.
            Forbidden: The user may not.
            Unavailable: The API server does not answer.
        """


class LogReader(Reader, Protocol):
    """Reads the logs of containers, too."""

    def log(self, pod: str, container: str = "", *, previous: bool = False, lines: int | None = None) -> str:
        """Return the log of a container; empty where the container never ran.

        Args:
            pod: Name of the pod.
            container: Name of the container; empty for the first, which is the service.
            previous: Whether to read the log of the previous run.
            lines: Number of last lines; None for all.

        Raises:
            Forbidden: The user may not.
            Unavailable: The API server does not answer.
        """


class LogFollower(LogReader, Protocol):
    """Reads what a container printed since a time, too."""

    def log_since(self, pod: str, since: str, lines: int, *, container: str = "") -> str:
        """Return the lines that a container printed since a time. Each line starts with its time (RFC 3339).

        Args:
            pod: Name of the pod.
            since: RFC 3339; empty for the container's start.
            lines: Number of last lines at most.
            container: Name of the container; empty for the first, which is the service.

        Raises:
            Forbidden: The user may not.
            Unavailable: The API server does not answer.
        """


class Applied(NamedTuple):
    """The change that applying made to an object: `created`, `changed`, `unchanged`, or `written` for a Secret."""

    kind: str
    name: str
    change: str


class Changer(Reader, Protocol):
    """Applies and deletes objects, too."""

    def apply(self, wanted: Raw, *, force: bool = False) -> Applied:
        """Apply an object by server-side apply.

        Args:
            wanted: The fields that the lab wants, with kind and name.
            force: Whether to take over fields that another manager owns.

        Raises:
            BadConfig: The cluster does not have the kind, or refuses the object.
            Exists: Another manager owns a field; the message names the manager.
            Forbidden: The user may not.
            Unavailable: The API server does not answer.
        """

    def delete(self, kind: Kind, name: str) -> bool:
        """Delete an object and what it owns; return False where there was none.

        Raises:
            BadConfig: The cluster does not have the kind.
            Forbidden: The user may not.
            Unavailable: The API server does not answer.
        """


class Previewer(Reader, Protocol):
    """Previews applying, too."""

    def preview(self, wanted: Raw, *, force: bool = False) -> tuple[Raw | None, Raw]:
        """Return an object as it is, and as the API server would leave it after `Changer.apply`. Changes nothing.

        The first is None where there is no such object, and for a Secret.

        Raises:
            BadConfig: The cluster does not have the kind, or refuses the object.
            Exists: Another manager owns a field; the message names the manager.
            Forbidden: The user may not.
            Unavailable: The API server does not answer.
        """


class Reviewer(Protocol):
    """Tells who its user is and which rights the user has."""

    @property
    def namespace(self) -> str:
        """The namespace of the stack."""

    def may(self, right: Right) -> bool:
        """Return whether the user has a right. Every user may ask.

        Raises:
            Unavailable: The API server does not answer.
        """

    def user(self) -> str:
        """Return the user's name as the API server tells it, else as the kubeconfig does."""


class ClusterClient(Changer, LogFollower, Previewer, Reviewer, Protocol):
    """Everything that a target uses of a cluster."""

    @property
    def where(self) -> Where:
        """Names of server, user, context and namespace."""

    def version(self) -> str:
        """Return the version of the API server now, for example `v1.34.4`.

        Raises:
            Unavailable: The API server does not answer.
        """


class OpenCluster(Protocol):
    """Opens the cluster that a kubeconfig names."""

    def __call__(self, kubeconfig: Path | None, *, context: str, namespace: str) -> ClusterClient:
        """Return a client of the cluster.

        Args:
            kubeconfig: File; None takes the file that `kubectl` would take.
            context: Name of a context in the file; empty takes the current context.
            namespace: Namespace of the stack.

        Raises:
            BadConfig: The file cannot be read, or has no such context.
            Forbidden: The cluster does not know this user.
            Unavailable: No API server answers there.
        """
