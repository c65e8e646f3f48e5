"""Reads the spans that the services wrote: OTLP JSON, one document a line."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from lab.model import NANOS, Window
from lab.runs.documents import JsonObject

MARGIN_NS: Final = 2 * NANOS
"""A batch that was sent in the window may be committed shortly after it."""


def read_spans(files: Sequence[Path], window: Window) -> list[dict[str, object]]:
    """Return the documents with spans that begin within a window; an incomplete line is skipped."""
    return [
        document
        for file in files
        for line in _lines(file)
        if (document := _document(line)) is not None and _begins_within(document, window)
    ]


def _lines(file: Path) -> Iterator[str]:
    try:
        # Not splitlines: a JSON string may hold U+2028 and its like.
        with file.open(encoding="utf-8", errors="replace", newline="\n") as lines:
            yield from lines
    except FileNotFoundError:
        return


def _document(line: str) -> JsonObject | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _begins_within(document: JsonObject, window: Window) -> bool:
    return any(window.start_ns <= start <= window.end_ns + MARGIN_NS for start in _starts(document))


def _starts(document: JsonObject) -> Iterator[int]:
    for resource in _objects(document, "resourceSpans"):
        for scope in _objects(resource, "scopeSpans"):
            begun = (str(span.get("startTimeUnixNano", "")) for span in _objects(scope, "spans"))
            yield from (int(start) for start in begun if start.isdecimal())


def _objects(within: JsonObject, key: str) -> Iterator[JsonObject]:
    listed = within.get(key)
    return (entry for entry in listed if isinstance(entry, dict)) if isinstance(listed, list) else iter(())
