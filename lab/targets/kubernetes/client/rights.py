"""Reads rights from Roles, and names the command that grants them. Pure."""

import re
import shlex
from collections.abc import Iterator
from typing import Final, NamedTuple

from lab.snapshots.kubernetes import Raw

ROLE: Final = "lab"
"""Role that every command needs."""

NODES_ROLE: Final = "lab-nodes"
"""ClusterRole for reading nodes."""

FAULTS_ROLE: Final = "lab-faults"
"""Role that only faults need."""

REFUSED: Final = re.compile(r'User "([^"]+)"')
"""The user in a refusal of the API server."""


class Right(NamedTuple):
    """One verb on one resource.

    Attributes:
        verb: For example `patch`.
        group: API group; empty for the core.
        resource: In the plural, with a subresource where there is one: `pods/log`.
        name: Name of the only object that the right is about; empty for all.
        namespace: Namespace of the objects; empty for resources of the whole cluster.
        role: Name of the Role that grants the right.
    """

    verb: str
    group: str
    resource: str
    name: str
    namespace: str
    role: str


def rights_in(role: Raw) -> Iterator[Right]:
    """Yield every right in a Role or ClusterRole; nothing for an object of another kind."""
    metadata = role["metadata"]
    for rule in (role.get("rules") or ()) if role["kind"] in {"Role", "ClusterRole"} else ():
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames") or ("",):
                    for verb in rule["verbs"]:
                        yield Right(verb, group, resource, name, metadata.get("namespace", ""), metadata["name"])


def binding_of(user: str, role: str) -> str:
    """Return the name of the binding that grants a user a Role. Every user has a binding of their own.

    >>> binding_of("oidc:jane/doe", "lab-faults")
    'lab-faults-oidc:jane-doe'
    """
    return f"{role}-{re.sub('[/%]', '-', user)}"


def nodes_binding(user: str, namespace: str) -> str:
    """Return the name of the ClusterRoleBinding for reading nodes, which also holds the namespace."""
    return binding_of(user, f"{NODES_ROLE}-{namespace}")


def rbac_command(namespace: str, user: str) -> str:
    """Return the command with which an administrator grants a user all the lab's rights in a namespace.

    >>> rbac_command("testbed", "jane doe")
    "lab rbac print --namespace testbed --user 'jane doe' | kubectl apply -f -      (as an administrator)"
    """
    words = ["lab", "rbac", "print", "--namespace", namespace, *(["--user", user] if user else [])]
    return f"{shlex.join(words)} | kubectl apply -f -      (as an administrator)"


def granting(namespace: str, refusal: str, *, otherwise: str = "") -> str:
    """Return `rbac_command` for the user that a refusal names, or for *otherwise* where the refusal names none.

    >>> granting("testbed", 'pods is forbidden: User "o:eve smith" cannot list resource "pods"')
    "lab rbac print --namespace testbed --user 'o:eve smith' | kubectl apply -f -      (as an administrator)"
    """
    match = REFUSED.search(refusal)
    return rbac_command(namespace, match[1] if match else otherwise)
