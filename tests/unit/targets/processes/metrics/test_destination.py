"""The metrics of a stack are scraped unless the user's shell sends them elsewhere."""

import pytest

from lab.errors import BadConfig
from lab.targets.processes.metrics.destination import refuse_unscraped, telemetry_environment

SCRAPED = {
    "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1",
    "OTEL_EXPORTER_PROMETHEUS_PORT": "0",
    "OTEL_METRICS_EXPORTER": "prometheus",
}


@pytest.mark.parametrize(
    ("inherited", "left_out"),
    [
        ({}, set()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, set()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}, {"OTEL_METRICS_EXPORTER"}),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4317"}, {"OTEL_METRICS_EXPORTER"}),
        ({"OTEL_METRICS_EXPORTER": "console"}, {"OTEL_METRICS_EXPORTER"}),
        ({"OTEL_EXPORTER_PROMETHEUS_PORT": "9464"}, {"OTEL_EXPORTER_PROMETHEUS_PORT"}),
    ],
)
def test_a_variable_of_the_user_wins(inherited: dict[str, str], left_out: set[str]) -> None:
    """Where the user names an endpoint, the services choose the exporter."""
    assert telemetry_environment(inherited) == {name: SCRAPED[name] for name in SCRAPED.keys() - left_out}


def test_a_run_without_metrics_is_refused_before_anything_starts() -> None:
    """The next step takes the variable away."""
    with pytest.raises(BadConfig, match="a run needs metrics") as refused:
        refuse_unscraped({"OTEL_METRICS_EXPORTER": "none"})
    assert (refused.value.reason, refused.value.next_step.split("  ")[0]) == (
        "NO_TELEMETRY",
        "unset OTEL_METRICS_EXPORTER",
    )
    refuse_unscraped(SCRAPED)
