"""Asks the API server about its user."""

from typing import Final

from lab.errors import LabError
from lab.snapshots.kubernetes import Raw
from lab.snapshots.kubernetes.kinds import Kind
from lab.snapshots.kubernetes.rights import Right
from lab.targets.kubernetes.client.connection import TIMEOUT_S, Connection

ACCESS_REVIEW: Final = Kind("authorization.k8s.io/v1", "SelfSubjectAccessReview")
USER_REVIEW: Final = Kind("authentication.k8s.io/v1", "SelfSubjectReview")


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
    spec = {"resourceAttributes": attributes}
    return bool(_status(connection, ACCESS_REVIEW, "cannot ask what this user may do", spec=spec)["allowed"])


def user(connection: Connection) -> str:
    """Return the user's name as the server tells it, else as the kubeconfig does."""
    try:
        return str(_status(connection, USER_REVIEW, "cannot ask who this user is")["userInfo"]["username"])
    except LabError:
        return connection.where.user


def _status(connection: Connection, kind: Kind, attempted: str, *, spec: Raw | None = None) -> Raw:
    """Create a review; return the status that the server fills in."""
    resource = connection.resource(kind)
    review = {"apiVersion": kind.api_version, "kind": kind.name} | ({"spec": spec} if spec else {})
    with connection.errors(attempted):
        response: Raw = resource.create(body=review, _request_timeout=TIMEOUT_S).to_dict()
    status: Raw = response["status"]
    return status
