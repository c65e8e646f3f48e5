"""Asks the API server what applying would do to every object."""

import difflib
from collections.abc import Sequence
from typing import Final

from lab.snapshots.kubernetes import Raw
from lab.snapshots.kubernetes.kinds import NAMESPACE, SECRET
from lab.targets.kubernetes.applying.removal import unwanted
from lab.targets.kubernetes.client.port import Previewer
from lab.targets.kubernetes.objects import KubeObject
from lab.targets.kubernetes.rendering.documents import as_yaml
from lab.targets.port import Intent

SERVERS_OWN: Final = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
"""Parts of `metadata` that the API server adds."""
REVISION: Final = "deployment.kubernetes.io/revision"


def preview_all(cluster: Previewer, wanted: Sequence[KubeObject], *, stack: str, force: bool = False) -> list[Intent]:
    """Return what `apply_all` and `remove_unwanted` would do, in that order.

    The server previews nothing in a missing namespace; every object would then be created as rendered.

    Raises:
        Exists: Another manager owns a field; the message names the manager.
        Forbidden: The user may not apply one of the objects.
    """
    if cluster.find(NAMESPACE, cluster.namespace) is None:
        return [Intent(item.kind, item.name, "create") for item in wanted]
    applied = [item for item in wanted if item.kind != NAMESPACE.name]
    intents = [_intent(item, *cluster.preview(dict(item.body), force=force)) for item in applied]
    return intents + [Intent(kind.name, name, "remove") for kind, name in unwanted(cluster, wanted, stack)]


def _intent(wanted: KubeObject, before: Raw | None, after: Raw) -> Intent:
    if wanted.kind == SECRET.name:
        return Intent(wanted.kind, wanted.name, "write")
    if before is None:
        return Intent(wanted.kind, wanted.name, "create")
    old, new = (as_yaml([_without_additions(body)]).splitlines() for body in (before, after))
    names = (f"{wanted.kind.lower()}/{wanted.name} as it is", f"{wanted.kind.lower()}/{wanted.name} as it would be")
    diff = "\n".join(difflib.unified_diff(old, new, *names, lineterm=""))
    return Intent(wanted.kind, wanted.name, "change" if diff else "unchanged", diff)


def _without_additions(body: Raw) -> Raw:
    """Return an object without the parts that the API server adds."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in SERVERS_OWN}
    annotations = {key: value for key, value in metadata.pop("annotations", {}).items() if key != REVISION}
    metadata |= {"annotations": annotations} if annotations else {}
    return {key: value for key, value in body.items() if key != "status"} | {"metadata": metadata}
