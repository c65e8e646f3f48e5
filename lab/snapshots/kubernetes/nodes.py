"""Nodes: architecture, distribution, taints."""

from typing import Final

from lab.snapshots.kubernetes.objects import ARCHITECTURE_LABEL, KubernetesObject, Raw
from lab.snapshots.quantities import quantity

CONDITION_TAINTS: Final = "node.kubernetes.io/"
"""Prefix of the taints that a node gets from its own conditions. Rules read the conditions instead."""


class Node(KubernetesObject):
    """A node."""

    @property
    def ref(self) -> str:
        """Kind and name."""
        return f"Node/{self.name}"

    @property
    def is_ready(self) -> bool:
        """Whether its condition Ready is True; False for a node without that condition."""
        return self.condition("Ready").status == "True"

    @property
    def architecture(self) -> str:
        """What its kubelet reports: amd64, arm64."""
        return str(self.status.get("nodeInfo", {}).get("architecture", self.labels.get(ARCHITECTURE_LABEL, "")))

    @property
    def distribution(self) -> str:
        """`k3s` or `rke2`, which bring their own containerd; empty for any other."""
        version = str(self.status.get("nodeInfo", {}).get("kubeletVersion", ""))
        return next((name for name in ("k3s", "rke2") if f"+{name}" in version), "")

    @property
    def service(self) -> str:
        """The systemd unit of its kubelet."""
        if not self.distribution:
            return "kubelet"
        is_server = "node-role.kubernetes.io/control-plane" in self.labels
        return {"k3s": ("k3s-agent", "k3s"), "rke2": ("rke2-agent", "rke2-server")}[self.distribution][is_server]

    @property
    def taints(self) -> tuple[Raw, ...]:
        """Its taints that keep pods away."""
        return tuple(taint for taint in self.spec.get("taints") or () if taint.get("effect") != "PreferNoSchedule")

    def allocatable(self, resource: str) -> float:
        """Return how much of a resource all its pods together may request."""
        return quantity(str(self.status.get("allocatable", {}).get(resource, "0")))
