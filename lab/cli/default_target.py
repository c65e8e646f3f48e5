"""Chooses the target on which a command looks for a stack where the user names no target."""

from typing import Final

from lab.cli.options import HERE
from lab.settings import LabSettings, has_kubeconfig
from lab.wiring import KEPT_FOLDER

CLUSTER: Final = "kubernetes"


def default_target(settings: LabSettings, namespace: str) -> str:
    """Return the cluster where a namespace is given, or where a kubeconfig is and no stack is up on this machine."""
    if namespace or (has_kubeconfig(settings) and not KEPT_FOLDER.load()(settings).is_alive):
        return CLUSTER
    return HERE
