"""Only what `contracts/signals.py` declares is recorded."""

import pytest
from opentelemetry import metrics, trace

from services.contracts import signals
from services.telemetry.instruments import Instruments, Undeclared
from services.telemetry.tracing import Kind, Tracing

TRACEPARENT = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"


def test_a_span_refuses_an_attribute_that_it_does_not_declare() -> None:
    """With the error that a metric's label gets."""
    tracing = Tracing(trace.NoOpTracerProvider().get_tracer("t"))
    with (
        pytest.raises(Undeclared, match="does not declare the attribute 'planted'"),
        tracing.child(signals.APPEND_ENTRY, TRACEPARENT, {"planted": "x"}, kind=Kind.PRODUCER),
    ):
        pass


def test_a_counter_refuses_a_label_that_it_does_not_declare() -> None:
    """A label of one's own would be a series that nobody expects."""
    instruments = Instruments(metrics.NoOpMeterProvider().get_meter("t"), "ingest-api")
    with pytest.raises(Undeclared, match="planted"):
        instruments.add(signals.INGEST_EVENTS_ACCEPTED, 1, {"planted": "x"})
