"""The standard OpenTelemetry variables that decide where telemetry goes; the SDK reads the rest itself."""

from pydantic import Field
from pydantic_settings import BaseSettings


class TelemetrySettings(BaseSettings, frozen=True, env_prefix="OTEL_", extra="ignore"):
    """Where telemetry goes. These are the specification's own names, so what users know works here."""

    sdk_disabled: bool = False
    """Everything becomes a no-op."""
    metrics_exporter: str = ""
    """`prometheus` to be scraped, `otlp`, or `none`; empty means OTLP where an endpoint is configured."""
    exporter_prometheus_host: str = "127.0.0.1"
    """Address the exposition listens on; the specification's default is `localhost`."""
    exporter_prometheus_port: int = Field(0, ge=0, le=65_535)
    """Its port; 0 chooses a free one, since four services share a machine. The specification's default is 9464."""
    exporter_otlp_endpoint: str = ""
    """Collector for all signals."""
    exporter_otlp_metrics_endpoint: str = ""
    """Collector for metrics, where it is another one."""
    exporter_otlp_traces_endpoint: str = ""
    """Collector for traces, where it is another one."""

    @property
    def scraped(self) -> bool:
        """Whether Prometheus fetches the metrics."""
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
