"""A namespace that was deleted and does not disappear."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from lab.diagnosis import remedies
from lab.diagnosis.finding import Finding
from lab.snapshots.kubernetes import KubernetesObject
from lab.snapshots.snapshot import Snapshot

PATIENCE_S: Final = 60.0
"""How long a namespace may take to disappear."""
GRACE_MARGIN_S: Final = 15.0
"""How much longer than the longest grace period of its pods it may take."""
BLOCKERS: Final = ("NamespaceFinalizersRemaining", "NamespaceContentRemaining", "NamespaceDeletionDiscoveryFailure")
"""Conditions that tell what keeps a namespace."""
REMAINING: Final = re.compile(r"(?P<name>[\w./-]+) (?:in|has) (?P<count>\d+) resource instances")
API_GONE: Final = re.compile(
    r"unable to retrieve the complete list of server APIs: (?P<group>[\w.-]+)/(?P<version>\w+)"
)
KINDS: Final[Mapping[str, str]] = {
    "pods": "pod",
    "deployments": "deployment",
    "config_maps": "configmap",
    "volume_claims": "persistentvolumeclaim",
    "replica_sets": "replicaset",
    "network_policies": "networkpolicy",
    "quotas": "resourcequota",
}
"""List of a snapshot → kind, as kubectl takes it."""


def namespace_is_stuck(snapshot: Snapshot) -> Iterator[Finding]:
    """A namespace was deleted and does not disappear."""
    raw = snapshot.objects.namespace
    deleted = raw.get("metadata", {}).get("deletionTimestamp", "")
    graces = [pod.get("spec", {}).get("terminationGracePeriodSeconds") or 0 for pod in snapshot.objects.pods]
    if not deleted or snapshot.age_s(deleted) < max([PATIENCE_S, *(grace + GRACE_MARGIN_S for grace in graces)]):
        return
    namespace = KubernetesObject(raw)
    conditions = [namespace.condition(kind) for kind in BLOCKERS]
    messages = " ".join(condition.message for condition in conditions if condition.status == "True")
    yield Finding(
        cause="namespace-terminating",
        object=f"Namespace/{namespace.name}",
        title=f"namespace {namespace.name} is stuck while terminating",
        found=f"deleted {snapshot.age_s(deleted):.0f} s ago; {messages}",
        why="an object that is left in it waits until its finalizer is removed, or for a node or an API that is gone",
        do=_unblock(snapshot, messages),
    )


def _unblock(snapshot: Snapshot, messages: str) -> str:
    """Return the command that removes the finalizers named in the messages, else what is left in the namespace."""
    if api := API_GONE.search(messages):
        return shlex.join(["kubectl", "delete", "apiservice", f"{api['version']}.{api['group']}"])
    remaining = {match["name"] for match in REMAINING.finditer(messages)}
    held = [target for target, finalizers in _left(snapshot) if remaining & finalizers]
    if held:
        release = {"metadata": {"finalizers": None}}
        return " && ".join(remedies.patch(snapshot.namespace, target, release, kind="merge") for target in held)
    pods = [target for target, _ in _left(snapshot) if target.startswith("pod/")]
    if pods and any(name.startswith("pods") for name in remaining):
        return remedies.kubectl(snapshot.namespace, "delete", *pods, "--grace-period=0", "--force")
    kind = next(iter(sorted(name.rstrip(".") for name in remaining if "/" not in name)), "all")
    return remedies.kubectl(snapshot.namespace, "get", kind, "-o", "yaml")


def _left(snapshot: Snapshot) -> Iterator[tuple[str, set[str]]]:
    """Yield every object that is left, as kind/name, with its finalizers."""
    for objects, kind in KINDS.items():
        for raw in getattr(snapshot.objects, objects):
            metadata = raw["metadata"]
            yield f"{kind}/{metadata['name']}", set(metadata.get("finalizers") or ())
