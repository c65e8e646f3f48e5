"""Keeps one run's folder, whose manifest is true at every moment."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import psutil

from lab.errors import Unavailable
from lab.runs.contents import MANIFEST
from lab.runs.damage import OTHER_REVISION, damaged
from lab.runs.documents import JsonObject, iso
from lab.runs.manifest import ABANDONED, READABLE, Process, RunManifest, read_manifest, write_manifest

PROGRESS: Final = "progress.jsonl"
"""File with the progress of a run in a notebook, which `lab run` shows; removed when the notebook ends."""
ROOM: Final = ".room"
ROOM_BYTES: Final = 65_536
"""Set aside until the run ends, so that a run that fills the disk can still record its failure. The bytes are random,
since a file system may compress any others to nothing."""
SAME_START_S: Final = 1.0
"""Two starts of a process that differ by less are the same start; the kernel tells them in hundredths of a second."""


class RunFolder:
    """A folder that holds one run.

    Args:
        path: The folder.
        clock: Returns nanoseconds since the epoch.
    """

    def __init__(self, path: Path, *, clock: Callable[[], int] = time.time_ns) -> None:
        self.path, self._clock = path, clock

    @property
    def run_id(self) -> str:
        """The run's name, which is the name of its folder."""
        return self.path.name

    def manifest(self) -> RunManifest:
        """Return the manifest under today's names; a running run whose process is gone reads as failed.

        Raises:
            DataFault: The manifest cannot be read.
        """
        manifest = read_manifest(self.path).upgraded()
        gone = manifest.is_running and not _is_alive(manifest.process)
        return manifest.failed(ABANDONED) if gone else manifest

    def document(self) -> JsonObject:
        """Return the manifest as JSON, as programs that know nothing of the lab read it.

        Raises:
            DataFault: The manifest cannot be read.
        """
        return self.manifest().document()

    def schema(self) -> int:
        """Return the version of the folder's files.

        Raises:
            DataFault: This lab cannot read that version.
        """
        schema = read_manifest(self.path).schema
        if schema not in READABLE:
            why = f"it has schema {schema!r}, this lab reads {' and '.join(map(str, READABLE))}"
            raise damaged(self.path / MANIFEST, why, next_step=OTHER_REVISION)
        return schema

    def begin(self, manifest: RunManifest) -> None:
        """Write the first manifest of a run that this process carries out, and set room aside for the last manifest.

        Raises:
            OSError: There is no room to set aside.
            Unavailable: The manifest cannot be written.
        """
        (self.path / ROOM).write_bytes(os.urandom(ROOM_BYTES))
        self._write(replace(manifest, process=_this_process()))

    def update(self, change: Callable[[RunManifest], RunManifest]) -> None:
        """Replace the manifest by what *change* makes of it, as a whole or not at all.

        Raises:
            DataFault: The manifest cannot be read.
            Unavailable: The manifest cannot be written; the old one stays.
        """
        manifest = change(read_manifest(self.path))
        if not manifest.is_running:
            (self.path / ROOM).unlink(missing_ok=True)
        self._write(manifest)

    def begin_measuring(self) -> None:
        """Record that measuring begins; from now on no other run may use the folder.

        Raises:
            DataFault: The manifest cannot be read.
            Unavailable: The manifest cannot be written.
        """
        self.update(lambda manifest: replace(manifest, measuring=True))

    def end(self, status: str) -> None:
        """Record how the run ended, and when; raises as `update`."""
        self.update(lambda manifest: replace(manifest, status=status, ended=iso(self._clock())))

    def end_by(self, error: BaseException) -> None:
        """Record the error that ended the run, and when; raises as `update`."""
        self.update(lambda manifest: manifest.ended_by(error, at=iso(self._clock())))

    def _write(self, manifest: RunManifest) -> None:
        try:
            write_manifest(self.path, manifest)
        except OSError as error:
            raise not_written(self.path, error) from error


def not_written(folder: Path, error: OSError) -> Unavailable:
    """Return the error for a run that cannot be kept."""
    return Unavailable(
        f"cannot write the run in {folder}", found=str(error), next_step="lab runs prune --keep 5      (makes room)"
    )


def _this_process() -> Process:
    process = psutil.Process()
    return Process(process.pid, process.create_time())


def _is_alive(process: Process | None) -> bool:
    """Return whether the process with that id and that start still runs."""
    if process is None:
        return False
    try:
        started_s = float(psutil.Process(process.pid).create_time())
    except psutil.Error:
        return False
    return abs(started_s - process.started_s) < SAME_START_S
