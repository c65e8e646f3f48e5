"""How far the parts of a stack are, as a table that is written over where somebody looks at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from lab.display.progress import StreamProgress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import TextIO

    from rich.live import Live

    from lab.model import RolloutRow

HEADER: Final = ("SERVICE", "ARCH", "NODE", "READY", "IMAGE", "SAYS", "AGE", "LAST EVENT")
NOTHING: Final = "–"
DIGEST_SHOWN: Final = 8
TOLD_BY_TABLE: Final = "rollout"
"""The stage that says in words which part became ready: beside a table that shows it, nobody needs it."""
AGES: Final = ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h"))


def table(rows: Sequence[RolloutRow]) -> list[str]:
    """The rows below a header, in columns as wide as their longest word."""
    lines = [HEADER, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


class RolloutProgress(StreamProgress):
    """Shows stages, and between them the parts of a stack; a context that leaves the last table standing.

    On a terminal the table is written over; elsewhere it comes once, after the lines that say what became ready.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._rows: Sequence[RolloutRow] = ()
        self._shown: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def rows(self, rows: Sequence[RolloutRow]) -> None:
        """How far every part is now; see `lab.targets.port.Watch`."""
        self._rows = rows
        if not self._live:
            return
        from rich.text import Text  # noqa: PLC0415 - heavy

        header, *lines = table(rows)
        text = Text(f"  {header}", style="bold", no_wrap=True, overflow="ellipsis")
        text.append("".join(f"\n  {line}" for line in lines), style="not bold")
        self._written_over().update(text, refresh=True)

    def stage(self, stage: str, message: str, seconds: float | None) -> None:
        """See `lab.runs.record.Listener`."""
        if stage != TOLD_BY_TABLE:
            self._end()
        elif self._live and self._rows:
            return
        super().stage(stage, message, seconds)

    def _written_over(self) -> Live:
        if self._shown is None:
            from rich.console import Console  # noqa: PLC0415 - heavy
            from rich.live import Live  # noqa: PLC0415 - heavy

            console = Console(file=self._stream)
            self._shown = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
            self._shown.start()
        return self._shown

    def _end(self) -> None:
        """Leave the table standing as it is."""
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
    """Name and the beginning of the digest: what tells two images apart on a screen."""
    name, _, digest = image.rpartition("/")[2].partition("@sha256:")
    return f"{name}@{digest[:DIGEST_SHOWN]}…" if digest else name


def _age(seconds: float) -> str:
    for below, unit, word in AGES:
        if seconds < below:
            return f"{seconds / unit:.0f} {word}"
    return f"{seconds / 86_400:.0f} d"
