"""Reads and writes the YAML documents of Kubernetes objects."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml

from lab.errors import Unavailable
from lab.snapshots.kubernetes import Raw
from lab.targets.kubernetes.client.kubectl import kustomize

FOLDER: Final = "manifests"


def manifests_folder() -> Path:
    """Return the folder of the manifests, which is beside the package in a clone of the repository.

    Raises:
        Unavailable: The lab was installed without the manifests.
    """
    folder = Path(__file__).parents[4] / FOLDER
    if not (folder / "base" / "kustomization.yaml").is_file():
        raise Unavailable("no manifests beside this lab", found=str(folder), next_step="use a clone of the repository")
    return folder


def kustomized(kustomization: Raw) -> list[Raw]:
    """Return the documents that kustomize makes of a kustomization; it finds the manifests in `manifests/`."""
    with tempfile.TemporaryDirectory(prefix="lab-render-") as name:
        scratch = Path(name)
        # kustomize takes no path outside the folder of the kustomization, so the manifests are copied there.
        shutil.copytree(manifests_folder(), scratch / FOLDER)
        (scratch / "kustomization.yaml").write_text(json.dumps(kustomization), encoding="utf-8")
        return [body for body in yaml.safe_load_all(kustomize(scratch)) if body]


def as_yaml(bodies: Sequence[Raw]) -> str:
    """Return documents as readable YAML: keys in their order, a text of several lines as a block."""
    documents = [dict(body) for body in bodies]
    return str(yaml.dump_all(documents, Dumper=_ReadableDumper, sort_keys=False, width=120, allow_unicode=True))


class _ReadableDumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_ReadableDumper.add_representer(str, _text)
