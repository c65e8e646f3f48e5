"""Asks the API server who the user is and what the user may do."""

from typing import Final

from lab.errors import LabError
from lab.targets.kubernetes.client.connection import TIMEOUT_S, Connection, Object
from lab.targets.kubernetes.client.rights import Right

AUTHORIZATION: Final = "authorization.k8s.io/v1"
AUTHENTICATION: Final = "authentication.k8s.io/v1"


def may(connection: Connection, right: Right) -> bool:
    """Return whether the user has a right."""
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "name": right.name,
        "namespace": right.namespace,
    }
    review: Object = {
        "apiVersion": AUTHORIZATION,
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(_status(connection, review, "cannot ask what this user may do")["allowed"])


def user(connection: Connection) -> str:
    """Return the user's name as the server tells it, else as the kubeconfig does."""
    review: Object = {"apiVersion": AUTHENTICATION, "kind": "SelfSubjectReview"}
    try:
        return str(_status(connection, review, "cannot ask who this user is")["userInfo"]["username"])
    except LabError:
        return connection.where.user


def _status(connection: Connection, review: Object, attempted: str) -> Object:
    """Create a review; return the status that the server fills in."""
    resource = connection.resource(review["apiVersion"], review["kind"])
    with connection.errors(attempted):
        response: Object = resource.create(body=review, _request_timeout=TIMEOUT_S).to_dict()
    status: Object = response["status"]
    return status
