"""Pods of a small program that prints the machine it runs on."""

from typing import Any, Final

from tests.cluster.rig.facts import Node, RigFacts
from tests.cluster.rig.images import Image, push

SAYS: Final = {"amd64": "x86_64", "arm64": "aarch64"}
"""Architecture of a node → the machine that a process of that architecture reports."""


def push_probe(rig: RigFacts) -> Image:
    """Push an image of the program for both architectures."""
    return push(f"{rig.registry}/probe:1", {name: rig.programs / f"probe-{name}" for name in SAYS}, [])


def pod(name: str, node: Node, image: str, *command: str) -> dict[str, Any]:
    """Return a pod on a node, as Pod Security `restricted` requires."""
    security = {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": "probe", "image": image, "args": list(command), "securityContext": security}
    spec = {
        "nodeSelector": {"kubernetes.io/hostname": node.name},
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}
