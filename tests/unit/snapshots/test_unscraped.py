"""The variable that keeps a service from being scraped is found."""

import pytest

from lab.snapshots.unscraped import not_scraped


@pytest.mark.parametrize(
    ("variables", "variable"),
    [
        ({}, ""),
        ({"OTEL_SDK_DISABLED": "false"}, ""),
        ({"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:4317"}, ""),
        ({"OTEL_SDK_DISABLED": "TRUE", "OTEL_METRICS_EXPORTER": "prometheus"}, "OTEL_SDK_DISABLED"),
        ({"OTEL_METRICS_EXPORTER": "console"}, "OTEL_METRICS_EXPORTER"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:4317"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:1", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://h:2"},
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, ""),
    ],
)
def test_the_variable_that_decides_is_named(variables: dict[str, str], variable: str) -> None:
    """A named exporter wins over an endpoint, and the endpoint of metrics over that of everything."""
    elsewhere = not_scraped(variables)
    assert (elsewhere.variable if elsewhere else "") == variable
    assert elsewhere is None or elsewhere.why.startswith(variable)
