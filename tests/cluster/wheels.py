"""Fetches the wheels of the services for both architectures, so that a builder needs no package index."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from tests.cluster.rig.whole import as_a_whole

LOCK: Final = Path(__file__).parents[2] / "requirements-services.lock"
MACHINES: Final = ("x86_64", "aarch64")
PYTHON: Final = "3.11.2"
"""The version in `base_image`. pip evaluates markers with its own Python, whose patch version may differ."""


def folder_in(cache: Path) -> Path:
    """Return the folder of the wheels, which may not exist yet; it depends on the lock."""
    return cache / "rig-wheels" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]


def fetch(cache: Path) -> None:
    """Fetch every wheel for every architecture, and check its hash."""
    folder = folder_in(cache)
    if not folder.is_dir():
        with as_a_whole(folder) as made:
            wanted = made.parent / "wanted.txt"
            wanted.write_text(without_markers(LOCK.read_text(encoding="utf-8")))
            for machine in MACHINES:
                platforms = (f"--platform=manylinux2014_{machine}", f"--platform=manylinux_2_28_{machine}")
                call = [sys.executable, "-m", "pip", "download", "-q", "--require-hashes", "--no-deps", *platforms]
                call += ["--only-binary=:all:", f"--python-version={PYTHON}", f"--dest={made}", "-r", str(wanted)]
                subprocess.run(call, check=True)


def without_markers(lock: str) -> str:
    """Return the pins of a lock that apply to the base image's Python, without their markers."""
    environment = {"python_full_version": PYTHON, "python_version": PYTHON.rpartition(".")[0]}
    kept = []
    for block in re.split(r"\n(?=\S)", lock):
        pin, _, hashes = block.partition(" \\\n")
        marker = Requirement(pin).marker
        if marker is None or marker.evaluate(environment):
            kept.append(f"{pin.partition(' ;')[0]} \\\n{hashes}")
    return "\n".join(kept)
