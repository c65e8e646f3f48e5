"""One run's folder, with a manifest that is true at every moment."""

import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from lab.errors import DataFault, Unavailable
from lab.runs.schema_1 import upgraded_manifest

MANIFEST: Final = "run.json"
SCHEMA: Final = 2
"""Version of what a run folder holds."""
READABLE: Final = (1, SCHEMA)
"""Versions that can be read; any other is refused, not guessed at."""
ROOM: Final = ".room"
ROOM_BYTES: Final = 65_536
"""Set aside until the run ends, so that a run that fills the disk can still say that it failed. Random bytes, since a
file system may store others in no room at all."""
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
        manifest = self._read()
        if manifest.get("schema") == 1:
            manifest = upgraded_manifest(manifest)
        if manifest["status"] == RUNNING and not _is_alive(manifest.get("process")):
            manifest |= {"status": FAILED, "reason": "the process that ran it is gone"}
        return manifest

    def schema(self) -> int:
        """The version of what it holds.

        Raises:
            DataFault: This lab cannot read that version.
        """
        schema = self._read().get("schema")
        if schema not in READABLE:
            raise DataFault(
                f"cannot read the run in {self.path}",
                found=f"it has schema {schema!r}, this lab reads {' and '.join(map(str, READABLE))}",
                next_step="read it with the revision in its run.json",
                code="CORRUPT_RUN",
            )
        return int(schema)

    def begin(self, **facts: object) -> None:
        """Write the first manifest, and set room aside for the last."""
        (self.path / ROOM).write_bytes(os.urandom(ROOM_BYTES))
        self._write({**facts, "status": RUNNING, "ended": None, "process": _this_process()})

    def update(self, **facts: object) -> None:
        """Replace facts, all of them or none.

        Raises:
            DataFault: The manifest cannot be read.
            Unavailable: It cannot be written; it is as it was.
        """
        manifest = self._read() | facts
        if manifest["status"] != RUNNING:
            (self.path / ROOM).unlink(missing_ok=True)
        self._write(manifest)

    def take_over(self) -> None:
        """Measuring begins; from now on nobody else may use the folder."""
        self.update(measuring=True)

    def _read(self) -> Manifest:
        file = self.path / MANIFEST
        try:
            manifest = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataFault(f"{file}: {error}", found="the run is treated as failed", code="CORRUPT_RUN") from error
        if not isinstance(manifest, dict) or "status" not in manifest:
            raise DataFault(f"{file} is no manifest of a run", code="CORRUPT_RUN")
        return manifest

    def _write(self, manifest: Mapping[str, object]) -> None:
        text = json.dumps(_standard(manifest), indent=2, allow_nan=False) + "\n"
        try:
            with written_whole(self.path / MANIFEST) as beside:
                beside.write_text(text, encoding="utf-8")
            sync(self.path)
        except OSError as error:
            raise not_written(self.path, error) from error


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A file to write in place of another, which is replaced when the context ends well and is as it was otherwise."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield beside
        sync(beside)
        beside.replace(path)
    finally:
        # On a full disk the half file itself takes the room that the manifest needs to say so.
        beside.unlink(missing_ok=True)


def not_written(folder: Path, error: OSError) -> Unavailable:
    """What to say where a run cannot be kept."""
    return Unavailable(
        f"cannot write the run in {folder}", found=str(error), next_step="lab runs prune --keep 5      (makes room)"
    )


def sync(path: Path) -> None:
    """Put a file, or the names in a folder, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _standard(value: object) -> object:
    """The value as JSON has it everywhere: no NaN, numbers as numbers, anything else in words."""
    if isinstance(value, Mapping):
        return {str(key): _standard(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_standard(one) for one in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    # A scalar of numpy, which need not be imported to tell.
    item = getattr(value, "item", None)
    return _standard(item()) if callable(item) and getattr(value, "ndim", None) == 0 else str(value)


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
