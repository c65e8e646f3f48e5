"""The record of a trial, and what it shows, in memory."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from lab.load.port import Progress
from lab.model import Trial


class ShownStage(NamedTuple):
    """A stage with its message."""

    stage: str
    message: str


class FakeRecorder:
    """Remembers what it was given; satisfies `lab.trials.ports.Recorder`.

    Args:
        note: Called when the trial is recorded.
    """

    def __init__(self, *, note: Callable[[str], None] = lambda _: None) -> None:
        self._note = note
        self.handed_logs: Mapping[str, Path] = {}
        self.trial: Trial | None = None
        self.interrupted: bool | None = None

    @property
    def run_id(self) -> str:
        """See `Recorder.run_id`."""
        return "a-run"

    @property
    def logs(self) -> None:
        """See `Recorder.logs`: they are not kept."""

    def keep_logs(self, logs: Mapping[str, Path]) -> None:
        """See `Recorder.keep_logs`."""
        self.handed_logs = dict(logs)

    def succeeded(self, trial: Trial, *, interrupted: bool) -> Trial:
        """See `Recorder.succeeded`."""
        self._note("recorded")
        self.trial, self.interrupted = replace(trial, folder=f"runs/{self.run_id}"), interrupted
        return self.trial


class RecordingDisplay:
    """Remembers what it was shown; satisfies `lab.display.port.Display`.

    Args:
        note: Called with every stage.
    """

    def __init__(self, *, note: Callable[[str], None] = lambda _: None) -> None:
        self._note = note
        self.stages: list[ShownStage] = []
        self.progresses: list[tuple[str, float]] = []

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """See `Display.stage`."""
        self._note(stage)
        self.stages.append(ShownStage(stage, message))

    def progress(self, stage: str, progress: Progress, *, of_s: float) -> None:
        """See `Display.progress`."""
        self.progresses.append((stage, of_s))

    def message(self, stage: str) -> str:
        """Return the last message of a stage."""
        return next(shown.message for shown in reversed(self.stages) if shown.stage == stage)
