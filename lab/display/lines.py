"""Formats a stage, and the progress of a load, as one line of text. Pure."""

from typing import Final

from lab.load.port import Progress

BAR: Final = 10
"""Characters in the bar of progress: one for each tenth of the time."""


def stage_line(stage: str, message: str, seconds: float | None) -> str:
    """Return one line: the stage's name, a message, the seconds that it took."""
    took = f"{seconds:.1f} s" if seconds else ""
    return f"  {stage:13s} {message:<62s} {took:>7s}".rstrip()


def progress_line(stage: str, progress: Progress, *, of_s: float) -> str:
    """Return one line: a bar, the time, rates, batches in flight, latency."""
    elapsed = min(progress.elapsed_s, of_s)
    done = round(BAR * elapsed / of_s) if of_s > 0 else BAR
    return (
        f"  {stage:13s} {'▇' * done}{'░' * (BAR - done)} {elapsed:.0f}/{of_s:.0f} s  "
        f"offered {progress.offered_rate:,.0f}/s  acknowledged {progress.acknowledged_rate:,.0f}/s  "
        f"in flight {progress.in_flight}  p99 {progress.p99_ms:.1f} ms"
    )
