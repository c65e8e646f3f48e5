"""A collector on this machine validates the configuration before it is applied."""

from pathlib import Path

import pytest

from lab.errors import BadConfig
from lab.settings import LabSettings
from lab.targets.kubernetes.objects import KubeObject
from lab.targets.kubernetes.rendering.collector import find_collector, validate_collector
from tests.rendered.samples import planted, rendered

REFUSING = """#!/bin/sh
test "$1 $2" = "validate --config" || exit 3
grep -q "logging" "$3" || exit 0
test -n "$PROMETHEUS_REMOTE_WRITE_URL" || exit 4
echo "'exporters' the logging exporter has been deprecated, use the debug exporter instead" >&2
exit 1
"""


@pytest.fixture
def refusing(tmp_path: Path) -> Path:
    """Return a program that refuses the `logging` exporter as a collector does, and accepts everything else."""
    program = tmp_path / "otelcol"
    program.write_text(REFUSING)
    program.chmod(0o755)
    return program


def with_logging() -> list[KubeObject]:
    """Return objects with a component that collectors no longer have."""

    def change(body: dict[str, dict[str, str]]) -> None:
        body["data"]["config.yaml"] = body["data"]["config.yaml"].replace("debug", "logging")

    return planted("ConfigMap", "otel-collector-", change, sample="k3s")


def test_a_configuration_that_is_refused_is_not_applied(refusing: Path) -> None:
    """With the collector's own sentence, in at most five lines, exit code 78."""
    validate_collector(rendered("k3s"), refusing)
    with pytest.raises(BadConfig) as refused:
        validate_collector(with_logging(), refusing)
    assert "use the debug exporter instead" in str(refused.value)
    assert (refused.value.exit_code, refused.value.reason) == (78, "E_OTEL_CONFIG")
    assert len(str(refused.value).splitlines()) <= 5


def test_a_program_that_cannot_run_is_named(tmp_path: Path) -> None:
    """The user asked for that program."""
    with pytest.raises(BadConfig, match="cannot run"):
        validate_collector(rendered("k3s"), tmp_path / "nothing")


def test_the_settings_name_the_collector(refusing: Path) -> None:
    """Whatever collector is on PATH."""
    assert find_collector(LabSettings(otelcol=refusing)) == refusing
