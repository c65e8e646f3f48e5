"""What store and metrics server have in common: certificates, and that they may run inside the namespace."""

import re
from typing import Final

from lab.diagnosis import remedies
from lab.snapshots.snapshot import Snapshot

UNTRUSTED: Final = re.compile(r"(?i)\bssl\b|certificate|\btls\b")
"""The error of a client that does not trust a certificate."""


def is_inside(snapshot: Snapshot, service: str, host: str) -> bool:
    """Return whether a host is a DNS name of a service in this namespace."""
    name = f"{service}.{snapshot.namespace}"
    return host in {service, name, f"{name}.svc", f"{name}.svc.cluster.local"}


def pods_of(snapshot: Snapshot, service: str) -> tuple[str, ...]:
    """Return the pods of a server inside, as kind/name."""
    return tuple(pod.ref for pod in snapshot.pods if pod.service == service)


def look_into(snapshot: Snapshot, service: str) -> str:
    """Return the next step for a server inside: to apply it if it is missing, else to read its log or restart it."""
    workload, pods = f"Deployment/{service}", [pod for pod in snapshot.pods if pod.service == service]
    if snapshot.deployment(workload) is None:
        return remedies.up(snapshot.namespace)
    if pods and all(pod.is_ready for pod in pods):
        return remedies.kubectl(snapshot.namespace, "logs", workload.lower(), "--tail=50")
    return remedies.restart(snapshot.namespace, workload)
