"""The record of a trial, in memory."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from lab.load.port import Progress
from lab.model import Trial


class Said(NamedTuple):
    """A stage with what was said of it."""

    stage: str
    message: str


class FakeRecorder:
    """Remembers what it was told; satisfies `lab.trials.experiment.Recorder`.

    Args:
        note: Is told of every stage, and of the end.
    """

    def __init__(self, *, note: Callable[[str], None] = lambda _: None) -> None:
        self._note = note
        self.stages: list[Said] = []
        self.looks: list[tuple[str, float]] = []
        self.logs: Mapping[str, Path] = {}
        self.trial: Trial | None = None
        self.interrupted: bool | None = None

    @property
    def run_id(self) -> str:
        """See `Recorder.run_id`."""
        return "a-run"

    @property
    def folder(self) -> Path:
        """See `Recorder.folder`."""
        return Path("runs/a-run")

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """See `Recorder.stage`."""
        self._note(stage)
        self.stages.append(Said(stage, message))

    def progress(self, stage: str, progress: Progress, *, of_s: float) -> None:
        """See `Recorder.progress`."""
        self.looks.append((stage, of_s))

    def keep_logs(self, logs: Mapping[str, Path]) -> None:
        """See `Recorder.keep_logs`."""
        self.logs = dict(logs)

    def succeeded(self, trial: Trial, *, interrupted: bool) -> Trial:
        """See `Recorder.succeeded`."""
        self._note("recorded")
        self.trial, self.interrupted = trial, interrupted
        return trial

    def said(self, stage: str) -> str:
        """What was said last of a stage."""
        return next(said.message for said in reversed(self.stages) if said.stage == stage)
