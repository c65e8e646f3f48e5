"""Where the time of a batch went: one trace row by row, all traces stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from lab.analysis.latency import schedule_delay_ms
from lab.analysis.traces.spans import complete_traces, read_spans

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.analysis.traces.spans import CompleteTrace, Span
    from lab.model import Samples

STAGES: Final = ("schedule", "network", "ingest", "queue", "commit")


class WaterfallRow(NamedTuple):
    """One span of a trace.

    Attributes:
        service: Which recorded the span.
        name: Of the operation.
        start_ms: When the span began, after the beginning of the trace.
        duration_ms: How long it took.
        depth: How far the row is indented.
    """

    service: str
    name: str
    start_ms: float
    duration_ms: float
    depth: int


class Stage(NamedTuple):
    """A part of the path from the intended time to the commit, with its mean time."""

    name: str
    mean_ms: float


def slowest_trace(documents: Sequence[Mapping[str, object]]) -> tuple[WaterfallRow, ...]:
    """Return the slowest complete trace, from the simulator's send to the commit; empty where none is complete."""
    traces = complete_traces(read_spans(documents))
    if not traces:
        return ()
    slowest = max(traces, key=lambda trace: trace.duration_ms)
    return tuple(_row(span, slowest.send.start_ns, depth) for depth, span in enumerate(slowest))


def mean_path(documents: Sequence[Mapping[str, object]], samples: Samples) -> tuple[Stage, ...]:
    """Return the mean time of each stage over all complete traces; empty where no trace is complete.

    `schedule` comes from the samples: intended time to send. `network` is the call without the server's time, `ingest`
    the server's time, `queue` the time from the append to the worker's read, `commit` the worker's time.
    """
    traces = complete_traces(read_spans(documents))
    if not traces or not len(samples):
        return ()
    stages = np.array([_stages_ms(trace) for trace in traces]).mean(axis=0)
    means = np.maximum(0.0, np.array([schedule_delay_ms(samples).mean(), *stages]))
    return tuple(Stage(name, float(mean)) for name, mean in zip(STAGES, means, strict=True))


def _row(span: Span, start_ns: int, depth: int) -> WaterfallRow:
    return WaterfallRow(span.service, span.name, (span.start_ns - start_ns) / 1e6, span.duration_ms, depth)


def _stages_ms(trace: CompleteTrace) -> tuple[float, float, float, float]:
    return (
        trace.send.duration_ms - trace.serve.duration_ms,
        trace.serve.duration_ms,
        (trace.process.start_ns - trace.append.end_ns) / 1e6,
        (trace.commit.end_ns - trace.process.start_ns) / 1e6,
    )
