"""A trial as pictures: load, latency, path, backlog; a picture that cannot be drawn says why, and ends nothing."""

from __future__ import annotations

import sys
import warnings
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Final

from lab.reports.shown import NOT_DRAWN, Shown
from lab.settings import environment_with, matplotlib_backend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.model import Trial

DRAWING: Final = "lab.reports.drawing"
"""Draws; loaded when a picture is asked for, since matplotlib reads the user's settings while it is loaded."""
BACKEND: Final = "agg"
"""Draws into memory, and is always there."""
LONGEST: Final = 300
"""Characters of a line that says why there is no picture."""


def load(trial: Trial) -> Shown:
    """Draw offered, acknowledged and counted events per second, and the backlog; the measured window is shaded."""
    return _drawn("load", trial)


def latency(trial: Trial) -> Shown:
    """Draw quantiles of acknowledgement latency second by second, and the whole distribution with the objective."""
    return _drawn("latency", trial)


def latencies(trials: Sequence[Trial]) -> Shown:
    """Draw the whole distribution of acknowledgement latency of several trials, a line for each trial."""
    return _drawn("latencies", trials)


def path(trial: Trial) -> Shown:
    """Draw the mean time of each stage of a batch, from its intended time to its commit, by the sampled traces."""
    return _drawn("path", trial)


def backlog(trial: Trial) -> Shown:
    """Draw the events that were accepted and not yet committed, over time; faults are marked."""
    return _drawn("backlog", trial)


def _drawn(name: str, subject: Trial | Sequence[Trial]) -> Shown:
    try:
        shown: Shown = getattr(_drawing(), name)(subject)
    except Exception as error:  # noqa: BLE001  a picture is not worth a result
        why = f"{name}: {NOT_DRAWN}: {type(error).__name__}: {error}"[:LONGEST]
        warnings.warn(why, RuntimeWarning, stacklevel=3)
        return Shown("", why)
    return shown


def _drawing() -> Any:  # noqa: ANN401  a module
    """Return the module that draws; it is loaded without the user's backend, which then is the backend again.

    An import of matplotlib that a backend stops half-way cannot be repeated in the same process.
    """
    backend = matplotlib_backend()
    if not backend or "matplotlib" in sys.modules:
        return resolve_name(DRAWING)
    with environment_with(MPLBACKEND=BACKEND):
        drawing = resolve_name(DRAWING)
    drawing.take_backend(backend)
    return drawing
