"""The types of the Kubernetes client's access to one kind, as far as the lab uses it."""

from typing import Protocol

from lab.snapshots.kubernetes import Raw


class Response(Protocol):
    """An object, or a list of objects, as the client returns it."""

    def to_dict(self) -> Raw:
        """Return it as the API has it."""


class Resource(Protocol):
    """Requests about the objects of one kind. A parameter of None is left out of the request."""

    @property
    def namespaced(self) -> bool:
        """Whether objects of the kind belong to a namespace."""

    def get(
        self,
        *,
        name: str | None = None,
        namespace: str | None,
        label_selector: str | None = None,
        _request_timeout: float,
    ) -> Response:
        """Return an object, or without a name the list of objects."""

    def create(self, *, body: Raw, _request_timeout: float) -> Response:
        """Create an object of the whole cluster."""

    def delete(self, *, name: str, namespace: str | None, body: Raw, _request_timeout: float) -> Response:
        """Delete an object."""

    def server_side_apply(
        self,
        *,
        body: Raw,
        name: str,
        namespace: str | None,
        field_manager: str,
        force_conflicts: bool,
        dry_run: str | None,
        _request_timeout: float,
    ) -> Response:
        """Apply the fields of an object."""
