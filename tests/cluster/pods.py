"""Pods of one small program that says what machine it runs on."""

from typing import Any, Final

from tests.cluster.rig.facts import Node, RigFacts
from tests.cluster.rig.images import Image, push

SAYS: Final = {"amd64": "x86_64", "arm64": "aarch64"}
"""Architecture of a node → what a process of that architecture calls its machine."""


def push_probe(rig: RigFacts) -> Image:
    """Push the program as an image of both architectures."""
    return push(f"{rig.registry}/probe:1", {name: rig.programs / f"probe-{name}" for name in SAYS}, [])


def pod(name: str, node: Node, image: str, *command: str) -> dict[str, Any]:
    """A pod on a node, as Pod Security `restricted` wants it."""
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
