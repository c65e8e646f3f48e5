"""Spans of a stack, as the services wrote them: OTLP JSON, one document a line."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lab.model import Window

MARGIN_NS = 2_000_000_000
"""A batch that was sent in the window may be settled a moment after it."""


def read_spans(files: Sequence[Path], window: Window) -> list[dict[str, object]]:
    """Documents with spans that begin within a window; a line that was torn when its writer died is left out."""
    return [
        document
        for file in files
        for line in _lines(file)
        if (document := _document(line)) is not None and _begins_within(document, window)
    ]


def _lines(file: Path) -> Iterator[str]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    yield from text.splitlines()


def _document(line: str) -> dict[str, Any] | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _begins_within(document: dict[str, Any], window: Window) -> bool:
    starts = [
        int(span.get("startTimeUnixNano", 0))
        for resource in document.get("resourceSpans", ())
        for scope in resource.get("scopeSpans", ())
        for span in scope.get("spans", ())
    ]
    return any(window.start_ns <= start <= window.end_ns + MARGIN_NS for start in starts)
