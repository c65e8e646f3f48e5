"""What the lab may do on a cluster, written down; a right more or less is a decision, and is made here."""

from typing import Final

APPLIED: Final = "get list watch create patch delete"
LOOKED_AT: Final = "get list watch"
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
    "endpointslices.discovery.k8s.io": LOOKED_AT,
    "events": LOOKED_AT,
    "events.events.k8s.io": LOOKED_AT,
    "limitranges": LOOKED_AT,
    "persistentvolumeclaims": LOOKED_AT,
    "replicasets.apps": LOOKED_AT,
    "resourcequotas": LOOKED_AT,
    "namespaces": "get",
    "nodes": LOOKED_AT,
}
"""Resource and group, for a Secret its name → verbs; what `kubectl auth can-i --list` says besides everybody's own."""
