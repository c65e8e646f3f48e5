"""Declares what a run shows while the run goes on."""

from typing import Protocol

from lab.load.port import Progress


class Display(Protocol):
    """Shows the stages of a run and the progress of its load.

    Stages and progress may come in any order. A display that shows stages shows each of them, in their order, and keeps
    them when the run ends with an error. A display may leave progress out, and may replace it by anything shown later.
    `tests/ports/test_display.py` holds for every display.
    """

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """Show that a stage is done: its name, a message of one line, and the seconds that it took, where known."""

    def progress(self, stage: str, progress: Progress, *, of_s: float) -> None:
        """Show the progress of a load that lasts *of_s* seconds; 0 where it has no length.

        The load may overrun. A latency is NaN until a batch has been acknowledged.
        """
