"""Spans are read from files that a killed service left."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.analysis.traces import spans as traces
from lab.model import Window
from lab.runs.spans import MARGIN_NS, read_spans

WINDOW = Window(1_000, 2_000)


def document(start: object, *, name: str = "send") -> dict[str, Any]:
    """Return a line of a file of spans."""
    span = {"name": name, "traceId": "a", "spanId": "b", "startTimeUnixNano": start, "endTimeUnixNano": "2000"}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def written(file: Path, *documents: object) -> Path:
    """Return a file with these documents, as an exporter that escapes nothing writes them."""
    file.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in documents), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("start", "kept"),
    [("999", False), ("1000", True), (1_500, True), (str(2_000 + MARGIN_NS), True), (str(2_001 + MARGIN_NS), False)],
)
def test_a_span_belongs_to_the_window_it_begins_in(tmp_path: Path, start: object, *, kept: bool) -> None:
    """Bounds included, with a margin for commits after it; times may be strings or numbers."""
    assert bool(read_spans([written(tmp_path / "a", document(start))], WINDOW)) is kept


def test_a_line_separator_within_a_name_tears_no_line(tmp_path: Path) -> None:
    """JSON allows U+2028 and U+0085 within a string, and a file to replay may hold them."""
    odd = document("1500", name="a\u2028b\u0085c")
    assert read_spans([written(tmp_path / "a", odd)], WINDOW) == [odd]


@pytest.mark.parametrize(
    "odd",
    [7, None, {}, {"resourceSpans": 3}, {"resourceSpans": [1]}, {"resourceSpans": [{"scopeSpans": [{"spans": "x"}]}]}],
)
def test_a_line_without_spans_is_left_out(tmp_path: Path, odd: object) -> None:
    """The lines beside it are kept."""
    good = document("1500")
    assert read_spans([written(tmp_path / "a", odd, good, document("soon"))], WINDOW) == [good]


def test_a_line_torn_within_a_character_is_left_out(tmp_path: Path) -> None:
    """A kill may cut UTF-8 in two."""
    file = written(tmp_path / "a", document("1500"))
    file.write_bytes(file.read_bytes() + json.dumps(document("1500", name="é"), ensure_ascii=False).encode()[:50])
    with file.open("ab") as more:
        more.write("é".encode()[:1])
    assert len(read_spans([file], WINDOW)) == 1


def test_the_analysis_reads_what_was_kept(tmp_path: Path) -> None:
    """Documents go from the file to the waterfall unchanged."""
    [span] = traces.read_spans(read_spans([written(tmp_path / "a", document("1500"))], WINDOW))
    assert (span.name, span.start_ns, span.end_ns) == ("send", 1_500, 2_000)
