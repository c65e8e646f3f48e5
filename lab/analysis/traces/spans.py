"""Spans read from OTLP JSON documents, joined into traces."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

from services.contracts.signals import APPEND_ENTRY, COMMIT_ENTRIES, PROCESS_ENTRY, SEND_BATCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


class Span(NamedTuple):
    """One operation of one service; times are nanoseconds since the epoch, *links* are span ids."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    service: str
    start_ns: int
    end_ns: int
    links: tuple[str, ...] = ()

    @property
    def duration_ms(self) -> float:
        """The duration of the operation."""
        return (self.end_ns - self.start_ns) / 1e6


class CompleteTrace(NamedTuple):
    """The whole path of one batch. A commit covers several batches, so that `commit` may be of another trace."""

    send: Span
    serve: Span
    append: Span
    process: Span
    commit: Span

    @property
    def duration_ms(self) -> float:
        """The time from the send to the commit."""
        return (self.commit.end_ns - self.send.start_ns) / 1e6


def read_spans(documents: Iterable[Mapping[str, object]]) -> tuple[Span, ...]:
    """Return the spans of OTLP JSON documents, which are the lines of a file; anything but a span is left out.

    See https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.
    """
    return tuple(
        span
        for document in documents
        for resource in _mappings(document.get("resourceSpans"))
        for scope in _mappings(resource.get("scopeSpans"))
        for raw in _mappings(scope.get("spans"))
        if (span := _span(raw, _service(resource))) is not None
    )


def complete_traces(spans: Sequence[Span]) -> tuple[CompleteTrace, ...]:
    """Return the traces of which every stage was recorded, ordered by the time of the send."""
    traces: dict[str, list[Span]] = defaultdict(list)
    commit_of: dict[str, Span] = {}
    for span in sorted(spans, key=lambda span: span.start_ns):
        traces[span.trace_id].append(span)
        if span.name == COMMIT_ENTRIES.name:
            commit_of.update(dict.fromkeys((span.parent_id, *span.links), span))
    joined = (_complete(trace, commit_of) for trace in traces.values())
    return tuple(trace for trace in joined if trace is not None)


def _complete(trace: Sequence[Span], commit_of: Mapping[str, Span]) -> CompleteTrace | None:
    """Return the stages of one batch; None where one was not recorded.

    An entry that was delivered several times has several `process` spans. The committed one counts.
    """
    send = next((span for span in trace if span.name == SEND_BATCH.name and not span.parent_id), None)
    serve = next((span for span in trace if span.name == SEND_BATCH.name and span.parent_id), None)
    append = next((span for span in trace if span.name == APPEND_ENTRY.name), None)
    process, commit = _committed(trace, append, commit_of)
    if send is None or serve is None or append is None or process is None or commit is None:
        return None
    return CompleteTrace(send, serve, append, process, commit)


def _committed(
    trace: Sequence[Span], append: Span | None, commit_of: Mapping[str, Span]
) -> tuple[Span | None, Span | None]:
    """Return the processing that was committed, and its commit, which links to the processing or to the append."""
    appended = append.span_id if append is not None else ""
    for span in reversed(trace):
        if span.name == PROCESS_ENTRY.name and (commit := commit_of.get(span.span_id) or commit_of.get(appended)):
            return span, commit
    return None, None


def _mappings(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, list):
        yield from filter(_is_mapping, value)


def _is_mapping(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _service(resource: Mapping[str, object]) -> str:
    inner = resource.get("resource")
    for attribute in _mappings(inner.get("attributes") if _is_mapping(inner) else None):
        value = attribute.get("value")
        if attribute.get("key") == "service.name" and _is_mapping(value):
            return str(value.get("stringValue", ""))
    return ""


def _span(raw: Mapping[str, object], service: str) -> Span | None:
    start, end = (str(raw.get(key, "")) for key in ("startTimeUnixNano", "endTimeUnixNano"))
    if not (start.isdecimal() and end.isdecimal()):
        return None
    return Span(
        trace_id=str(raw.get("traceId", "")),
        span_id=str(raw.get("spanId", "")),
        parent_id=str(raw.get("parentSpanId", "")),
        name=str(raw.get("name", "")),
        service=service,
        start_ns=int(start),
        end_ns=int(end),
        links=tuple(str(link.get("spanId", "")) for link in _mappings(raw.get("links"))),
    )
