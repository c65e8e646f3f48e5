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
    """Return the user's name: the server's, or the kubeconfig's where the server does not tell."""
    review: Object = {"apiVersion": AUTHENTICATION, "kind": "SelfSubjectReview"}
    try:
        return str(_status(connection, review, "cannot ask who this user is")["userInfo"]["username"])
    except LabError:
        return connection.where.user


def _status(connection: Connection, review: Object, attempted: str) -> Object:
    """Return what the server fills into a review."""
    resource = connection.resource(review["apiVersion"], review["kind"])
    with connection.errors(attempted):
        response: Object = resource.create(body=review, _request_timeout=TIMEOUT_S).to_dict()
    status: Object = response["status"]
    return status
