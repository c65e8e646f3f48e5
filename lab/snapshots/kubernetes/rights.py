"""The rights that the lab needs on a cluster, as values. Pure."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from lab.snapshots.kubernetes.objects import Raw

ROLE: Final = "lab"
"""Role that every command needs."""

NODES_ROLE: Final = "lab-nodes"
"""ClusterRole for reading nodes."""

FAULTS_ROLE: Final = "lab-faults"
"""Role that only faults need."""


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
