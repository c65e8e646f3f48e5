"""Reads the logs of containers from the API server."""

from typing import Final

from kubernetes.dynamic.exceptions import BadRequestError, NotFoundError

from lab.targets.kubernetes.client.connection import Connection, Query

TIMEOUT_S: Final = 30.0


def log(connection: Connection, pod: str, query: Query) -> str:
    """Return the log of a container; empty where the container never ran or the pod is gone.

    Args:
        connection: Connection to the API server.
        pod: Name of the pod.
        query: Parameters of the request, as the API names them; those without a value are left out.
    """
    path = f"/api/v1/namespaces/{connection.where.namespace}/pods/{pod}/log"
    given = {name: value for name, value in query.items() if value not in {None, ""}}
    with connection.errors(f"cannot read the log of {pod}"):
        try:
            content = connection.read(path, given, timeout_s=TIMEOUT_S)
        except (BadRequestError, NotFoundError):
            return ""
    return content.decode("utf-8", "replace")
