"""The rights of the lab on a cluster. A right is added or removed here."""

from typing import Final

APPLIED: Final = "get list watch create patch delete"
READ: Final = "get list watch"
GOLDEN: Final = {
    "configmaps": APPLIED,
    "deployments.apps": APPLIED,
    "networkpolicies.networking.k8s.io": APPLIED,
    "poddisruptionbudgets.policy": APPLIED,
    "serviceaccounts": APPLIED,
    "services": APPLIED,
    "secrets": "create",
    "secrets/lab-prometheus": "patch delete",
    "secrets/lab-registry": "patch delete",
    "secrets/lab-serving": "patch delete",
    "secrets/lab-store": "patch delete",
    "pods": "get list watch delete",
    "pods/log": "get",
    "pods/portforward": "get create",
    "pods/exec": "get create",
    "endpointslices.discovery.k8s.io": READ,
    "events": READ,
    "events.events.k8s.io": READ,
    "limitranges": READ,
    "persistentvolumeclaims": READ,
    "replicasets.apps": READ,
    "resourcequotas": READ,
    "namespaces": "get",
    "nodes": READ,
}
"""`resource.group` or `secrets/name` → verbs; `kubectl auth can-i --list` also shows the rights of every user."""
