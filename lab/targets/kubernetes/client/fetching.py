"""Reads objects from the API server."""

from collections.abc import Sequence

from kubernetes.dynamic.exceptions import NotFoundError

from lab.targets.kubernetes.client.connection import TIMEOUT_S, Connection, Object


def find(connection: Connection, api_version: str, kind: str, name: str) -> Object | None:
    """Return an object, or None where there is none of that name."""
    resource = connection.resource(api_version, kind)
    with connection.errors(f"cannot read {kind} {name}"):
        try:
            response: Object = resource.get(
                name=name, namespace=connection.namespace_of(resource), _request_timeout=TIMEOUT_S
            ).to_dict()
        except NotFoundError:
            return None
    return response


def list_all(connection: Connection, api_version: str, kind: str, selector: str) -> Sequence[Object]:
    """Return every object of a kind that a label selector chooses; an empty selector chooses all."""
    resource = connection.resource(api_version, kind)
    with connection.errors(f"cannot list {kind}s"):
        response: Object = resource.get(
            namespace=connection.namespace_of(resource),
            label_selector=selector or None,
            _request_timeout=TIMEOUT_S,
        ).to_dict()
    return list(response["items"])
