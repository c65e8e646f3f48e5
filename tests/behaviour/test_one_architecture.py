"""An experiment on one architecture: what is deployed for it, and what a machine of another refuses."""

import platform
from pathlib import Path
from typing import Final

import pytest

from lab.errors import UsageFault
from lab.model import processor_of
from lab.settings import LabSettings
from lab.systems.services import SERVICES
from lab.targets.kubernetes.target import KubernetesTarget
from lab.targets.port import StackRequest
from lab.targets.processes.target import ProcessTarget

DIGEST: Final = "sha256:" + "ab" * 32
IMAGES: Final[dict[tuple[str, str], str]] = {
    (service, architecture): f"registry.example/{service}@{DIGEST}"
    for service in SERVICES
    for architecture in ("amd64", "arm64")
}


def settings(folder: Path) -> LabSettings:
    """A store and a metrics server outside the cluster, which nothing here reaches."""
    return LabSettings(
        state_dir=folder,
        redis_url="redis://192.0.2.1:6379/0",
        prometheus_url="http://192.0.2.1:9090",
        collector_image=f"registry.example/otelcol@{DIGEST}",
    )


def deployments(folder: Path, architecture: str) -> set[str]:
    """Names of what would be deployed."""
    target = KubernetesTarget(
        settings(folder),
        IMAGES,
        holds=lambda _index, _digest: False,
        heard=lambda _endpoints: frozenset(),
        explain=lambda _target, error: error,
    )
    objects = target.objects(StackRequest(architecture=architecture))
    return {one.name for one in objects if one.kind == "Deployment"}


def test_what_handles_events_moves_and_what_measures_stays(tmp_path: Path) -> None:
    """Two architectures are measured by the same simulator and the same query-api."""
    stays = {"otel-collector", "query-api-amd64", "simulator-amd64"}
    assert deployments(tmp_path, "amd64") == stays | {"ingest-api-amd64", "process-worker-amd64"}
    assert deployments(tmp_path, "arm64") == stays | {"ingest-api-arm64", "process-worker-arm64"}


def test_without_one_every_service_runs_on_all(tmp_path: Path) -> None:
    """As `lab up` leaves it."""
    assert len(deployments(tmp_path, "")) == 2 * len(SERVICES) + 1


def test_an_architecture_the_stack_does_not_have_is_refused(tmp_path: Path) -> None:
    """Before anything is applied; the message names those it has."""
    with pytest.raises(UsageFault, match="riscv64") as refused:
        deployments(tmp_path, "riscv64")
    assert "amd64, arm64" in str(refused.value)


def test_this_machine_runs_only_what_it_is(tmp_path: Path) -> None:
    """Nothing is started for another architecture."""
    own = processor_of(platform.machine())
    other = {"amd64": "arm64"}.get(own, "amd64")
    target = ProcessTarget(settings(tmp_path))
    with (
        pytest.raises(UsageFault, match=f"cannot run on {other} here"),
        target.deployed(StackRequest(architecture=other), lambda *_: None),
    ):
        pass
