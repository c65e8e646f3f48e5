"""Shows nothing of a run."""

from lab.load.port import Progress


class NoDisplay:
    """Shows nothing."""

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """See `lab.display.port.Display`."""

    def progress(self, stage: str, progress: Progress, *, of_s: float) -> None:
        """See `lab.display.port.Display`."""
