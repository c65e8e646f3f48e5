"""Changes the objects of a cluster through its API server."""

from typing import Final

from kubernetes.dynamic.exceptions import NotFoundError

from lab.snapshots.kubernetes import Raw
from lab.snapshots.kubernetes.kinds import SECRET, Kind
from lab.targets.kubernetes.client.connection import TIMEOUT_S, Connection
from lab.targets.kubernetes.client.fetching import find
from lab.targets.kubernetes.client.port import Applied
from lab.targets.kubernetes.objects import MANAGER

DRY_RUN: Final = "All"
"""The API's value for every stage of processing a request except storing the object."""


def apply(connection: Connection, wanted: Raw, *, force: bool) -> Applied:
    """Apply an object and return the change."""
    kind, name = str(wanted["kind"]), str(wanted["metadata"]["name"])
    before, after = _server_side_apply(connection, wanted, force=force)
    if before is None:
        return Applied(kind, name, "written" if kind == SECRET.name else "created")
    is_same = before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    return Applied(kind, name, "unchanged" if is_same else "changed")


def preview(connection: Connection, wanted: Raw, *, force: bool) -> tuple[Raw | None, Raw]:
    """Return an object as it is and as `apply` would leave it."""
    return _server_side_apply(connection, wanted, force=force, dry_run=DRY_RUN)


def delete(connection: Connection, kind: Kind, name: str) -> bool:
    """Delete an object and what it owns; return False where there was none."""
    resource = connection.resource(kind)
    with connection.errors(f"cannot delete {kind.name} {name}"):
        try:
            resource.delete(
                name=name,
                namespace=connection.namespace_of(resource),
                body={"propagationPolicy": "Background"},
                _request_timeout=TIMEOUT_S,
            )
        except NotFoundError:
            return False
    return True


def _server_side_apply(
    connection: Connection, wanted: Raw, *, force: bool, dry_run: str | None = None
) -> tuple[Raw | None, Raw]:
    """Return the object before and after; before is None where there was none, and for a Secret."""
    kind, name = Kind(wanted["apiVersion"], wanted["kind"]), str(wanted["metadata"]["name"])
    resource = connection.resource(kind)
    # Secrets are never read back, so that no user needs the right to read them.
    before = None if kind == SECRET else find(connection, kind, name)
    with connection.errors(f"cannot apply {kind.name} {name}"):
        after: Raw = resource.server_side_apply(
            body=wanted,
            name=name,
            namespace=connection.namespace_of(resource),
            field_manager=MANAGER,
            force_conflicts=force,
            dry_run=dry_run,
            _request_timeout=TIMEOUT_S,
        ).to_dict()
    return before, after
