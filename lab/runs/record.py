"""The record of one trial while it is made; it never says more than is on the disk."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from lab.errors import LabError
from lab.model import Trial
from lab.runs.evidence import save_trial
from lab.runs.folder import FAILED, INTERRUPTED, SUCCEEDED, RunFolder, not_written, sync, written_whole
from lab.runs.manifest import facts_of

MOST_LINES: Final = 5
LONGEST_LINE: Final = 300


class Look(Protocol):
    """The part of a look at a load under way (`lab.load.port.Progress`) that is shown."""

    @property
    def elapsed_s(self) -> float:
        """Since the first batch was due."""

    @property
    def offered_rate(self) -> float:
        """Events per second."""

    @property
    def acknowledged_rate(self) -> float:
        """Events per second."""

    @property
    def in_flight(self) -> int:
        """Batches under way."""

    @property
    def p99_ms(self) -> float:
        """Of acknowledgement, in the last seconds."""


class Listener(Protocol):
    """Shows what a run is doing."""

    def stage(self, stage: str, message: str, seconds: float | None) -> None:
        """A step is done."""

    def progress(self, stage: str, progress: Look, *, of_s: float) -> None:
        """How far a load is."""


class RunRecord:
    """What `lab.trials.experiment.Recorder` promises; a context that marks the run failed or interrupted when that happens.

    Args:
        folder: Of a run that was begun.
        listener: Shows what it is doing.
        publish: Writes what people look at into the folder.
    """

    def __init__(self, folder: RunFolder, listener: Listener, *, publish: Callable[[Trial], None]) -> None:
        self._folder, self._listener, self._publish = folder, listener, publish

    @property
    def run_id(self) -> str:
        """The run's name."""
        return self._folder.run_id

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        return self._folder.path

    def __enter__(self) -> Self:
        try:
            self._folder.take_over()
        except LabError as error:
            self._end_by(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._end_by(error)

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """A step is done."""
        self._listener.stage(stage, message, seconds)

    def progress(self, stage: str, progress: Look, *, of_s: float) -> None:
        """How far a load is."""
        self._listener.progress(stage, progress, of_s=of_s)

    def keep_logs(self, logs: Mapping[str, Path]) -> None:
        """Copy the logs of a stack; program → file.

        Raises:
            Unavailable: There is no room for them; no half log is left.
        """
        with _written(self.folder):
            _copy_logs(logs, self.folder / "logs")

    def succeeded(self, trial: Trial, *, interrupted: bool) -> Trial:
        """Write everything down, then say so.

        Raises:
            Unavailable: There is no room for it; the run has not succeeded.
        """
        kept = replace(trial, folder=str(self.folder))
        # What `lab run` was given stands where a kernel cannot tell its parameters.
        parameters = {"parameters": dict(kept.parameters)} if kept.parameters else {}
        with _written(self.folder):
            save_trial(kept, self.folder)
            self._folder.update(**facts_of(kept), **parameters)
            self._publish(kept)
            _sync_all(self.folder)
        self._folder.update(status=INTERRUPTED if interrupted else SUCCEEDED, ended=_now())
        return kept

    def _end_by(self, error: BaseException) -> None:
        """Write down what ended the run; where even that cannot be, the error itself is still the news."""
        interrupted = isinstance(error, KeyboardInterrupt)
        with suppress(LabError, OSError):
            self._folder.update(
                status=INTERRUPTED if interrupted else FAILED,
                reason="interrupted" if interrupted else _words(error),
                exit_code=error.exit_code if isinstance(error, LabError) else None,
                ended=_now(),
            )


def _words(error: BaseException) -> str:
    """What is said of an error: as much as a terminal shows of it."""
    text = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"
    return "\n".join(line[:LONGEST_LINE] for line in text.splitlines()[:MOST_LINES])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _copy_logs(logs: Mapping[str, Path], into: Path) -> None:
    into.mkdir(exist_ok=True)
    for name, path in logs.items():
        with suppress(FileNotFoundError), written_whole(into / f"{name}.log") as beside:
            shutil.copyfile(path, beside)


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise not_written(folder, error) from error


def _sync_all(folder: Path) -> None:
    """Put a folder with everything below it onto the disk."""
    for path in folder.rglob("*"):
        if path.is_file() or path.is_dir():
            sync(path)
    sync(folder)
