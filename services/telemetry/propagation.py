"""Reads and writes W3C `traceparent`, the trace context in call metadata and in stream entries. Pure."""

import re
from typing import Final, NamedTuple

SHAPE: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
SAMPLED_FLAG: Final = 1


class TraceContext(NamedTuple):
    """Trace and span of a parent, and whether the trace is kept."""

    trace_id: int
    span_id: int
    sampled: bool


def parse(traceparent: str) -> TraceContext | None:
    """Return the context in a header; None for another text.

    >>> parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").sampled
    True
    >>> parse("nonsense")
    """
    match = SHAPE.fullmatch(traceparent)
    if not match:
        return None
    trace_id, span_id = int(match[1], 16), int(match[2], 16)
    return TraceContext(trace_id, span_id, bool(int(match[3], 16) & SAMPLED_FLAG)) if trace_id and span_id else None


def is_sampled(traceparent: str) -> bool:
    """Return whether spans of this trace are kept. Cheap for the empty header of nearly all batches."""
    context = parse(traceparent) if traceparent else None
    return context is not None and context.sampled


def render(trace_id: int, span_id: int) -> str:
    """Return the header of a sampled span."""
    return f"00-{trace_id:032x}-{span_id:016x}-01"
