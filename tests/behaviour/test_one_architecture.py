"""A trial on one architecture: the Deployments that it gets, and the machines that refuse it."""

import platform
from pathlib import Path
from typing import Final

import pytest

from lab.errors import UsageFault
from lab.images.lock import FILE_NAME, ImageLock, write_lock
from lab.model import processor_of
from lab.settings import LabSettings
from lab.systems.services import SERVICES
from lab.targets.kubernetes.target import KubernetesTarget
from lab.targets.port import StackRequest
from lab.targets.processes.target import ProcessTarget

DIGEST: Final = "sha256:" + "ab" * 32


@pytest.fixture(autouse=True)
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a project whose images were built for both architectures."""
    images = {service: {"amd64": DIGEST, "arm64": DIGEST} for service in SERVICES}
    write_lock(ImageLock("registry.example", "dev", images), tmp_path / FILE_NAME)
    monkeypatch.chdir(tmp_path)


def settings(folder: Path) -> LabSettings:
    """Return settings with a store and a metrics server outside the cluster; nothing here reaches them."""
    return LabSettings(
        state_dir=folder,
        redis_url="redis://192.0.2.1:6379/0",
        prometheus_url="http://192.0.2.1:9090",
        collector_image=f"registry.example/otelcol@{DIGEST}",
    )


def deployments(folder: Path, architecture: str) -> set[str]:
    """Return the names of the Deployments that would be applied."""
    objects = KubernetesTarget(settings(folder)).objects(StackRequest(architecture=architecture))
    return {item.name for item in objects if item.kind == "Deployment"}


def test_services_that_handle_events_move_and_services_that_measure_stay(tmp_path: Path) -> None:
    """The same simulator and the same query-api measure both architectures."""
    stays = {"otel-collector", "query-api-amd64", "simulator-amd64"}
    assert deployments(tmp_path, "amd64") == stays | {"ingest-api-amd64", "process-worker-amd64"}
    assert deployments(tmp_path, "arm64") == stays | {"ingest-api-arm64", "process-worker-arm64"}


def test_without_an_architecture_every_service_runs_on_all(tmp_path: Path) -> None:
    """As with `lab up`."""
    assert len(deployments(tmp_path, "")) == 2 * len(SERVICES) + 1


def test_an_architecture_the_stack_does_not_have_is_refused(tmp_path: Path) -> None:
    """Before anything is applied; the message names the architectures that the stack has."""
    with pytest.raises(UsageFault, match="riscv64") as refused:
        deployments(tmp_path, "riscv64")
    assert "amd64, arm64" in str(refused.value)


def test_this_machine_runs_only_its_own_architecture(tmp_path: Path) -> None:
    """Nothing is started for another architecture."""
    own = processor_of(platform.machine())
    other = {"amd64": "arm64"}.get(own, "amd64")
    target = ProcessTarget(settings(tmp_path))
    with (
        pytest.raises(UsageFault, match=f"cannot run on {other} here"),
        target.deployed(StackRequest(architecture=other), lambda *_: None),
    ):
        pass
