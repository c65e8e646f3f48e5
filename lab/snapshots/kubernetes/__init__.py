"""Kubernetes objects as the lab reads them: thin views over what the API server returned."""

from lab.snapshots.kubernetes.containers import STUCK_REASONS, Container, Ended, Waiting
from lab.snapshots.kubernetes.events import Event
from lab.snapshots.kubernetes.nodes import CONDITION_TAINTS, Node
from lab.snapshots.kubernetes.objects import (
    ARCHITECTURE_LABEL,
    NAME_LABEL,
    STACK_LABEL,
    Condition,
    KubernetesObject,
    Raw,
    seconds,
)
from lab.snapshots.kubernetes.pods import Pod
from lab.snapshots.kubernetes.tolerations import Toleration

__all__ = [
    "ARCHITECTURE_LABEL",
    "CONDITION_TAINTS",
    "NAME_LABEL",
    "STACK_LABEL",
    "STUCK_REASONS",
    "Condition",
    "Container",
    "Ended",
    "Event",
    "KubernetesObject",
    "Node",
    "Pod",
    "Raw",
    "Toleration",
    "Waiting",
    "seconds",
]
