"""The wheels of the services for both architectures, so that a builder needs no package index.

`python -m tests.cluster.wheels FOLDER`, then `lab images build --wheels FOLDER`.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

LOCK: Final = Path(__file__).parents[2] / "requirements-services.lock"
MACHINES: Final = ("x86_64", "aarch64")
PYTHON: Final = "3.11.2"
"""Of `base_image`; pip reads markers with its own Python's version instead, which may differ in the last part."""


def download(folder: Path) -> None:
    """Fetch every wheel for every architecture, compared with its hash; what is there already is kept."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
        wanted.write(without_markers(LOCK.read_text(encoding="utf-8")))
        wanted.flush()
        for machine in MACHINES:
            platforms = (f"--platform=manylinux2014_{machine}", f"--platform=manylinux_2_28_{machine}")
            call = [sys.executable, "-m", "pip", "download", "-q", "--require-hashes", "--no-deps", *platforms]
            call += ["--only-binary=:all:", f"--python-version={PYTHON}", f"--dest={folder}", "-r", wanted.name]
            subprocess.run(call, check=True)


def without_markers(lock: str) -> str:
    """The part of a lock that holds for the base image's Python."""
    environment = {"python_full_version": PYTHON, "python_version": PYTHON.rpartition(".")[0]}
    kept = []
    for block in re.split(r"\n(?=\S)", lock):
        pin, _, hashes = block.partition(" \\\n")
        marker = Requirement(pin).marker
        if marker is None or marker.evaluate(environment):
            kept.append(f"{pin.partition(' ;')[0]} \\\n{hashes}")
    return "\n".join(kept)


if __name__ == "__main__":
    download(Path(sys.argv[1]))
