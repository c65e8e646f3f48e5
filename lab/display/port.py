"""Declares what a run shows while the run goes on."""

from typing import Protocol

from lab.load.port import Progress


class Display(Protocol):
    """Shows the stages of a run and the progress of its load."""

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """Show that a stage is done: its name, a message, and the seconds that it took, where known."""

    def progress(self, stage: str, progress: Progress, *, of_s: float) -> None:
        """Show the progress of a load that lasts *of_s* seconds."""
