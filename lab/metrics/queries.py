"""PromQL text from declared signals.

Names come from `services.contracts.signals` alone, so that a query cannot ask for what no service emits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from services.contracts.signals import (
    CONSERVATION_RESIDUAL,
    END_TO_END_DURATION,
    INGEST_EVENTS_ACCEPTED,
    PROCESS_CPU_TIME,
    PROCESS_MEMORY_USAGE,
    PROMISED,
    RPC_SERVER_DURATION,
    SIMULATOR_ACKNOWLEDGEMENT,
    SIMULATOR_EVENTS_SENT,
    STREAM_BACKLOG,
    WORKER_EVENTS_PROCESSED,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.contracts.signals import Signal

RATE_SECONDS: Final = 5
"""A rate needs two samples; five scrapes of a second smooth it without hiding a second."""


class PasteQuery(NamedTuple):
    """A query to be pasted into Prometheus: the question it answers, its text, the unit of its answer."""

    question: str
    promql: str
    unit: str


def label_value(value: str) -> str:
    r"""A label's value as PromQL quotes it.

    >>> print(label_value('a "b" \\ c'))
    "a \"b\" \\ c"
    """
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def selector(name: str, labels: Mapping[str, str] | None = None) -> str:
    """Series of a metric with these labels.

    >>> selector("up", {"job": "lab/ingest-api"})
    'up{job="lab/ingest-api"}'
    """
    inside = ",".join(f"{label}={label_value(value)}" for label, value in sorted((labels or {}).items()))
    return f"{name}{{{inside}}}" if inside else name


def rate(signal: Signal, labels: Mapping[str, str] | None = None, *, seconds: int = RATE_SECONDS) -> str:
    """What a counter grows by per second, each process for itself."""
    return f"rate({selector(signal.prometheus_name, labels)}[{seconds}s])"


def total_rate(signal: Signal, labels: Mapping[str, str] | None = None, *, seconds: int = RATE_SECONDS) -> str:
    """What a counter grows by per second, all processes together.

    >>> total_rate(WORKER_EVENTS_PROCESSED)
    'sum(rate(worker_events_processed_total[5s]))'
    """
    return f"sum({rate(signal, labels, seconds=seconds)})"


def histogram_quantile(
    signal: Signal, quantile: float, labels: Mapping[str, str] | None = None, *, seconds: int = RATE_SECONDS
) -> str:
    """A quantile in seconds from a histogram's buckets; no finer than they are."""
    buckets = selector(f"{signal.prometheus_name}_bucket", labels)
    return f"histogram_quantile({quantile:g}, sum by (le) (rate({buckets}[{seconds}s])))"


def backlog() -> str:
    """Events accepted and not yet settled; several query-api processes say the same, so the largest is taken."""
    return f"max({STREAM_BACKLOG.prometheus_name})"


def processor_share(*, seconds: int = RATE_SECONDS) -> str:
    """CPU seconds per second of each service."""
    return f"sum by (job) ({rate(PROCESS_CPU_TIME, seconds=seconds)})"


def queries_to_paste() -> tuple[PasteQuery, ...]:
    """What a reader of a report may want to ask Prometheus for itself."""
    return (
        PasteQuery("How many events are offered?", total_rate(SIMULATOR_EVENTS_SENT), "events/s"),
        PasteQuery("How many are accepted?", total_rate(INGEST_EVENTS_ACCEPTED), "events/s"),
        PasteQuery("How many are counted?", total_rate(WORKER_EVENTS_PROCESSED), "events/s"),
        PasteQuery("How many wait?", backlog(), "events"),
        PasteQuery("Does the ledger close?", f"max({CONSERVATION_RESIDUAL.prometheus_name})", "events"),
        PasteQuery("How slow is an acknowledgement?", histogram_quantile(SIMULATOR_ACKNOWLEDGEMENT, 0.99), "s"),
        PasteQuery("How long until an event is counted?", histogram_quantile(END_TO_END_DURATION, 0.99), "s"),
        PasteQuery("How slow is a call, seen by its server?", histogram_quantile(RPC_SERVER_DURATION, 0.99), "s"),
        PasteQuery("What does each service cost?", processor_share(), "CPU s/s"),
        PasteQuery("How much memory does it take?", f"sum by (job) ({PROCESS_MEMORY_USAGE.prometheus_name})", "bytes"),
        PasteQuery("Which promised counters are there?", _promised(), "series"),
    )


def _promised() -> str:
    names = "|".join(sorted(signal.prometheus_name for signal in PROMISED.values()))
    return f'count by (__name__) ({{__name__=~"{names}"}})'
