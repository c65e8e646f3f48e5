"""The lab behind the notebooks: the few names a notebook may use.

>>> import lab
>>> experiment = lab.Experiment(
...     "baseline", load=lab.load("synthetic", rate=1_000), objectives=[lab.latency(below_ms=50), lab.nothing_lost()]
... )
>>> experiment.duration
20.0

`trial = lab.run(experiment)` then carries it out; `trial` shows its card, `lab.figures` its figures.
"""

from pkgutil import resolve_name
from typing import TYPE_CHECKING

from lab.beside import SERVICES as _SERVICES  # noqa: F401  before anything of it is imported
from lab.errors import LabError
from lab.load.profiles import load
from lab.model import Experiment, Trial
from lab.questions import (
    delete_pod,
    keeps_up,
    kill,
    latency,
    nothing_counted_twice,
    nothing_lost,
    pause,
    recovered,
    refused,
    scale,
    throughput,
)

if TYPE_CHECKING:
    from lab.facade.asking import query
    from lab.facade.running import run, run_each, run_on_each_architecture
    from lab.reports import figures
    from lab.reports.answer import answer, conclusion
    from lab.reports.breakdown import table as breakdown
    from lab.reports.comparison import table as side_by_side

__all__ = [
    "Experiment",
    "LabError",
    "Trial",
    "answer",
    "breakdown",
    "conclusion",
    "delete_pod",
    "figures",
    "keeps_up",
    "kill",
    "latency",
    "load",
    "nothing_counted_twice",
    "nothing_lost",
    "pause",
    "query",
    "recovered",
    "refused",
    "run",
    "run_each",
    "run_on_each_architecture",
    "scale",
    "side_by_side",
    "throughput",
]

_LOADED_WHEN_USED = {
    "answer": "lab.reports.answer:answer",
    "breakdown": "lab.reports.breakdown:table",
    "conclusion": "lab.reports.answer:conclusion",
    "figures": "lab.reports.figures",
    "query": "lab.facade.asking:query",
    "run": "lab.facade.running:run",
    "run_each": "lab.facade.running:run_each",
    "run_on_each_architecture": "lab.facade.running:run_on_each_architecture",
    "side_by_side": "lab.reports.comparison:table",
}
"""Name → entry point in a module that imports what only a run needs."""


def __getattr__(name: str) -> object:
    """Load a heavy part when it is first used, so that `import lab` stays quick."""
    if name in _LOADED_WHEN_USED:
        return resolve_name(_LOADED_WHEN_USED[name])
    msg = f"module 'lab' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    """Return the names that a notebook completes, also those that are not loaded yet."""
    return sorted(__all__)
