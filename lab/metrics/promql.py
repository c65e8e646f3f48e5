"""PromQL texts over declared signals.

Names come from `services.contracts.signals` alone, so that no query asks for a metric that no service emits.
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
    from services.contracts.signals import Signal

RATE_SECONDS: Final = 5
"""A rate needs two samples. Five scrapes, at one a second, smooth the rate without hiding a second."""


class PasteQuery(NamedTuple):
    """A query to paste into Prometheus: the question it answers, its text, the unit of its answer."""

    question: str
    promql: str
    unit: str


def rate(signal: Signal) -> str:
    """Return the growth of a counter per second, for each process."""
    return f"rate({signal.prometheus_name}[{RATE_SECONDS}s])"


def total_rate(signal: Signal) -> str:
    """Return the growth of a counter per second, over all processes.

    >>> total_rate(WORKER_EVENTS_PROCESSED)
    'sum(rate(worker_events_processed_total[5s]))'
    """
    return f"sum({rate(signal)})"


def histogram_quantile(signal: Signal, quantile: float) -> str:
    """Return a quantile in seconds from a histogram's buckets, no finer than the buckets."""
    buckets = f"{signal.prometheus_name}_bucket[{RATE_SECONDS}s]"
    return f"histogram_quantile({quantile:g}, sum by (le) (rate({buckets})))"


def backlog() -> str:
    """Return the events that are accepted and not yet committed.

    Every query-api process reports the same backlog, so that a sum would count it several times.
    """
    return f"max({STREAM_BACKLOG.prometheus_name})"


def processor_share() -> str:
    """Return the CPU seconds per second of each service."""
    return f"sum by (job) ({rate(PROCESS_CPU_TIME)})"


def queries_to_paste() -> tuple[PasteQuery, ...]:
    """Return the queries that a reader of a report may want to run."""
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
        PasteQuery(
            "How much memory does each service take?", f"sum by (job) ({PROCESS_MEMORY_USAGE.prometheus_name})", "bytes"
        ),
        PasteQuery("Which promised counters are there?", _promised(), "series"),
    )


def _promised() -> str:
    names = "|".join(sorted(signal.prometheus_name for signal in PROMISED.values()))
    return f'count by (__name__) ({{__name__=~"{names}"}})'
