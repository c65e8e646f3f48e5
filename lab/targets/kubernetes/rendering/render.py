"""Renders what is to be applied to a cluster: a request in, objects out."""

import base64
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lab.errors import BadConfig, Exists, Unavailable
from lab.targets.kubernetes.client.kubectl import kustomize
from lab.targets.kubernetes.client.rights import (
    FAULTS_ROLE,
    NODES_ROLE,
    ROLE,
    Right,
    binding_of,
    nodes_binding,
    rights_in,
)
from lab.targets.kubernetes.objects import KubeObject, kube_object, place_in_order
from lab.targets.kubernetes.rendering.kustomization import API, kustomization, labels_of
from lab.targets.kubernetes.rendering.refusals import refuse
from lab.targets.kubernetes.rendering.request import RenderRequest, require_sense

FOLDER: Final = "manifests"
PULL_KEY: Final = ".dockerconfigjson"


def manifests_folder() -> Path:
    """Where the manifests are: beside the package, in the clone.

    Raises:
        Unavailable: The lab was installed without them.
    """
    folder = Path(__file__).parents[4] / FOLDER
    if not (folder / "base" / "kustomization.yaml").is_file():
        raise Unavailable("no manifests beside this lab", found=str(folder), next_step="use a clone of the repository")
    return folder


def render(request: RenderRequest) -> tuple[KubeObject, ...]:
    """Every object of a stack, in the order of applying; the same request gives the same objects.

    Raises:
        UsageFault: The request names too little or too much.
        BadConfig: The overlay is not there, an image has no digest (E_NOT_PINNED), a volume pins a pod to a node
            (E_PVC_PINNED), or an address holds a password.
    """
    require_sense(request)
    overlays = sorted(path.name for path in (manifests_folder() / "overlays").iterdir())
    if request.overlay not in overlays:
        raise BadConfig(f'no overlay "{request.overlay}"', found=f"there are: {', '.join(overlays)}")
    bodies = _documents(kustomization(request, manifests=FOLDER))
    objects = [kube_object(body) for body in (*bodies, *_secrets(request))]
    refuse(objects)
    return tuple(sorted(objects, key=place_in_order))


def render_rbac(*, namespace: str, user: str, faults: bool = True) -> str:
    """What a cluster's administrator applies once, as YAML, so that *user* may do what the lab does.

    Args:
        namespace: Where the lab may work.
        user: A user's or a group's name.
        faults: Whether faults may be injected, which needs `pods/exec`.
    """
    bodies = _rbac(namespace, user)
    return as_yaml([body for body in bodies if faults or body.get("roleRef", body["metadata"])["name"] != FAULTS_ROLE])


def needed_rights(namespace: str) -> tuple[Right, ...]:
    """Everything that `render_rbac` allows, one verb each."""
    return tuple(right for body in _rbac(namespace, "lab-user") for right in rights_in(body))


def _rbac(namespace: str, user: str) -> list[Mapping[str, Any]]:
    given = [{"op": "replace", "path": f"/subjects/{index}/name", "value": user} for index in (0, 1)]
    bindings = [("RoleBinding", role, binding_of(user, role)) for role in (ROLE, FAULTS_ROLE)]
    bindings.append(("ClusterRoleBinding", NODES_ROLE, nodes_binding(user, namespace)))
    patches = [
        {
            "target": {"kind": kind, "name": role},
            "patch": json.dumps([*given, {"op": "replace", "path": "/metadata/name", "value": name}]),
            "options": {"allowNameChange": True},
        }
        for kind, role, name in bindings
    ]
    return _documents({**API, "namespace": namespace, "resources": [f"{FOLDER}/rbac"], "patches": patches})


def write_rendered(objects: Sequence[KubeObject], folder: Path) -> tuple[Path, ...]:
    """Write one file per object, named so that `kubectl apply -f` goes in order; Secrets are left out.

    Raises:
        Exists: The folder is there and not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Exists(f"{folder} is not empty", next_step=f"rm -r {folder}, or name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    shown = [thing for thing in objects if thing.kind != "Secret"]
    paths = [folder / f"{number:02d}-{thing.kind.lower()}-{thing.name}.yaml" for number, thing in enumerate(shown, 1)]
    for path, thing in zip(paths, shown, strict=True):
        path.write_text(as_yaml([thing.body]), encoding="utf-8")
    return tuple(paths)


def as_yaml(bodies: Sequence[Mapping[str, Any]]) -> str:
    """Documents as people read them: keys in their order, a text of several lines as lines."""
    import yaml  # noqa: PLC0415 - heavy

    class Readable(yaml.SafeDumper):
        """Blocks for texts of several lines."""

    Readable.add_representer(
        str,
        lambda dumper, text: dumper.represent_scalar(
            "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
        ),
    )
    documents = [dict(body) for body in bodies]
    return str(yaml.dump_all(documents, Dumper=Readable, sort_keys=False, width=120, allow_unicode=True))


def _documents(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What kustomize makes of a document beside a copy of the manifests: it takes no path from elsewhere."""
    import yaml  # noqa: PLC0415 - heavy

    with tempfile.TemporaryDirectory(prefix="lab-render-") as name:
        scratch = Path(name)
        shutil.copytree(manifests_folder(), scratch / FOLDER)
        (scratch / "kustomization.yaml").write_text(json.dumps(document), encoding="utf-8")
        return [body for body in yaml.safe_load_all(kustomize(scratch)) if body]


def _secrets(request: RenderRequest) -> Iterator[Mapping[str, Any]]:
    """Secrets never become part of a file that kustomize reads."""
    for name, content in sorted(request.secrets.items()):
        yield {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": request.namespace, "labels": dict(labels_of(request))},
            "type": "kubernetes.io/dockerconfigjson" if PULL_KEY in content else "Opaque",
            "data": {key: base64.b64encode(value).decode() for key, value in sorted(content.items())},
        }
