"""Renders a request into the objects of a stack."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lab.errors import BadConfig
from lab.snapshots.kubernetes import Raw
from lab.targets.kubernetes.objects import KubeObject, apply_order, kube_object
from lab.targets.kubernetes.rendering.consistency import require_consistent
from lab.targets.kubernetes.rendering.kustomization import kustomization, labels_of
from lab.targets.kubernetes.rendering.manifests import FOLDER, kustomized, manifests_folder
from lab.targets.kubernetes.rendering.never_applied import refuse_known_failures
from lab.targets.kubernetes.rendering.request import RenderRequest

PULL_KEY: Final = ".dockerconfigjson"


def render(request: RenderRequest, *, manifests: Path | None = None) -> tuple[KubeObject, ...]:
    """Return every object of a stack in the order of applying. The same request gives the same objects.

    Args:
        request: Everything that decides which objects are applied.
        manifests: Folder of the manifests; None takes the folder beside this lab.

    Raises:
        UsageFault: A workload is missing or duplicate.
        BadConfig: The overlay does not exist, an image has no digest (E_NOT_PINNED), a volume pins a pod to a node
            (E_PVC_PINNED), the collector's configuration names a component that collectors no longer have
            (E_OTEL_REMOVED), or an address holds a password.
        InternalFault: kustomize refuses the manifests.
    """
    require_consistent(request)
    folder = manifests or manifests_folder()
    overlays = sorted(path.name for path in (folder / "overlays").iterdir())
    if request.overlay not in overlays:
        raise BadConfig(
            f'no overlay "{request.overlay}"',
            found=f"there are: {', '.join(overlays)}",
            next_step=f"export LAB_OVERLAY={next(iter(overlays), 'k3s')}",
        )
    bodies = kustomized(kustomization(request, manifests=FOLDER), folder)
    objects = [kube_object(body) for body in (*bodies, *_secrets(request))]
    refuse_known_failures(objects)
    return tuple(sorted(objects, key=apply_order))


def _secrets(request: RenderRequest) -> Iterator[Raw]:
    """Yield the Secrets. They are made here, so that no file that kustomize reads holds a Secret."""
    for name, content in sorted(request.secrets.items()):
        yield {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": request.namespace, "labels": dict(labels_of(request))},
            "type": "kubernetes.io/dockerconfigjson" if PULL_KEY in content else "Opaque",
            "data": {key: base64.b64encode(value).decode() for key, value in sorted(content.items())},
        }
