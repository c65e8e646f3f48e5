"""Names the command that grants a user the lab's rights. Pure."""

import re
import shlex
from typing import Final

REFUSED: Final = re.compile(r'User "([^"]+)"')
"""The user in a refusal of the API server."""


def rbac_command(namespace: str, user: str) -> str:
    """Return the command with which an administrator grants a user all the lab's rights in a namespace.

    >>> rbac_command("testbed", "jane doe")
    "lab rbac print --namespace testbed --user 'jane doe' | kubectl apply -f -      (as an administrator)"
    """
    words = ["lab", "rbac", "print", "--namespace", namespace, *(["--user", user] if user else [])]
    return f"{shlex.join(words)} | kubectl apply -f -      (as an administrator)"


def granting_command(namespace: str, refusal: str, *, otherwise: str = "") -> str:
    """Return `rbac_command` for the user that a refusal names, or for *otherwise* where the refusal names none.

    >>> granting_command("testbed", 'pods is forbidden: User "o:eve smith" cannot list resource "pods"')
    "lab rbac print --namespace testbed --user 'o:eve smith' | kubectl apply -f -      (as an administrator)"
    """
    match = REFUSED.search(refusal)
    return rbac_command(namespace, match[1] if match else otherwise)
