"""The standard OpenTelemetry variables that decide where telemetry goes; the SDK reads the others itself."""

from pydantic import Field
from pydantic_settings import BaseSettings


class TelemetrySettings(BaseSettings, frozen=True, env_prefix="OTEL_", extra="ignore"):
    """Destinations of telemetry, by the names of the OpenTelemetry specification."""

    sdk_disabled: bool = False
    """Record nothing."""
    metrics_exporter: str = ""
    """`prometheus` to be scraped, `otlp`, or `none`. Empty means OTLP where an endpoint is configured."""
    exporter_prometheus_host: str = "127.0.0.1"
    """Address that the exposition listens on. The specification's default is `localhost`."""
    exporter_prometheus_port: int = Field(0, ge=0, le=65_535)
    """Port of the exposition; 0 chooses a free port, since four services share a machine. Specified default: 9464."""
    exporter_otlp_endpoint: str = ""
    """Collector for all signals."""
    exporter_otlp_metrics_endpoint: str = ""
    """Collector for metrics, where it differs."""
    exporter_otlp_traces_endpoint: str = ""
    """Collector for traces, where it differs."""

    @property
    def scraped(self) -> bool:
        """Whether Prometheus scrapes the metrics."""
        return self.metrics_exporter == "prometheus"

    @property
    def metrics_by_otlp(self) -> bool:
        """Whether metrics are pushed to a collector."""
        endpoint = self.exporter_otlp_metrics_endpoint or self.exporter_otlp_endpoint
        return bool(endpoint) and self.metrics_exporter in {"", "otlp"}

    @property
    def traces_by_otlp(self) -> bool:
        """Whether spans are pushed to a collector."""
        return bool(self.exporter_otlp_traces_endpoint or self.exporter_otlp_endpoint)
