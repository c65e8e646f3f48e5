"""Reads objects from the API server."""

from collections.abc import Sequence

from kubernetes.dynamic.exceptions import NotFoundError

from lab.snapshots.kubernetes import Raw
from lab.snapshots.kubernetes.kinds import Kind
from lab.targets.kubernetes.client.connection import TIMEOUT_S, Connection


def find(connection: Connection, kind: Kind, name: str) -> Raw | None:
    """Return an object, or None where there is none of that name."""
    resource = connection.resource(kind)
    with connection.errors(f"cannot read {kind.name} {name}"):
        try:
            response: Raw = resource.get(
                name=name, namespace=connection.namespace_of(resource), _request_timeout=TIMEOUT_S
            ).to_dict()
        except NotFoundError:
            return None
    return response


def list_all(connection: Connection, kind: Kind, selector: str) -> Sequence[Raw]:
    """Return every object of a kind that a label selector chooses; an empty selector chooses all."""
    resource = connection.resource(kind)
    with connection.errors(f"cannot list {kind.name}s"):
        response: Raw = resource.get(
            namespace=connection.namespace_of(resource),
            label_selector=selector or None,
            _request_timeout=TIMEOUT_S,
        ).to_dict()
    return list(response["items"])
