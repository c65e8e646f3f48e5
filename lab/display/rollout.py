"""Shows the rollout of a stack as a table, which a terminal overwrites."""

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from lab.display.terminal import TerminalDisplay
from lab.load.port import Progress
from lab.model import RolloutRow
from lab.targets.port import ROLLOUT

HEADER: Final = ("SERVICE", "ARCH", "NODE", "READY", "IMAGE", "SAYS", "AGE", "LAST EVENT")
NOTHING: Final = "–"
"""Stands for a value that is not known."""
DIGEST_SHOWN: Final = 8
"""Digits of an image's digest: enough to tell two images apart."""
AGES: Final = ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h"))
"""Seconds below which a unit is used, seconds in the unit, the unit's name; an older age is shown in days."""


def table(rows: Sequence[RolloutRow]) -> list[str]:
    """Return the rows below a header, in columns as wide as their longest word."""
    lines = [HEADER, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


class RolloutDisplay:
    """Shows stages, and the table of a rollout between them; a context that leaves the last table in place.

    A terminal overwrites the table. Any other stream gets the table once, after the lines that tell what became ready.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._live = stream, stream.isatty()
        self._terminal = TerminalDisplay(stream)
        self._rows: Sequence[RolloutRow] = ()
        self._shown: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def rows(self, rows: Sequence[RolloutRow]) -> None:
        """Show the state of every part now; see `lab.targets.port.Watch`."""
        self._rows = rows
        if not self._live:
            return
        header, *lines = table(rows)
        text = Text(f"  {header}", style="bold", no_wrap=True, overflow="ellipsis")
        text.append("".join(f"\n  {line}" for line in lines), style="not bold")
        self._live_table().update(text, refresh=True)

    def stage(self, stage: str, message: str, seconds: float | None = None) -> None:
        """See `lab.display.port.Display`."""
        if stage != ROLLOUT:
            self._end()
        elif self._live and self._rows:
            return  # the table shows that part already
        self._terminal.stage(stage, message, seconds)

    def progress(self, stage: str, progress: Progress, *, of_s: float) -> None:
        """See `lab.display.port.Display`."""
        self._terminal.progress(stage, progress, of_s=of_s)

    def _live_table(self) -> Live:
        if self._shown is None:
            console = Console(file=self._stream)
            self._shown = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
            self._shown.start()
        return self._shown

    def _end(self) -> None:
        """Leave the last table in place; on a stream that is no terminal, write the table now."""
        if self._shown is not None:
            self._shown.stop()
            self._shown = None
        elif self._rows:
            self._stream.writelines(f"  {line}\n" for line in table(self._rows))
            self._stream.flush()
        self._rows = ()


def _cells(row: RolloutRow) -> tuple[str, ...]:
    return (
        row.service,
        row.architecture or NOTHING,
        ", ".join(row.nodes) or NOTHING,
        f"{row.ready}/{row.wanted}",
        _short(row.image),
        ", ".join(row.says) or NOTHING,
        _age(row.age_s),
        row.event,
    )


def _short(image: str) -> str:
    """Return an image's name and the beginning of its digest."""
    name, _, digest = image.rpartition("/")[2].partition("@sha256:")
    return f"{name}@{digest[:DIGEST_SHOWN]}…" if digest else name


def _age(seconds: float) -> str:
    for below, unit, word in AGES:
        if seconds < below:
            return f"{seconds / unit:.0f} {word}"
    return f"{seconds / 86_400:.0f} d"
