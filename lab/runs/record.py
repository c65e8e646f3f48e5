"""Keeps the record of one trial; the record never claims more than is on the disk."""

import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.errors import LabError
from lab.files import OWNERS_FILE, OWNERS_FOLDER, replaced, sync
from lab.model import Trial
from lab.runs.contents import LOGS
from lab.runs.evidence import save_trial
from lab.runs.folder import RunFolder, not_written
from lab.runs.manifest import INTERRUPTED, SUCCEEDED


class RunRecord:
    """The record of a run that has begun; a context that marks the run failed or interrupted after an error.

    Args:
        folder: The run's folder.
        publish: Writes the report for people into the folder.
    """

    def __init__(self, folder: RunFolder, *, publish: Callable[[Trial], None]) -> None:
        self._folder, self._publish = folder, publish

    @property
    def run_id(self) -> str:
        """The run's name."""
        return self._folder.run_id

    @property
    def folder(self) -> Path:
        """The folder that keeps the run."""
        return self._folder.path

    @property
    def logs(self) -> Path:
        """The folder that keeps the logs."""
        return self.folder / LOGS

    def __enter__(self) -> Self:
        try:
            self._folder.begin_measuring()
        except LabError as error:
            self._end_by(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._end_by(error)

    def keep_logs(self, logs: Mapping[str, Path]) -> None:
        """Copy the logs of a stack; program → file.

        Raises:
            Unavailable: There is no room for the logs; no partial log is left.
        """
        with _writing(self.folder):
            _copy_logs(logs, self.logs)

    def succeeded(self, trial: Trial, *, interrupted: bool) -> Trial:
        """Write the whole trial, then record success; return the trial with its folder.

        Raises:
            Unavailable: There is no room for the trial; the run has not succeeded.
        """
        kept = replace(trial, folder=str(self.folder))
        with _writing(self.folder):
            save_trial(kept, self.folder)
            self._folder.update(lambda manifest: manifest.judged(kept))
            self._publish_if_possible(kept)
            _secure(self.folder)
        self._folder.end(INTERRUPTED if interrupted else SUCCEEDED)
        return kept

    def _publish_if_possible(self, trial: Trial) -> None:
        """Write the report; where that fails, the result stands. A full disk is no such failure."""
        try:
            self._publish(trial)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  a report is not worth a result
            warnings.warn(f"no report: {type(error).__name__}: {error}", RuntimeWarning, stacklevel=2)

    def _end_by(self, error: BaseException) -> None:
        """Record the error; where that fails, the caller still gets the error itself."""
        with suppress(LabError, OSError):
            self._folder.end_by(error)


def was_interrupted(trial: Trial) -> bool:
    """Return whether the record of a trial says that it was interrupted; False where there is no record."""
    with suppress(LabError):
        return bool(trial.folder) and RunFolder(Path(trial.folder)).manifest().status == INTERRUPTED
    return False


def _copy_logs(logs: Mapping[str, Path], into: Path) -> None:
    into.mkdir(exist_ok=True)
    for name, path in logs.items():
        with suppress(FileNotFoundError), replaced(into / f"{name}.log", durable=True) as draft:
            shutil.copyfile(path, draft)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise not_written(folder, error) from error


def _secure(folder: Path) -> None:
    """Let only the owner read a folder with everything below it, and sync all of it to the disk."""
    for path in (*folder.rglob("*"), folder):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            continue
        path.chmod(OWNERS_FOLDER if path.is_dir() else OWNERS_FILE)
        sync(path)
