"""`lab up` that applies nothing: it renders objects into files, or previews what would change in a cluster."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.cli import main
from lab.errors import BadConfig, Unavailable
from lab.images.lock import FILE_NAME, ImageLock, write_lock
from lab.snapshots.kubernetes import STACK_LABEL
from lab.systems.services import SERVICES
from tests.rendered.samples import ARCHITECTURES, image
from tests.unit.targets.kubernetes.api_server import serving
from tests.unit.targets.kubernetes.object_server import ObjectServer

UP = ["up", "--target", "kubernetes"]
OLD = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "old", "labels": {STACK_LABEL: "lab"}},
    "data": {"x": "y"},
}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectServer]:
    """Serve the cluster that the settings name, in a project with locked images."""
    registry = image("x", "amd64").partition("/x@")[0]
    images = {
        str(service): {str(each): image(service, each).partition("@")[2] for each in ARCHITECTURES}
        for service in SERVICES
    }
    write_lock(ImageLock(registry, "dev", images), tmp_path / FILE_NAME)
    monkeypatch.chdir(tmp_path)
    with serving(ObjectServer()) as server:
        settings = {
            "STATE_DIR": str(tmp_path / "state"),
            "KUBECONFIG": str(server.kubeconfig(tmp_path)),
            "REDIS_URL": "redis://198.18.0.1:6379/0",
            "PROMETHEUS_URL": "http://198.18.0.1:9090",
            "COLLECTOR_IMAGE": image("otel-collector", "amd64"),
        }
        for name, value in settings.items():
            monkeypatch.setenv(f"LAB_{name}", value)
        yield server


def rendered(folder: Path) -> list[dict[str, Any]]:
    """Return what `--render` writes, in the order of its files."""
    assert main([*UP, "--render", str(folder)]) == 0
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(folder.iterdir())]


def named(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """Return the object of that kind and name."""
    return next(body for body in objects if (body["kind"], body["metadata"]["name"]) == (kind, name))


def test_rendering_writes_files_and_asks_no_cluster(
    server: ObjectServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One file for each object; the names are printed. A folder that is not empty is left as it is."""
    objects = rendered(tmp_path / "out")
    files = sorted((tmp_path / "out").iterdir())
    assert capsys.readouterr().out.split() == [str(file) for file in files]
    assert files[0].name == "01-namespace-testbed.yaml"
    assert {f"{service}-{each}" for service in SERVICES for each in ARCHITECTURES} < {
        body["metadata"]["name"] for body in objects if body["kind"] == "Deployment"
    }
    assert "Secret" not in {body["kind"] for body in objects}
    worker = next(file for file in files if file.name.endswith("deployment-process-worker-arm64.yaml")).read_text()
    assert f"image: {image('process-worker', 'arm64')}\n" in worker
    assert (server.requested, server.previewed, server.written) == ([], [], [])
    before = {file: file.read_bytes() for file in files}
    assert main([*UP, "--render", str(tmp_path / "out")]) == 73
    assert "is not empty" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before


def test_rendering_and_a_dry_run_are_not_both_done(
    server: ObjectServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither is left out in silence."""
    assert main([*UP, "--render", str(tmp_path / "out"), "--dry-run"]) == 64
    assert "--render goes with no --dry-run" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert server.requested == []


def test_a_dry_run_shows_what_would_happen_to_every_object(
    server: ObjectServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the server's word, with a diff of every change. Only requests of a dry run would change something."""
    wanted = rendered(tmp_path / "out")
    there = copy.deepcopy([*wanted, OLD])
    named(there, "Deployment", "process-worker-arm64")["spec"]["replicas"] = 3
    there.remove(named(there, "Service", "query-api"))
    server.hold(there)
    capsys.readouterr()
    assert main([*UP, "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = [tuple(line.split()) for line in lines if line.startswith(("  un", "  cr", "  ch", "  wr", "  re"))]
    applied = {(body["kind"], body["metadata"]["name"]) for body in wanted if body["kind"] != "Namespace"}
    changed = {("change", "Deployment", "process-worker-arm64"), ("create", "Service", "query-api")}
    same = {("unchanged", *item) for item in applied - {(kind, name) for _, kind, name in changed}}
    assert set(shown) == same | changed | {("write", "Secret", "lab-serving"), ("remove", "ConfigMap", "old")}
    at = lines.index("  change        Deployment process-worker-arm64")
    diff = [line.strip() for line in lines[at + 1 :] if line.startswith("    ")]
    assert [line for line in diff if line.startswith(("-", "+"))] == [
        "--- deployment/process-worker-arm64 as it is",
        "+++ deployment/process-worker-arm64 as it would be",
        "-  replicas: 3",
        "+  replicas: 1",
    ]
    assert lines[-1] == (
        f"  dry run       {len(shown)} objects: 1 to create, 1 to change, 1 to write, 1 to remove, "
        f"{len(same)} unchanged; nothing was applied"
    )
    assert len(server.previewed) == len(shown) - 1
    assert server.written == []


def test_a_dry_run_leaves_nothing_on_this_machine(
    server: ObjectServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without its namespace everything would be created; credentials that rendering made are gone."""
    assert main([*UP, "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  create        Namespace testbed" in lines
    assert "  create        Secret lab-serving" in lines
    assert lines[-1].endswith(" to create; nothing was applied")
    assert (server.previewed, server.written) == ([], [])
    assert not (tmp_path / "state").exists()


def test_without_a_lock_only_deploying_is_impossible(
    server: ObjectServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`lab down` and `lab diagnose` work in a checkout in which no images were built."""
    (tmp_path / FILE_NAME).unlink()
    assert main([*UP, "--render", str(tmp_path / "out")]) == BadConfig.exit_code
    assert "lab images build && lab images resolve" in capsys.readouterr().err
    assert main(["down", "--target", "kubernetes"]) == 0
    assert main(["diagnose"]) == Unavailable.exit_code
    assert "no namespace testbed in this cluster" in capsys.readouterr().err
