"""The lab behind the notebooks: the few names a notebook may use.

>>> import lab
>>> experiment = lab.Experiment(
...     "baseline", load=lab.load("synthetic", rate=1_000), objectives=[lab.latency(below_ms=50), lab.nothing_lost()]
... )
>>> experiment.duration
20.0

`trial = lab.run(experiment)` then carries it out; `trial` shows its card, `lab.figures` its figures.
"""

from typing import TYPE_CHECKING, Any

from lab.errors import LabError
from lab.load.profiles import load
from lab.model import Experiment, Trial
from lab.questions import (
    delete_pod,
    kill,
    latency,
    nothing_counted_twice,
    nothing_lost,
    pause,
    recovered,
    scale,
    throughput,
)

if TYPE_CHECKING:
    from lab.reports import figures
    from lab.wiring import answer, breakdown, conclusion, run, run_on_each_architecture, side_by_side

__all__ = [
    "Experiment",
    "LabError",
    "Trial",
    "answer",
    "breakdown",
    "conclusion",
    "delete_pod",
    "figures",
    "kill",
    "latency",
    "load",
    "nothing_counted_twice",
    "nothing_lost",
    "pause",
    "recovered",
    "run",
    "run_on_each_architecture",
    "scale",
    "side_by_side",
    "throughput",
]

_WIRED = ("answer", "conclusion", "run", "run_on_each_architecture", "side_by_side", "breakdown")


def __getattr__(name: str) -> Any:  # noqa: ANN401  what a module may hold
    """Import the heavy parts when they are first used, so that `import lab` stays quick."""
    if name in _WIRED:
        from lab import wiring  # noqa: PLC0415

        return getattr(wiring, name)
    if name == "figures":
        from lab.reports import figures  # noqa: PLC0415

        return figures
    msg = f"module 'lab' has no attribute {name!r}"
    raise AttributeError(msg)
