"""Turns errors of the Kubernetes client into errors of the lab."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from lab.errors import BadConfig, Exists, Forbidden, LabError, Unavailable
from lab.targets.kubernetes.client.granting import granting_command
from lab.targets.kubernetes.client.where import Where

LONGEST_TEXT: Final = 300
"""Characters of a response that is not JSON."""
LONGEST_CAUSE: Final = 200


@contextmanager
def lab_errors(attempted: str, where: Where) -> Iterator[None]:
    """Raise errors of the lab in place of errors of the client.

    Args:
        attempted: The attempt, as the error names it: "cannot list Pods".
        where: The place that the error names.

    Raises:
        Forbidden: The server does not know the user, or the user may not do this.
        Exists: Another manager owns a field.
        BadConfig: The server refuses the object.
        Unavailable: The server does not answer, or answers with another error.
    """
    try:
        yield
    except ApiException as error:
        raise _refusal(attempted, error.status, _message(error.body), where) from error
    except (HTTPError, OSError) as error:
        raise unreachable(attempted, error, where) from error


def unreachable(attempted: str, error: Exception, where: Where) -> Unavailable:
    """Return the error for a server that does not answer as an API server does."""
    cause = getattr(error, "reason", None) or error
    return Unavailable(
        attempted,
        found=f"{where.server}: {str(cause)[:LONGEST_CAUSE]}",
        next_step="kubectl cluster-info",
        code="E_UNREACHABLE",
    )


def _refusal(attempted: str, status: int, message: str, where: Where) -> LabError:
    up = f"lab up --target kubernetes --namespace {where.namespace}"
    refusals: Mapping[int, tuple[type[LabError], str, str]] = {
        401: (Forbidden, "the cluster does not know this user; log in again", "E_RBAC"),
        403: (Forbidden, granting_command(where.namespace, message, otherwise=where.user), "E_RBAC"),
        409: (Exists, f"{up} --force      (takes the fields over)", "E_CONFLICT"),
        422: (BadConfig, f"{up} --render out/      (shows the objects)", "E_INVALID"),
    }
    kind, next_step, code = refusals.get(status, (Unavailable, "lab doctor --target kubernetes", "E_API"))
    return kind(attempted, found=f"{where.server} as {where.user}: {message}", next_step=next_step, code=code)


def _message(body: object) -> str:
    """Return the message in a response of the API server, else the beginning of the response."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:LONGEST_TEXT]
