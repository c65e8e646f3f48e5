"""Declares the parts of an experiment that may vary from trial to trial.

A new factor is a row in `FACTORS`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.model.experiment import Experiment


Level: TypeAlias = str | float
"""A level of a factor: a name, or a number in the unit of the factor."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A part of an experiment that has levels.

    Attributes:
        unit: Unit of the levels; empty for names.
        kind: Type of a level.
        at_level: Returns the experiment with the factor at a level.
    """

    unit: str
    kind: type
    at_level: Callable[[Experiment, Any], Experiment]


def _field(name: str) -> Callable[[Experiment, Any], Experiment]:
    return lambda experiment, level: replace(experiment, **{name: level})


def _load_field(name: str) -> Callable[[Experiment, Any], Experiment]:
    return lambda experiment, level: replace(experiment, load=replace(experiment.load, **{name: level}))


FACTORS: Final[dict[str, Factor]] = {
    "architecture": Factor("", str, _field("architecture")),
    "duration": Factor("s", float, _field("duration")),
    "batch_events": Factor("events", int, _load_field("batch_events")),
}
"""Name → factor."""
