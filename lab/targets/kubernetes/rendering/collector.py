"""Validates the configuration of the cluster's collector with a collector on this machine."""

import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from lab.errors import BadConfig
from lab.settings import LabSettings, find_program, inherited_environment
from lab.targets.kubernetes.objects import KubeObject

NAMES: Final = ("otelcol", "otelcol-contrib", "otelcol-lab")
"""Names of collectors on PATH."""
CONFIG, TARGET, FILE = "otel-collector", "otel-collector-target", "config.yaml"
"""Prefixes of two ConfigMaps' names, with the configuration and with its variables; key of the configuration."""
TIMEOUT_S: Final = 30.0
LONGEST_REFUSAL: Final = 400
"""Characters that are kept, from the end."""


def find_collector(settings: LabSettings) -> Path | None:
    """Return the program that the settings name, else a collector on PATH; None where there is none."""
    return settings.otelcol or next((path for name in NAMES if (path := find_program(name))), None)


def validate_collector(objects: Iterable[KubeObject], program: Path) -> None:
    """Have a collector validate the configuration among some objects.

    Raises:
        BadConfig: The collector refuses the configuration (E_OTEL_CONFIG), or cannot be run.
    """
    data = {item.name: item.body.get("data") or {} for item in objects if item.kind == "ConfigMap"}
    environment: dict[str, str] = {}
    for name, content in data.items():
        if name.startswith(TARGET):
            environment |= content
    for name, content in data.items():
        if name.startswith(CONFIG) and FILE in content:
            refusal = _refusal(program, str(content[FILE]), environment)
            if refusal:
                raise BadConfig(
                    "the collector would not start with its configuration",
                    found=f"{program.name} validate: {refusal}",
                    next_step="change manifests/base/collector-config.yaml, or name the collector that is deployed: "
                    "LAB_OTELCOL=/path/to/otelcol",
                    code="E_OTEL_CONFIG",
                )


def _refusal(program: Path, text: str, environment: dict[str, str]) -> str:
    """Return what a collector prints when it refuses a configuration; empty when it accepts."""
    with tempfile.TemporaryDirectory(prefix="lab-collector-") as name:
        path = Path(name) / FILE
        path.write_text(text, encoding="utf-8")
        try:
            done = subprocess.run(
                [str(program), "validate", "--config", str(path)],
                env=inherited_environment() | environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BadConfig(
                f"cannot run {program} to judge the collector's configuration",
                found=str(error),
                next_step="LAB_OTELCOL=/path/to/otelcol      (or take it off PATH)",
            ) from error
    if not done.returncode:
        return ""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return " ".join(lines)[-LONGEST_REFUSAL:] or f"exit {done.returncode}"
