"""Spans of a stack that stays up for days do not fill its disk."""

from pathlib import Path

from services.telemetry.span_file import SpanFile

LINE = '{"spans": "é"}\n'
BYTES = len(LINE.encode())


def test_the_newest_spans_are_kept(tmp_path: Path) -> None:
    """In a file and the file before it, line by line."""
    with SpanFile(tmp_path / "query-api.jsonl", kept_bytes=3 * BYTES) as spans:
        for number in range(20):
            spans.write(LINE.replace("é", f"{number:02d}"))
            spans.flush()

    files = sorted(tmp_path.glob("*.jsonl"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert [file.name for file in files] == ["query-api.1.jsonl", "query-api.jsonl"]
    assert [line[11:13] for line in lines] == ["15", "16", "17", "18", "19"]


def test_a_restarted_service_goes_on_with_its_file(tmp_path: Path) -> None:
    """Its limit counts what is there."""
    for _ in range(4):
        with SpanFile(tmp_path / "a.jsonl", kept_bytes=3 * BYTES) as spans:
            spans.write(LINE)

    assert (tmp_path / "a.1.jsonl").read_text() == 3 * LINE
    assert (tmp_path / "a.jsonl").read_text() == LINE


def test_a_text_that_is_larger_than_a_file_is_kept_whole(tmp_path: Path) -> None:
    """Half a line could not be read."""
    with SpanFile(tmp_path / "a.jsonl", kept_bytes=1) as spans:
        spans.write(LINE)
        spans.write(LINE)

    assert (tmp_path / "a.jsonl").read_text() == (tmp_path / "a.1.jsonl").read_text() == LINE
