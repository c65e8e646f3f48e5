"""Makes spans of sampled batches."""

import enum
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from services.contracts.signals import ERROR_TYPE, SpanSignal
from services.telemetry.instruments import Undeclared
from services.telemetry.propagation import parse, render

Attribute = str | int | float | bool


class Kind(enum.Enum):
    """Role of a span in its trace."""

    CLIENT = SpanKind.CLIENT
    SERVER = SpanKind.SERVER
    PRODUCER = SpanKind.PRODUCER
    CONSUMER = SpanKind.CONSUMER


class SpanHandle:
    """A span under way. `traceparent` is the context for its children, empty where nothing is recorded."""

    def __init__(self, span: Span | None, signal: SpanSignal) -> None:
        self._span, self._signal = span, signal
        self.traceparent = ""
        if span is not None and span.get_span_context().trace_flags.sampled:
            context = span.get_span_context()
            self.traceparent = render(context.trace_id, context.span_id)

    def set(self, key: str, value: Attribute) -> None:
        """Set one of the attributes that the signal declares."""
        if self._span is not None:
            _declared(self._signal, key)
            self._span.set_attribute(key, value)

    def fail(self, error_type: str) -> None:
        """Mark the span as failed; *error_type* is a status or the name of an error, never a message."""
        if self._span is not None:
            self._span.set_attribute(ERROR_TYPE, error_type)
            self._span.set_status(Status(StatusCode.ERROR))


NO_SPAN: Final = SpanHandle(None, SpanSignal("", "", ()))


class Tracing:
    """Makes declared spans."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def root(self, signal: SpanSignal, attributes: Mapping[str, Attribute]) -> Iterator[SpanHandle]:
        """Begin a trace with a client span. The caller has decided to sample."""
        span = self._tracer.start_span(
            signal.name,
            context=trace.set_span_in_context(trace.INVALID_SPAN),
            kind=SpanKind.CLIENT,
            attributes=_checked(signal, attributes),
        )
        with trace.use_span(span, end_on_exit=True, record_exception=False):
            yield SpanHandle(span, signal)

    @contextmanager
    def child(  # noqa: PLR0913  a span has that many parts
        self,
        signal: SpanSignal,
        traceparent: str,
        attributes: Mapping[str, Attribute],
        *,
        kind: Kind,
        links: Sequence[str] = (),
        name: str = "",
        start_ns: int | None = None,
    ) -> Iterator[SpanHandle]:
        """Make a span below *traceparent*; none where that is not sampled. *name* fills the signal's placeholder."""
        parent = parse(traceparent) if traceparent else None
        if parent is None or not parent.sampled:
            yield NO_SPAN
            return
        span = self._tracer.start_span(
            name or signal.name,
            context=trace.set_span_in_context(NonRecordingSpan(_context(traceparent))),
            kind=kind.value,
            attributes=_checked(signal, attributes),
            links=[Link(_context(link)) for link in links],
            start_time=start_ns,
        )
        with trace.use_span(span, end_on_exit=True, record_exception=False):
            yield SpanHandle(span, signal)


def _context(traceparent: str) -> SpanContext:
    parsed = parse(traceparent)
    if parsed is None:
        return trace.INVALID_SPAN_CONTEXT
    flags = TraceFlags(TraceFlags.SAMPLED if parsed.sampled else TraceFlags.DEFAULT)
    return SpanContext(parsed.trace_id, parsed.span_id, is_remote=True, trace_flags=flags)


def _checked(signal: SpanSignal, attributes: Mapping[str, Attribute]) -> Mapping[str, Attribute]:
    for key in attributes:
        _declared(signal, key)
    return attributes


def _declared(signal: SpanSignal, key: str) -> None:
    if key not in signal.attributes:
        raise Undeclared(f"span {signal.name!r} does not declare the attribute {key!r}; see contracts/signals.py")
