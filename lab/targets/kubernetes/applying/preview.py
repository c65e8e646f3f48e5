"""What applying would do to every object, by the API server's word; nothing is changed."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from lab.targets.kubernetes.applying.apply import NAMESPACE, SECRET, others
from lab.targets.kubernetes.objects import KubeObject
from lab.targets.kubernetes.rendering.render import as_yaml

SERVERS_OWN: Final = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
"""Parts of `metadata` that nobody asks for."""
REVISION: Final = "deployment.kubernetes.io/revision"
Object = Mapping[str, Any]


class Intent(NamedTuple):
    """What would happen to one object: `create`, `change`, `unchanged`, `write` (a Secret), `remove`.

    `diff` is a unified diff of its YAML where it would change.
    """

    kind: str
    name: str
    change: str
    diff: str = ""


class Previewed(Protocol):
    """The part of a cluster that is asked (`lab.targets.kubernetes.client.cluster.Cluster`)."""

    @property
    def namespace(self) -> str:
        """Where everything of ours is."""

    def find(self, api_version: str, kind: str, name: str) -> dict[str, Any] | None:
        """One object, or None where there is none."""

    def list(self, api_version: str, kind: str, *, selector: str = "") -> Sequence[Object]:
        """Every object of a kind."""

    def preview(self, wanted: dict[str, Any], *, force: bool = False) -> tuple[Object | None, Object]:
        """An object as it is, and as applying would leave it."""


def preview_all(cluster: Previewed, wanted: Sequence[KubeObject], *, stack: str, force: bool = False) -> list[Intent]:
    """What `apply_all` and `remove_others` would do, in that order.

    A namespace that is not there cannot be asked: everything would be created as it was rendered.

    Raises:
        Exists: Another manager owns a field; the message names it.
        Forbidden: The user may not apply one of them.
    """
    if cluster.find(*NAMESPACE, cluster.namespace) is None:
        return [Intent(one.kind, one.name, "create") for one in wanted]
    asked = [one for one in wanted if one.kind != NAMESPACE.name]
    intents = [_intent(one, *cluster.preview(dict(one.body), force=force)) for one in asked]
    return intents + [Intent(kind.name, name, "remove") for kind, name in others(cluster, wanted, stack)]


def _intent(wanted: KubeObject, before: Object | None, after: Object) -> Intent:
    if wanted.kind == SECRET.name:
        return Intent(wanted.kind, wanted.name, "write")
    if before is None:
        return Intent(wanted.kind, wanted.name, "create")
    there, then = (as_yaml([_asked_for(one)]).splitlines() for one in (before, after))
    names = (f"{wanted.kind.lower()}/{wanted.name} as it is", f"{wanted.kind.lower()}/{wanted.name} as it would be")
    diff = "\n".join(difflib.unified_diff(there, then, *names, lineterm=""))
    return Intent(wanted.kind, wanted.name, "change" if diff else "unchanged", diff)


def _asked_for(thing: Object) -> Object:
    """An object without what the API server adds of its own."""
    metadata = {key: value for key, value in thing["metadata"].items() if key not in SERVERS_OWN}
    annotations = {key: value for key, value in metadata.pop("annotations", {}).items() if key != REVISION}
    metadata |= {"annotations": annotations} if annotations else {}
    return {key: value for key, value in thing.items() if key != "status"} | {"metadata": metadata}
