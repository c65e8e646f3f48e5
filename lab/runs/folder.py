"""One run's folder, with a manifest that is true at every moment."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from lab.errors import DataFault

MANIFEST: Final = "run.json"
RUNNING: Final = "running"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
INTERRUPTED: Final = "interrupted"
Manifest = dict[str, Any]


class RunFolder:
    """A folder that holds one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def run_id(self) -> str:
        """The run's name, that of its folder."""
        return self.path.name

    @property
    def is_fresh(self) -> bool:
        """Whether the run was begun and nothing has been measured for it."""
        manifest = self.manifest()
        return manifest["status"] == RUNNING and not manifest.get("measuring")

    def manifest(self) -> Manifest:
        """What `run.json` says; a run whose process is gone without an end is told as failed.

        Raises:
            DataFault: It cannot be read.
        """
        file = self.path / MANIFEST
        try:
            manifest = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataFault(f"{file}: {error}", found="the run is treated as failed", code="CORRUPT_RUN") from error
        if not isinstance(manifest, dict) or "status" not in manifest:
            raise DataFault(f"{file} is no manifest of a run", code="CORRUPT_RUN")
        if manifest["status"] == RUNNING and not _is_alive(manifest.get("process")):
            manifest |= {"status": FAILED, "reason": "the process that ran it is gone"}
        return manifest

    def begin(self, **facts: object) -> None:
        """Write the first manifest."""
        self._write({**facts, "status": RUNNING, "ended": None, "process": _this_process()})

    def update(self, **facts: object) -> None:
        """Replace facts, all of them or none."""
        manifest = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
        self._write(manifest | facts)

    def take_over(self) -> None:
        """From now on the run lives as long as this process does."""
        self.update(measuring=True)

    def _write(self, manifest: Mapping[str, object]) -> None:
        write_atomically(self.path / MANIFEST, json.dumps(manifest, indent=2, default=str) + "\n")


def write_atomically(path: Path, text: str) -> None:
    """The whole text or nothing, on the disk when this returns."""
    hidden = f".{path.name}."
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=hidden, delete=False, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)  # noqa: PTH105  Path.replace is the same
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _this_process() -> list[float]:
    process = psutil.Process()
    return [process.pid, process.create_time()]


def _is_alive(process: object) -> bool:
    """Whether the process of that number, begun at that time, still is there."""
    if not isinstance(process, list) or len(process) != 2:
        return False
    pid, begun = process
    try:
        return bool(abs(psutil.Process(int(pid)).create_time() - begun) < 1.0)
    except psutil.Error:
        return False
