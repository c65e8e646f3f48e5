"""Short ways to declare the objectives and the faults of a trial."""

from lab.questions.faults import delete_pod, kill, pause, scale
from lab.questions.objectives import (
    keeps_up,
    latency,
    nothing_counted_twice,
    nothing_lost,
    recovered,
    refused,
    throughput,
)

__all__ = [
    "delete_pod",
    "keeps_up",
    "kill",
    "latency",
    "nothing_counted_twice",
    "nothing_lost",
    "pause",
    "recovered",
    "refused",
    "scale",
    "throughput",
]
