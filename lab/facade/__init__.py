"""What a notebook calls: run an experiment, ask for metrics, show answers."""

from lab.facade.asking import query
from lab.facade.running import run, run_each, run_on_each_architecture, varied_by
from lab.facade.showing import breakdown, side_by_side
from lab.reports.answer import answer, conclusion

__all__ = [
    "answer",
    "breakdown",
    "conclusion",
    "query",
    "run",
    "run_each",
    "run_on_each_architecture",
    "side_by_side",
    "varied_by",
]
