"""What store and metrics server have in common: certificates, and that they may run in the namespace itself."""

import re
from typing import Final

from lab.diagnosis import remedies
from lab.snapshots.snapshot import Snapshot

UNTRUSTED: Final = re.compile(r"(?i)\bssl\b|certificate|\btls\b")
"""What is said of a certificate that does not convince."""


def is_inside(snapshot: Snapshot, service: str, host: str) -> bool:
    """Whether a host is what pods call a service of this namespace."""
    name = f"{service}.{snapshot.namespace}"
    return host in {service, name, f"{name}.svc", f"{name}.svc.cluster.local"}


def pods_of(snapshot: Snapshot, service: str) -> tuple[str, ...]:
    """The pods that a server inside rests on."""
    return tuple(pod.ref for pod in snapshot.pods if pod.service == service)


def look_into(snapshot: Snapshot, service: str) -> str:
    """Its log where its pods are well, a new pod where they are not, all that was applied where it is not there."""
    workload, mine = f"Deployment/{service}", [pod for pod in snapshot.pods if pod.service == service]
    if snapshot.deployment(workload) is None:
        return remedies.up(snapshot.namespace)
    if mine and all(pod.is_ready for pod in mine):
        return remedies.kubectl(snapshot.namespace, "logs", workload.lower(), "--tail=50")
    return remedies.restart(snapshot.namespace, workload)
