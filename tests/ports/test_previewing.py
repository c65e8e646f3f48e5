"""What every target does that previews its objects: a cluster on a server that keeps objects, and memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.images.lock import FILE_NAME, ImageLock, write_lock
from lab.settings import LabSettings
from lab.systems.services import SERVICES
from lab.targets.kubernetes.target import KubernetesTarget
from lab.targets.port import Previewing, StackRequest, Target
from tests.fakes.capabilities import FakePreviewingTarget
from tests.fakes.target import FakeDeployment
from tests.rendered.samples import ARCHITECTURES, REGISTRY, image
from tests.unit.targets.kubernetes.api_server import serving
from tests.unit.targets.kubernetes.object_server import ObjectServer


def ignore(_stage: str, _message: str, _seconds: float) -> None:
    """Ignore a report."""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """Yield the target on a cluster without a stack, in a project with locked images."""
    images = {
        str(service): {str(each): image(service, each).partition("@")[2] for each in ARCHITECTURES}
        for service in SERVICES
    }
    write_lock(ImageLock(REGISTRY, "dev", images), tmp_path / FILE_NAME)
    monkeypatch.chdir(tmp_path)
    with serving(ObjectServer()) as server:
        settings = LabSettings(
            state_dir=tmp_path / "state",
            kubeconfig=server.kubeconfig(tmp_path),
            redis_url="redis://198.18.0.1:6379/0",
            prometheus_url="http://198.18.0.1:9090",
            collector_image=image("otel-collector", "amd64"),
        )
        yield KubernetesTarget(settings)


@pytest.fixture(params=["cluster", "memory"])
def target(request: pytest.FixtureRequest) -> Target:
    """Return each target; its stack is not up."""
    if request.param == "memory":
        return FakePreviewingTarget(FakeDeployment())
    opened: Target = request.getfixturevalue("cluster")
    return opened


def changes(target: Target) -> dict[str, set[str]]:
    """Return change → names of the objects that a preview says it about; a Secret is never shown."""
    assert isinstance(target, Previewing)
    by_change: dict[str, set[str]] = {}
    for intent in target.preview(StackRequest(), ignore):
        assert (intent.change == "change") == bool(intent.diff)
        by_change.setdefault(intent.change, set()).add(intent.name)
    return by_change


def test_every_object_of_a_stack_that_is_not_up_would_be_created(target: Target) -> None:
    """Those of every service among them. Nothing is changed."""
    created = changes(target)
    assert set(created) == {"create"}
    for service in SERVICES:
        assert any(name.startswith(service) for name in created["create"]), service
    assert target.current() is None
    assert changes(target) == created


def test_no_object_of_a_stack_that_is_up_would_change(target: Target) -> None:
    """Secrets would be written, because they cannot be compared. The stack stays as it is until it is taken down."""
    with target.deployed(StackRequest(keep=True), ignore) as deployment:
        deployment.bring_up()
    assert set(changes(target)) - {"write"} == {"unchanged"}
    assert target.current() is not None
    assert target.down(ignore)
    assert set(changes(target)) == {"create"}


def test_objects_are_written_into_a_folder_and_nowhere_else(target: Target, tmp_path: Path) -> None:
    """One file each, without Secrets; no stack is up afterwards."""
    assert isinstance(target, Previewing)
    written = target.write_objects(StackRequest(), tmp_path / "out")
    assert sorted(written) == sorted((tmp_path / "out").iterdir())
    texts = [path.read_text() for path in written]
    assert all("kind: " in text for text in texts)
    assert not any("kind: Secret" in text for text in texts)
    for service in SERVICES:
        assert any(service in path.name for path in written), service
    assert target.current() is None
