"""Sets up providers and exporters from the environment, as the only user of the SDK."""

import logging
import os
import platform
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, cast

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry

from services.telemetry.exposition import Exposition
from services.telemetry.settings import TelemetrySettings
from services.telemetry.span_file import SpanFile

NAMESPACE: Final = "lab"
SCOPE: Final = "lab"
EXPORT_TIMEOUT_S: Final = 1
SHUTDOWN_S: Final = 2.0
SPAN_DELAY_MS: Final = 500
"""Milliseconds until finished spans are written together. A SIGKILL may lose the spans of that time."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """Service, version and instance of a process."""

    service: str
    version: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The recorders of a process, and how recording ends.

    Attributes:
        meter: Makes instruments.
        tracer: Makes spans.
        exposition: The scraped endpoint; None where metrics are pushed or dropped.
        closers: Called at shutdown, each on a thread of its own.
        flush_metrics: Pushes metrics now, where they are pushed.
    """

    meter: Meter
    tracer: Tracer
    exposition: Exposition | None = None
    closers: Sequence[Callable[[], object]] = ()
    flush_metrics: Callable[[], object] = field(default=lambda: None)

    @property
    def metrics_address(self) -> str:
        """host:port of the scraped endpoint, or empty."""
        return self.exposition.address if self.exposition else ""

    def await_last_scrape(self, seconds: float) -> None:
        """Wait at most *seconds* for one more scrape, or push once, so that the last counts are seen."""
        if self.exposition:
            self.exposition.await_fetch(seconds)
        else:
            _all_within([self.flush_metrics], seconds=min(seconds, EXPORT_TIMEOUT_S))

    def shutdown(self) -> None:
        """Shut down within two seconds, whatever the collector does."""
        _all_within(self.closers, seconds=SHUTDOWN_S)
        if self.exposition:
            self.exposition.close()


def set_up(identity: Identity, settings: TelemetrySettings, *, spans_file: Path | None = None) -> Telemetry:
    """Return recorders as the environment says. Where that fails, the log says so and nothing is recorded."""
    if settings.sdk_disabled:
        return _no_telemetry()
    # An exporter without a timeout would outlast every grace period. Python reads this variable in seconds.
    os.environ.setdefault("OTEL_EXPORTER_OTLP_TIMEOUT", str(EXPORT_TIMEOUT_S))
    try:
        return _providers(identity, settings, spans_file)
    except Exception:
        log.exception("telemetry could not be set up; this process goes on without")
        return _no_telemetry()


def _no_telemetry() -> Telemetry:
    meter = metrics.NoOpMeterProvider().get_meter(SCOPE)
    return Telemetry(meter, trace.NoOpTracerProvider().get_tracer(SCOPE))


def _providers(identity: Identity, settings: TelemetrySettings, spans_file: Path | None) -> Telemetry:
    resource = _resource(identity)
    exposition, readers = _readers(identity, settings)
    meters = MeterProvider(readers, resource, shutdown_on_exit=False)
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    for exporter in _span_exporters(settings, spans_file):
        tracers.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=SPAN_DELAY_MS))
    return Telemetry(
        meters.get_meter(SCOPE, identity.version),
        tracers.get_tracer(SCOPE, identity.version),
        exposition,
        closers=(meters.shutdown, tracers.shutdown),
        flush_metrics=meters.force_flush,
    )


def _resource(identity: Identity) -> Resource:
    return Resource.create(
        {
            "service.name": identity.service,
            "service.namespace": NAMESPACE,
            "service.version": identity.version,
            "service.instance.id": identity.instance_id,
            "host.arch": platform.machine(),
            "host.name": platform.node(),
        }
    )


def _readers(identity: Identity, settings: TelemetrySettings) -> tuple[Exposition | None, list[MetricReader]]:
    if settings.scraped:
        return _scraped(identity, settings)
    if settings.metrics_by_otlp:
        return None, [PeriodicExportingMetricReader(OTLPMetricExporter())]
    return None, []


def _scraped(identity: Identity, settings: TelemetrySettings) -> tuple[Exposition, list[MetricReader]]:
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(scope_info_enabled=False, registry=registry)
    labels = {"job": f"{NAMESPACE}/{identity.service}", "instance": identity.instance_id}
    host, port = settings.exporter_prometheus_host, settings.exporter_prometheus_port
    return Exposition(registry, labels, host=host, port=port), [reader]


def _span_exporters(settings: TelemetrySettings, spans_file: Path | None) -> list[SpanExporter]:
    exporters: list[SpanExporter] = []
    if settings.traces_by_otlp:
        exporters.append(OTLPSpanExporter())
    if spans_file:
        exporters.append(FileSpanExporter(stream=cast("IO[str]", SpanFile(spans_file))))
    return exporters


def _all_within(closers: Sequence[Callable[[], object]], *, seconds: float) -> None:
    """Call all *closers* at once and wait at most *seconds* for all of them together."""
    threads = [threading.Thread(target=closer, daemon=True) for closer in closers]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
