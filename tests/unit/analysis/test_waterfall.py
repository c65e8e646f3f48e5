"""The slowest trace, and where the time goes on average."""

import numpy as np
import pytest

from lab.analysis.traces.spans import read_spans
from lab.analysis.traces.waterfall import mean_path, slowest_trace
from tests.unit.analysis.builders import samples

CALL = "lab.ingest.v1.IngestService/Append"


def document(service: str, name: str, times_ms: tuple[float, float], **ids: object) -> dict[str, object]:
    """Return one line of a file of spans."""
    start, end = (str(10**18 + round(at * 1e6)) for at in times_ms)
    span = {"name": name, "startTimeUnixNano": start, "endTimeUnixNano": end, **ids}
    attributes = [{"key": "service.name", "value": {"stringValue": service}}]
    return {"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [span]}]}]}


def trace(name: str, *, queue_ms: float = 4.0, linked: bool = True) -> list[dict[str, object]]:
    """Return the path of one batch: 1 ms there and back, 2 ms in ingest-api, a queue, 3 ms in the worker."""
    begun = 3.0 + queue_ms
    tie = {"links": [{"traceId": name, "spanId": f"{name}-process"}]} if linked else {}
    return [
        document("simulator", CALL, (0, 3), traceId=name, spanId=f"{name}-send"),
        document("ingest-api", CALL, (0.5, 2.5), traceId=name, spanId=f"{name}-serve", parentSpanId=f"{name}-send"),
        document(
            "ingest-api",
            "fcall lab_append lab.events",
            (1, 2),
            traceId=name,
            spanId=f"{name}-append",
            parentSpanId=f"{name}-serve",
        ),
        document(
            "process-worker",
            "process lab.events",
            (begun, begun + 3),
            traceId=name,
            spanId=f"{name}-process",
            parentSpanId=f"{name}-append",
        ),
        document(
            "process-worker",
            "fcall lab_commit lab.events",
            (begun + 2, begun + 3),
            traceId=f"{name}-round",
            spanId=f"{name}-commit",
            **tie,
        ),
    ]


def test_the_slowest_complete_trace_is_shown_from_send_to_commit() -> None:
    """Rows in the order of the path, each further in than the one before."""
    rows = slowest_trace(trace("quick") + trace("slow", queue_ms=40.0))
    assert [(row.service, row.depth) for row in rows] == [
        ("simulator", 0),
        ("ingest-api", 1),
        ("ingest-api", 2),
        ("process-worker", 3),
        ("process-worker", 4),
    ]
    assert [row.start_ms for row in rows] == [0.0, 0.5, 1.0, 43.0, 45.0]
    assert rows[-1].duration_ms == 1.0


def test_an_incomplete_trace_is_passed_over() -> None:
    """A batch without a recorded commit shows no whole path."""
    assert slowest_trace(trace("torn", queue_ms=90.0, linked=False)) == ()
    assert slowest_trace(trace("whole") + trace("torn", queue_ms=90.0, linked=False))[-1].start_ms == 9.0


def test_the_path_has_five_stages_that_make_up_the_whole() -> None:
    """Schedule from the samples, the rest from the traces."""
    stages = mean_path(trace("one") + trace("two", queue_ms=6.0), samples(np.full(10, 9.0), delay_ms=0.5))
    assert [stage.name for stage in stages] == ["schedule", "network", "ingest", "queue", "commit"]
    assert [stage.mean_ms for stage in stages] == pytest.approx([0.5, 1.0, 2.0, 6.0, 3.0])


def test_nothing_recorded_gives_nothing() -> None:
    """And nothing breaks on a document without spans."""
    assert slowest_trace([]) == ()
    assert mean_path([], samples([1.0])) == ()
    assert read_spans([{}, {"resourceSpans": "none"}, {"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]}]) == ()
