"""Refused events are counted in events, once per attempt."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from opentelemetry import trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider  # noqa: TID251  the test reads what is exported
from prometheus_client import CollectorRegistry

from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest, AppendStreamRequest
from services.contracts.limits import MAX_REQUEST_BYTES
from services.contracts.signals import INGEST_EVENTS_REFUSED
from services.ingest_api.admission import NotAdmitted
from services.ingest_api.servicer import IngestServicer
from services.ledger.connection import StoreSettings
from services.ledger.redis_ledger import RedisLedger
from services.telemetry.instruments import Instruments
from services.telemetry.tracing import Tracing
from tests.bench.load import batched_calls

NO_CONTEXT: Final[Any] = None
"""The servicer reads nothing of it."""


class Ingest:
    """An ingest-api whose store is never reached, since every request is refused before."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=self._registry)
        self.provider = MeterProvider([reader], shutdown_on_exit=False)
        settings = StoreSettings(redis_url="redis://127.0.0.1:9/0")
        ledger = RedisLedger(settings, "i", backlog_limit=1)
        instruments = Instruments(self.provider.get_meter("t"), "ingest-api")
        self.servicer = IngestServicer(ledger, instruments, Tracing(trace.NoOpTracerProvider().get_tracer("t")))

    def refused(self, reason: str) -> float | None:
        """Return the number of events that were refused for a reason."""
        return self._registry.get_sample_value(INGEST_EVENTS_REFUSED.prometheus_name, {"lab_reason": reason})


@pytest.fixture
def ingest() -> Iterator[Ingest]:
    """An ingest-api for one test."""
    ingest = Ingest()
    yield ingest
    ingest.provider.shutdown()


def request(events: int, **changes: object) -> AppendRequest:
    """Return a request of *events* events, with some fields changed."""
    request = AppendRequest.FromString(batched_calls(1, events, run="r", producer=b"p" * 16)[0])
    for name, value in changes.items():
        setattr(request, name, value)
    return request


def test_a_refused_batch_counts_its_events_at_every_attempt(ingest: Ingest) -> None:
    """Whether its envelope is at fault or one of its events."""
    bad_value = request(7)
    bad_value.batch.value[3] = float("nan")
    for refused in (bad_value, bad_value, request(5, producer_id=b"short"), request(5_001)):
        with pytest.raises(NotAdmitted):
            ingest.servicer.append(refused.SerializeToString(), NO_CONTEXT)
    assert [ingest.refused(reason) for reason in ("BAD_VALUE", "BAD_PRODUCER_ID", "BATCH_TOO_LARGE")] == [14, 5, 5_001]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(b"\xff" * 40, "MALFORMED"), (b"\0" * (MAX_REQUEST_BYTES + 1), "REQUEST_TOO_LARGE")],
    ids=["malformed", "too-large"],
)
def test_a_request_whose_events_cannot_be_told_counts_as_one(ingest: Ingest, raw: bytes, reason: str) -> None:
    """As the signal's meaning says."""
    assert "counts as one" in INGEST_EVENTS_REFUSED.meaning
    with pytest.raises(NotAdmitted):
        ingest.servicer.append(raw, NO_CONTEXT)
    assert ingest.refused(reason) == 1


def test_a_batch_without_events_counts_none(ingest: Ingest) -> None:
    """The number of its events is known: it is 0."""
    empty = request(1)
    empty.batch.Clear()
    empty.batch.schema = 1
    with pytest.raises(NotAdmitted):
        ingest.servicer.append(empty.SerializeToString(), NO_CONTEXT)
    assert ingest.refused("EMPTY_BATCH") == 0


def test_refusals_on_a_stream_are_counted_alike(ingest: Ingest) -> None:
    """Also a message that is no request at all."""
    messages = [AppendStreamRequest(append=request(4, run="")).SerializeToString(), b"\xff" * 40]
    answers = list(ingest.servicer.append_stream(iter(messages), NO_CONTEXT))
    assert [answer.refusal.reason for answer in answers] == ["BAD_RUN", "MALFORMED"]
    assert (ingest.refused("BAD_RUN"), ingest.refused("MALFORMED")) == (4, 1)
