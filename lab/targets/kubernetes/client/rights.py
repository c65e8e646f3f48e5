"""What somebody may do in a cluster, read from Roles; pure."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

ROLE: Final = "lab"
"""Role that everything needs."""

NODES_ROLE: Final = "lab-nodes"
"""ClusterRole that lets look at nodes."""

FAULTS_ROLE: Final = "lab-faults"
"""Role without which everything works but faults."""

REFUSED: Final = re.compile(r'User "([^"]+)"')
"""Whom an answer of the API server says it refused."""


class Right(NamedTuple):
    """One verb on one kind of thing.

    Attributes:
        verb: For example `patch`.
        group: API group; empty for the core.
        resource: In the plural, with a subresource where there is one: `pods/log`.
        name: Of the one object it is about; empty for all.
        namespace: Where; empty for what belongs to the whole cluster.
        role: Who gives it.
    """

    verb: str
    group: str
    resource: str
    name: str
    namespace: str
    role: str


def rights_in(role: Mapping[str, Any]) -> Iterator[Right]:
    """Every right in a Role or ClusterRole; none in an object of another kind."""
    metadata = role["metadata"]
    for rule in (role.get("rules") or ()) if role["kind"] in {"Role", "ClusterRole"} else ():
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames") or ("",):
                    for verb in rule["verbs"]:
                        yield Right(verb, group, resource, name, metadata.get("namespace", ""), metadata["name"])


def binding_of(user: str, role: str) -> str:
    """Name of what gives a user a Role: one for each user, so that giving it to one takes it from nobody.

    >>> binding_of("oidc:jane/doe", "lab-faults")
    'lab-faults-oidc:jane-doe'
    """
    return f"{role}-{re.sub('[/%]', '-', user)}"


def nodes_binding(user: str, namespace: str) -> str:
    """Name of what gives a user a look at the nodes; of the whole cluster, hence one for each namespace, too."""
    return binding_of(user, f"{NODES_ROLE}-{namespace}")


def rbac_command(namespace: str, user: str) -> str:
    """What an administrator runs so that somebody may do what the lab does in a namespace.

    >>> rbac_command("testbed", "jane doe")
    "lab rbac print --namespace testbed --user 'jane doe' | kubectl apply -f -      (as an administrator)"
    """
    words = ["lab", "rbac", "print", "--namespace", namespace, *(["--user", user] if user else [])]
    return f"{shlex.join(words)} | kubectl apply -f -      (as an administrator)"


def granting(namespace: str, said: str, *, otherwise: str = "") -> str:
    """What an administrator runs for whoever *said* names as refused, or for somebody else where it names nobody.

    >>> granting("testbed", 'pods is forbidden: User "o:eve smith" cannot list resource "pods"')
    "lab rbac print --namespace testbed --user 'o:eve smith' | kubectl apply -f -      (as an administrator)"
    """
    named = REFUSED.search(said)
    return rbac_command(namespace, named[1] if named else otherwise)
