"""What an administrator gives the lab's user once, and takes away again."""

import contextlib
from collections.abc import Iterator

import yaml

from lab.targets.kubernetes.client.rights import nodes_binding
from lab.targets.kubernetes.rendering.render import render_rbac
from tests.cluster.rig.certificates import LAB_USER
from tests.cluster.rig.kubectl import Kubectl


@contextlib.contextmanager
def granted(kubectl: Kubectl, namespace: str) -> Iterator[None]:
    """A namespace with the lab's rights in it; both go at the end, which is not waited for."""
    kubectl.apply(*yaml.safe_load_all(render_rbac(namespace=namespace, user=LAB_USER)))
    try:
        yield
    finally:
        take_away(kubectl, namespace)


def take_away(kubectl: Kubectl, namespace: str) -> None:
    """The end of a namespace and of the rights that it came with."""
    kubectl("delete", "namespace", namespace, "--wait=false", "--ignore-not-found")
    kubectl("delete", "clusterrolebinding", nodes_binding(LAB_USER, namespace), "--ignore-not-found")
