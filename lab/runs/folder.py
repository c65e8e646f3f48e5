"""Keeps one run's folder, whose manifest is true at every moment."""

import json
import math
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from lab.errors import DataFault, LabError, Unavailable, to_data
from lab.files import write_text
from lab.runs.contents import MANIFEST
from lab.runs.documents import JsonObject
from lab.runs.facts import FAILED, INTERRUPTED, RUNNING, RunFacts
from lab.runs.schema_1 import upgraded_manifest

PROGRESS: Final = "progress.jsonl"
"""File with the progress of a run in a notebook, which `lab run` shows; removed when the notebook ends."""
SCHEMA: Final = 2
"""Version of the files in a run's folder."""
READABLE: Final = (1, SCHEMA)
"""Versions that can be read; any other is refused."""
ROOM: Final = ".room"
ROOM_BYTES: Final = 65_536
"""Set aside until the run ends, so that a run that fills the disk can still record its failure. The bytes are random,
since a file system may compress any others to nothing."""
MOST_LINES: Final = 5
"""Lines of an error that a manifest keeps; a LabError has no more."""
LONGEST_LINE: Final = 300
"""Characters of such a line."""


class RunFolder:
    """A folder that holds one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def run_id(self) -> str:
        """The run's name, which is the name of its folder."""
        return self.path.name

    def facts(self) -> RunFacts:
        """Return the facts in `run.json` that the lab relies on; a running run whose process is gone reads as failed.

        Raises:
            DataFault: The manifest cannot be read.
        """
        return RunFacts.of(self.manifest())

    def manifest(self) -> JsonObject:
        """Return all facts in `run.json`; a running run whose process is gone reads as failed.

        Raises:
            DataFault: The manifest cannot be read.
        """
        manifest = self._read()
        if manifest.get("schema") == 1:
            manifest = upgraded_manifest(manifest)
        if manifest["status"] == RUNNING and not _is_alive(manifest.get("process")):
            manifest |= {"status": FAILED, "reason": "the process of the run is gone"}
        return manifest

    def schema(self) -> int:
        """Return the version of the folder's files.

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
        """Write the first manifest, and set room aside for the last manifest."""
        (self.path / ROOM).write_bytes(os.urandom(ROOM_BYTES))
        self._write({**facts, "status": RUNNING, "ended": None, "process": _this_process()})

    def update(self, **facts: object) -> None:
        """Replace facts, all of them or none.

        Raises:
            DataFault: The manifest cannot be read.
            Unavailable: The manifest cannot be written; the old one stays.
        """
        manifest = self._read() | facts
        if manifest["status"] != RUNNING:
            (self.path / ROOM).unlink(missing_ok=True)
        self._write(manifest)

    def take_over(self) -> None:
        """Record that measuring begins; from now on no other run may use the folder."""
        self.update(measuring=True)

    def end(self, status: str) -> None:
        """Record how the run ended, and when."""
        self.update(status=status, ended=_now())

    def end_by(self, error: BaseException) -> None:
        """Record the error that ended the run: in words, and a LabError also as data."""
        interrupted = isinstance(error, KeyboardInterrupt)
        self.update(
            status=INTERRUPTED if interrupted else FAILED,
            reason="interrupted" if interrupted else _words(error),
            exit_code=error.exit_code if isinstance(error, LabError) else None,
            error=to_data(error) if isinstance(error, LabError) else None,
            ended=_now(),
        )

    def _read(self) -> JsonObject:
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
            write_text(self.path / MANIFEST, text, durable=True)
        except OSError as error:
            raise not_written(self.path, error) from error


def not_written(folder: Path, error: OSError) -> Unavailable:
    """Return the error for a run that cannot be kept."""
    return Unavailable(
        f"cannot write the run in {folder}", found=str(error), next_step="lab runs prune --keep 5      (makes room)"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _words(error: BaseException) -> str:
    """Return the part of an error that a terminal shows."""
    text = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"
    return "\n".join(line[:LONGEST_LINE] for line in text.splitlines()[:MOST_LINES])


def _standard(value: object) -> object:
    """Return a value that every reader of JSON accepts: no NaN, numbers as numbers, anything else as its text."""
    if isinstance(value, Mapping):
        return {str(key): _standard(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_standard(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    # A scalar of numpy, recognised without importing numpy.
    item = getattr(value, "item", None)
    return _standard(item()) if callable(item) and getattr(value, "ndim", None) == 0 else str(value)


def _this_process() -> list[float]:
    process = psutil.Process()
    return [process.pid, process.create_time()]


def _is_alive(process: object) -> bool:
    """Whether the process with that number and that start time still runs."""
    if not isinstance(process, list) or len(process) != 2:
        return False
    pid, begun = process
    try:
        return bool(abs(psutil.Process(int(pid)).create_time() - begun) < 1.0)
    except psutil.Error:
        return False
