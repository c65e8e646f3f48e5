"""A collector's word on the configuration that a collector is about to be given; nothing is started."""

import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from lab.errors import BadConfig
from lab.settings import LabSettings, find_program, inherited_environment
from lab.targets.kubernetes.objects import KubeObject

NAMES: Final = ("otelcol", "otelcol-contrib", "otelcol-lab")
"""What collectors are called on PATH."""
CONFIG, TARGET, FILE = "otel-collector", "otel-collector-target", "config.yaml"
TIMEOUT_S: Final = 30.0


def find_collector(settings: LabSettings) -> Path | None:
    """The program that the settings name, else one on PATH; None where there is none."""
    return settings.otelcol or next((found for name in NAMES if (found := find_program(name))), None)


def judge(objects: Iterable[KubeObject], program: Path) -> None:
    """Let a collector read the configuration among these objects.

    Raises:
        BadConfig: It refuses it (E_OTEL_CONFIG), with its own sentence, or the program cannot be run.
    """
    data = {one.name: one.body.get("data") or {} for one in objects if one.kind == "ConfigMap"}
    environment: dict[str, str] = {}
    for name, content in data.items():
        if name.startswith(TARGET):
            environment |= content
    for name, content in data.items():
        if name.startswith(CONFIG) and FILE in content:
            said = _refusal(program, str(content[FILE]), environment)
            if said:
                raise BadConfig(
                    "the collector would not start with its configuration",
                    found=f"{program.name} validate: {said}",
                    next_step="change manifests/base/collector-config.yaml, or name the collector that is deployed: "
                    "LAB_OTELCOL=/path/to/otelcol",
                    code="E_OTEL_CONFIG",
                )


def _refusal(program: Path, text: str, environment: dict[str, str]) -> str:
    """Why a collector does not take a configuration; empty where it does."""
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
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return (" ".join(lines)[-400:] or f"exit {done.returncode}") if done.returncode else ""
