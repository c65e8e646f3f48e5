"""Writes the objects of a stack into files."""

from collections.abc import Sequence
from pathlib import Path

from lab.errors import Exists
from lab.snapshots.kubernetes.kinds import SECRET
from lab.targets.kubernetes.objects import KubeObject
from lab.targets.kubernetes.rendering.documents import as_yaml


def write_rendered(objects: Sequence[KubeObject], folder: Path) -> tuple[Path, ...]:
    """Write one file per object, named so that `kubectl apply -f` takes them in order. Secrets are left out.

    Raises:
        Exists: The folder exists and is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Exists(
            f"cannot write objects into {folder}",
            found="the folder is not empty",
            next_step=f"rm -r {folder}, or name another folder",
        )
    folder.mkdir(parents=True, exist_ok=True)
    written = [item for item in objects if item.kind != SECRET.name]
    paths = [folder / f"{number:02d}-{item.kind.lower()}-{item.name}.yaml" for number, item in enumerate(written, 1)]
    for path, item in zip(paths, written, strict=True):
        path.write_text(as_yaml([item.body]), encoding="utf-8")
    return tuple(paths)
