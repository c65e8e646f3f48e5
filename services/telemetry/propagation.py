"""Trace context as the text that travels: W3C `traceparent`, in call metadata and in stream entries."""

import re
from typing import Final, NamedTuple

SHAPE: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
SAMPLED_FLAG: Final = 1


class TraceContext(NamedTuple):
    """Where a span belongs."""

    trace_id: int
    span_id: int
    sampled: bool


def parse(traceparent: str) -> TraceContext | None:
    """The context a header names; None where it names none.

    >>> parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").sampled
    True
    >>> parse("nonsense")
    """
    found = SHAPE.fullmatch(traceparent)
    if not found:
        return None
    trace_id, span_id = int(found[1], 16), int(found[2], 16)
    return TraceContext(trace_id, span_id, bool(int(found[3], 16) & SAMPLED_FLAG)) if trace_id and span_id else None


def is_sampled(traceparent: str) -> bool:
    """Whether spans of this trace are kept; cheap for the empty header nearly all batches have."""
    context = parse(traceparent) if traceparent else None
    return context is not None and context.sampled


def render(trace_id: int, span_id: int) -> str:
    """The header of a sampled span."""
    return f"00-{trace_id:032x}-{span_id:016x}-01"
