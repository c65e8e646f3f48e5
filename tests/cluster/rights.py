"""Grants the lab's user rights in a namespace, and revokes them."""

import contextlib
from collections.abc import Iterator

import yaml

from lab.targets.kubernetes.rendering.rbac import nodes_binding, render_rbac
from tests.cluster.rig.certificates import LAB_USER
from tests.cluster.rig.kubectl import Kubectl


@contextlib.contextmanager
def granted(kubectl: Kubectl, namespace: str) -> Iterator[None]:
    """Create a namespace with the lab's rights in it; at the end delete both without waiting."""
    kubectl.apply(*yaml.safe_load_all(render_rbac(namespace=namespace, user=LAB_USER)))
    try:
        yield
    finally:
        take_away(kubectl, namespace)


def take_away(kubectl: Kubectl, namespace: str) -> None:
    """Delete a namespace and the rights in it, without waiting."""
    kubectl("delete", "namespace", namespace, "--wait=false", "--ignore-not-found")
    kubectl("delete", "clusterrolebinding", nodes_binding(LAB_USER, namespace), "--ignore-not-found")
