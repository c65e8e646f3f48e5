"""Declared signals: promised names, names in Prometheus, bounded labels."""

import re

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider  # noqa: TID251  the test asks the real exporter
from prometheus_client import CollectorRegistry, generate_latest

from services.contracts import signals
from services.contracts.signals import LATENCY_BOUNDARIES, PROMISED, SIGNALS, SPANS, Signal

DECLARED = sorted({signal for group in SIGNALS.values() for signal in group}, key=lambda signal: signal.name)
UNBOUNDED = {signals.RUN, signals.BATCH_SEQUENCE, signals.MESSAGING_MESSAGE, signals.MESSAGING_CLIENT}
SAMPLE = re.compile(r"^([a-z_]+?)(?:_bucket|_count|_sum)?(?:\{.*\})? ", flags=re.MULTILINE)


def test_the_promised_names_are_these() -> None:
    """Users build dashboards on them, so they change by a decision alone (D18)."""
    assert {service: signal.prometheus_name for service, signal in PROMISED.items()} == {
        "ingest-api": "ingest_events_accepted_total",
        "process-worker": "worker_events_processed_total",
        "query-api": "query_requests_total",
        "simulator": "simulator_events_sent_total",
    }


@pytest.mark.parametrize("service", PROMISED)
def test_a_promised_counter_is_declared_for_its_service(service: str) -> None:
    """A promised signal is a counter, which can start at 0."""
    assert PROMISED[service] in SIGNALS[service]
    assert PROMISED[service].instrument == "counter"


@pytest.mark.parametrize("signal", DECLARED, ids=lambda signal: signal.name)
def test_the_exporter_gives_the_declared_prometheus_name(signal: Signal) -> None:
    """Queries are built from `prometheus_name`, which must equal the real exporter's name."""
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=registry)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    _record_once(provider, signal)

    names = set(SAMPLE.findall(generate_latest(registry).decode()))
    provider.shutdown()

    assert names == {signal.prometheus_name}


def _record_once(provider: MeterProvider, signal: Signal) -> None:
    meter = provider.get_meter("test")
    if signal.instrument == "counter":
        meter.create_counter(signal.name, signal.unit).add(1)
    elif signal.instrument == "gauge":
        meter.create_gauge(signal.name, signal.unit).set(1)
    else:
        meter.create_histogram(signal.name, signal.unit).record(1)


def test_no_two_signals_share_a_name() -> None:
    """Neither declared names nor names in Prometheus."""
    assert len({signal.name for signal in DECLARED}) == len(DECLARED)
    assert len({signal.prometheus_name for signal in DECLARED}) == len(DECLARED)


@pytest.mark.parametrize("signal", DECLARED, ids=lambda signal: signal.name)
def test_no_label_can_grow_without_bound(signal: Signal) -> None:
    """Ids and sequence numbers belong to spans and logs."""
    assert not UNBOUNDED & set(signal.labels)


@pytest.mark.parametrize("signal", DECLARED, ids=lambda signal: signal.name)
def test_a_signal_says_what_it_means(signal: Signal) -> None:
    """One phrase without a full stop at its end; durations are in seconds."""
    assert signal.meaning
    assert not signal.meaning.endswith(".")
    assert signal.instrument != "histogram" or signal.unit == "s"


def test_every_declared_signal_belongs_to_a_service() -> None:
    """A constant that no service emits would be a promise without a sender."""
    constants = {value for value in vars(signals).values() if isinstance(value, Signal)}
    spans = {value for value in vars(signals).values() if isinstance(value, signals.SpanSignal)}

    assert constants == set(DECLARED)
    assert spans == set(SPANS)


def test_latency_boundaries_resolve_every_decade() -> None:
    """At least five boundaries a decade from 0.1 ms to 10 s, so that a p99 of 3 ms is visible."""
    assert list(LATENCY_BOUNDARIES) == sorted(set(LATENCY_BOUNDARIES))
    assert (LATENCY_BOUNDARIES[0], LATENCY_BOUNDARIES[-1]) == (0.0001, 10.0)
    for decade in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
        assert sum(decade <= boundary < 10 * decade for boundary in LATENCY_BOUNDARIES) >= 5
