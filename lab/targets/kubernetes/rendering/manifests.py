"""Renders the manifests with kustomize."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from lab.errors import InternalFault, Unavailable
from lab.settings import inherited_environment
from lab.snapshots.kubernetes import Raw
from lab.targets.kubernetes.client.kubectl import kubectl_program
from lab.targets.kubernetes.rendering.documents import from_yaml

FOLDER: Final = "manifests"
TIMEOUT_S: Final = 60.0


def manifests_folder() -> Path:
    """Return the folder of the manifests, which is beside the package in a clone of the repository.

    Raises:
        Unavailable: The lab was installed without the manifests.
    """
    folder = Path(__file__).parents[4] / FOLDER
    if not (folder / "base" / "kustomization.yaml").is_file():
        raise Unavailable("no manifests beside this lab", found=str(folder), next_step="use a clone of the repository")
    return folder


def kustomized(kustomization: Raw, manifests: Path, *, timeout_s: float = TIMEOUT_S) -> list[Raw]:
    """Return the documents that kustomize makes of a kustomization. Uses no network.

    Args:
        kustomization: Names the manifests by paths that begin with `FOLDER`.
        manifests: The folder that these paths mean.
        timeout_s: For kustomize.

    Raises:
        InternalFault: kubectl refuses the manifests; the error holds the last lines of its output.
        Unavailable: kubectl is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="lab-render-") as name:
        scratch = Path(name)
        # kustomize takes no path outside the folder of the kustomization, so the manifests are copied there.
        shutil.copytree(manifests, scratch / FOLDER)
        (scratch / "kustomization.yaml").write_text(json.dumps(kustomization), encoding="utf-8")
        return from_yaml(_output_of_kustomize(scratch, timeout_s))


def _output_of_kustomize(folder: Path, timeout_s: float) -> str:
    try:
        done = subprocess.run(
            [str(kubectl_program()), "kustomize", str(folder)],
            env=inherited_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InternalFault(
            "the manifests cannot be rendered",
            found=f"rendering took longer than {timeout_s:g} s",
            next_step="repeat the command when this machine is less busy",
        ) from error
    if done.returncode:
        output = done.stderr.replace(str(folder.resolve()), "").replace(str(folder), "").strip()
        raise InternalFault(
            "the manifests cannot be rendered",
            found="\n".join(output.splitlines()[-2:]),
            next_step=f"git diff {FOLDER}/      (undo the change that kustomize refuses)",
        )
    return done.stdout
