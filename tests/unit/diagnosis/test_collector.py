"""The step for a collector's configuration, run as it is pasted, with a `kubectl` that reads and writes files."""

import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.diagnosis.builders import COLLECTOR_YAML
from tests.unit.diagnosis.faulty import collector_logs
from tests.unit.diagnosis.findings import only

VALID = "(valid values: [debug otlp otlp_grpc otlp_http prometheus_remote_write span_metrics])"
SHORT_VALID = "(valid values: [prometheus prometheus_remote_write otlp_grpc otlp debug k8s_attributes])"
KUBECTL = """kubectl() {
  case " $* " in
    *" get "*) cat before.yaml ;;
    *" replace "*) cat > after.yaml ;;
  esac
}
"""
BLOCKS = """receivers:
  otlp:
    protocols: {grpc: {endpoint: "0.0.0.0:4317"}}
  jaeger:
    protocols: {grpc: {endpoint: "jaeger:14250"}}
exporters:
  # jaeger: was here before
  jaeger:
    endpoint: "jaeger-collector:14250"
    headers: {to: jaeger}
  jaeger/second:
    endpoint: jaeger.example:14250
  debug: {}
service:
  pipelines:
    traces:
      receivers: [otlp, jaeger]
      exporters: [jaeger, jaeger/second, debug]
    traces/slow:
      receivers:
        - jaeger
      exporters:
        - jaeger
        - debug
"""
BLOCKS_AFTER = """receivers:
  otlp:
    protocols: {grpc: {endpoint: "0.0.0.0:4317"}}
  jaeger:
    protocols: {grpc: {endpoint: "jaeger:14250"}}
exporters:
  # jaeger: was here before
  otlp_grpc:
    endpoint: "jaeger-collector:14250"
    headers: {to: jaeger}
  otlp_grpc/second:
    endpoint: jaeger.example:14250
  debug: {}
service:
  pipelines:
    traces:
      receivers: [otlp, jaeger]
      exporters: [otlp_grpc, otlp_grpc/second, debug]
    traces/slow:
      receivers:
        - jaeger
      exporters:
        - otlp_grpc
        - debug
"""
FLOW = """receivers: {otlp: {protocols: {grpc: {}}}}
exporters: {logging: {loglevel: info}, otlp: {endpoint: "logging:4317"}}
service:
  telemetry: {logs: {level: info}}
  pipelines:
    metrics: {receivers: [otlp], exporters: [otlp, logging]}
"""
FLOW_AFTER = """receivers: {otlp: {protocols: {grpc: {}}}}
exporters: {debug: {verbosity: detailed}, otlp: {endpoint: "logging:4317"}}
service:
  telemetry: {logs: {level: info}}
  pipelines:
    metrics: {receivers: [otlp], exporters: [otlp, debug]}
"""
CONNECTED = """connectors:
  spanmetrics: {}
exporters:
  debug: {}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [spanmetrics]}
    metrics: {receivers: [spanmetrics], exporters: [debug]}
"""


def pasted(step: str, configuration: str, folder: Path) -> str:
    """Return what is in the ConfigMap after a step was pasted."""
    data = "".join(f"    {line}\n" if line else "\n" for line in configuration.splitlines())
    rest = "kind: ConfigMap\nmetadata:\n  name: otel-collector\n"
    other = "  aaa.yaml: |\n" + "    exporters: {jaeger: {}, logging: {}}\n" * 40
    (folder / "before.yaml").write_text(f"apiVersion: v1\ndata:\n{other}  config.yaml: |\n{data}{rest}")
    done = subprocess.run(["bash", "-c", KUBECTL + step], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    before, after = (yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in ("before", "after"))
    assert after["data"].pop("aaa.yaml") == before["data"]["aaa.yaml"]
    return str(after["data"]["config.yaml"])


@pytest.mark.parametrize(
    ("before", "line", "after"),
    [
        (BLOCKS, f'\'exporters\' unknown type: "jaeger" for id: "jaeger" {VALID}', BLOCKS_AFTER),
        (
            FLOW,
            "'exporters' the logging exporter has been deprecated, use the debug exporter instead",
            FLOW_AFTER,
        ),
        (
            CONNECTED,
            f'\'connectors\' unknown type: "spanmetrics" for id: "spanmetrics" {VALID}',
            CONNECTED.replace("spanmetrics", "span_metrics"),
        ),
        (
            FLOW.replace("logging", "debug"),
            "'debugexporter.Config' has invalid keys: loglevel",
            FLOW_AFTER.replace("logging", "debug"),
        ),
    ],
    ids=["blocks", "flow", "connector", "option"],
)
def test_a_component_is_renamed_where_it_is_one(before: str, line: str, after: str, tmp_path: Path) -> None:
    """Its key and its uses are renamed. Addresses, receivers of the same name, other files and comments stay."""
    finding = only(collector_logs(before, "Error: failed to get config", line))
    assert pasted(finding.do, before, tmp_path) == after
    assert shlex.split(finding.do)[-1] == "deployment/otel-collector-amd64"


def test_the_newest_refusal_is_the_one_that_holds() -> None:
    """An older line is of a configuration that was edited since."""
    older = "'exporters' the logging exporter has been deprecated, use the debug exporter instead"
    newer = f'\'exporters\' unknown type: "jaeger" for id: "jaeger" {VALID}'
    assert "jaeger" in only(collector_logs(BLOCKS, older, newer)).title


def test_a_text_that_kubectl_writes_in_one_line_is_edited_by_hand() -> None:
    """A blank at the end of a line makes kubectl do so, and there is no line to change."""
    line = "'exporters' the logging exporter has been deprecated, use the debug exporter instead"
    finding = only(collector_logs(FLOW.replace("service:", "service: "), line))
    assert "edit configmap/otel-collector" in finding.do


def unknown(section: str, name: str) -> str:
    """Return what a collector logs about a component that it does not have."""
    return f'\'{section}\' unknown type: "{name}" for id: "{name}" {SHORT_VALID}'


@pytest.mark.parametrize(
    ("before", "after", "line", "word"),
    [
        ("debug", "jaeger", unknown("exporters", "jaeger"), "/otlp_grpc/"),
        ("batch", "k8sattributes", unknown("processors", "k8sattributes"), "/k8s_attributes/"),
        ("batch", "spanmetrics", unknown("processors", "spanmetrics"), "edit configmap/otel-collector"),
        ("debug: {}", "debug: {loglevel: debug}", "'debugexporter.Config' has invalid keys: loglevel", "verbosity"),
        (
            "[prometheus_remote_write, debug]",
            "[otlp]",
            'Error: service::pipelines::metrics: references exporter "otlp" which is not configured',
            "edit configmap/otel-collector",
        ),
    ],
)
def test_what_a_collector_refuses(before: str, after: str, line: str, word: str) -> None:
    """The messages are those of version 0.155. Each finding names file and line."""
    finding = only(collector_logs(COLLECTOR_YAML.replace(before, after), "Error: failed to get config", line))
    assert "otel-collector, config.yaml:" in finding.found
    assert word in finding.do


def test_an_option_of_the_removed_exporter_is_replaced_with_it() -> None:
    """`debug` refuses the option that `logging` had."""
    configuration = COLLECTOR_YAML.replace("debug: {}", "logging: {loglevel: debug}").replace("debug]", "logging]")
    line = "'exporters' the logging exporter has been deprecated, use the debug exporter instead"
    assert "verbosity: detailed" in only(collector_logs(configuration, line)).do
