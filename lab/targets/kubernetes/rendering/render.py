"""Renders a request into the objects of a stack, and writes objects into files."""

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from lab.errors import BadConfig, Exists
from lab.snapshots.kubernetes import Raw
from lab.targets.kubernetes.objects import KubeObject, kube_object, place_in_order
from lab.targets.kubernetes.rendering.documents import FOLDER, as_yaml, kustomized, manifests_folder
from lab.targets.kubernetes.rendering.kustomization import kustomization, labels_of
from lab.targets.kubernetes.rendering.never_applied import refuse
from lab.targets.kubernetes.rendering.request import RenderRequest, require_sense

PULL_KEY: Final = ".dockerconfigjson"


def render(request: RenderRequest) -> tuple[KubeObject, ...]:
    """Return every object of a stack in the order of applying. The same request gives the same objects.

    Raises:
        UsageFault: A workload is missing or duplicate.
        BadConfig: The overlay does not exist, an image has no digest (E_NOT_PINNED), a volume pins a pod to a node
            (E_PVC_PINNED), the collector's configuration names a component that collectors no longer have
            (E_OTEL_REMOVED), or an address holds a password.
    """
    require_sense(request)
    overlays = sorted(path.name for path in (manifests_folder() / "overlays").iterdir())
    if request.overlay not in overlays:
        raise BadConfig(f'no overlay "{request.overlay}"', found=f"there are: {', '.join(overlays)}")
    bodies = kustomized(kustomization(request, manifests=FOLDER))
    objects = [kube_object(body) for body in (*bodies, *_secrets(request))]
    refuse(objects)
    return tuple(sorted(objects, key=place_in_order))


def write_rendered(objects: Sequence[KubeObject], folder: Path) -> tuple[Path, ...]:
    """Write one file per object, named so that `kubectl apply -f` takes them in order. Secrets are left out.

    Raises:
        Exists: The folder exists and is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Exists(f"{folder} is not empty", next_step=f"rm -r {folder}, or name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    written = [item for item in objects if item.kind != "Secret"]
    paths = [folder / f"{number:02d}-{item.kind.lower()}-{item.name}.yaml" for number, item in enumerate(written, 1)]
    for path, item in zip(paths, written, strict=True):
        path.write_text(as_yaml([item.body]), encoding="utf-8")
    return tuple(paths)


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
