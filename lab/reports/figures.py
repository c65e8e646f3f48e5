"""A trial as pictures; where one cannot be drawn, a warning and a line of text say why."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Final, TypeVar

from lab.entry_points import Entry
from lab.reports.picture import Picture
from lab.settings import environment_with, matplotlib_backend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lab.model import Trial

Subject = TypeVar("Subject")
"""A trial, or several."""

OF_A_TRIAL: Final[Mapping[str, Entry[Callable[[Trial], Picture]]]] = {
    "load": Entry("lab.reports.drawing:load"),
    "latency": Entry("lab.reports.drawing:latency"),
    "path": Entry("lab.reports.drawing:path"),
    "backlog": Entry("lab.reports.drawing:backlog"),
}
"""Figure → what draws it; loaded when it is used, since matplotlib reads the user's settings while it is loaded."""
OF_SEVERAL_TRIALS: Final[Mapping[str, Entry[Callable[[Sequence[Trial]], Picture]]]] = {
    "latencies": Entry("lab.reports.drawing:latencies"),
}
TAKE_BACKEND: Final[Entry[Callable[[str], None]]] = Entry("lab.reports.drawing:take_backend")
BACKEND: Final = "agg"
"""Draws into memory, and is always there."""
NOT_DRAWN: Final = "no picture, since drawing failed"
LONGEST: Final = 300
"""Characters of a line that says why there is no picture."""


def load(trial: Trial) -> Picture:
    """Draw offered, acknowledged and counted events per second, and the backlog; the measured window is shaded."""
    return _drawn(OF_A_TRIAL, "load", trial)


def latency(trial: Trial) -> Picture:
    """Draw quantiles of acknowledgement latency second by second, and the whole distribution with the objective."""
    return _drawn(OF_A_TRIAL, "latency", trial)


def latencies(trials: Sequence[Trial]) -> Picture:
    """Draw the whole distribution of acknowledgement latency of several trials, a line for each trial."""
    return _drawn(OF_SEVERAL_TRIALS, "latencies", trials)


def path(trial: Trial) -> Picture:
    """Draw the mean time of each stage of a batch, from its intended time to its commit, by the sampled traces."""
    return _drawn(OF_A_TRIAL, "path", trial)


def backlog(trial: Trial) -> Picture:
    """Draw the events that were accepted and not yet committed, over time; faults are marked."""
    return _drawn(OF_A_TRIAL, "backlog", trial)


def _drawn(figures: Mapping[str, Entry[Callable[[Subject], Picture]]], name: str, subject: Subject) -> Picture:
    """Return the figure of that name; where drawing fails, warn the caller of the public function."""
    try:
        return _loaded(figures[name])(subject)
    except Exception as error:  # noqa: BLE001  a picture is not worth a result
        why = f"{name}: {NOT_DRAWN}: {type(error).__name__}: {error}"[:LONGEST]
        warnings.warn(why, RuntimeWarning, stacklevel=3)
        return Picture("", why, failed=True)


def _loaded(figure: Entry[Callable[[Subject], Picture]]) -> Callable[[Subject], Picture]:
    """Load matplotlib without the user's backend, give the backend back, and return what draws.

    An import of matplotlib that a backend stops half-way cannot be repeated in the same process.
    """
    backend = matplotlib_backend()
    if not backend or "matplotlib" in sys.modules:
        return figure.load()
    with environment_with(MPLBACKEND=BACKEND):
        draw = figure.load()
    TAKE_BACKEND.load()(backend)
    return draw
