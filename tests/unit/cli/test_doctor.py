"""`lab doctor` for both targets: a line for each part, the next step, the exit code."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lab.cli import main
from lab.images.lock import FILE_NAME, ImageLock, write_lock
from lab.systems.services import SERVICES
from lab.targets.kubernetes.objects import MANAGER, PART_OF
from tests.rendered.samples import ARCHITECTURES, image
from tests.unit.targets.kubernetes.api_server import serving
from tests.unit.targets.kubernetes.object_server import ObjectServer

CLOSED = "127.0.0.1:1"
"""Nobody listens there."""


class Report(NamedTuple):
    """What the doctor told: the exit code, check → whether it is good, its text, its next step."""

    code: int
    good: Mapping[str, bool]
    found: Mapping[str, str]
    steps: Mapping[str, str]

    @property
    def bad(self) -> set[str]:
        """Names of the checks that are not good."""
        return {name for name, good in self.good.items() if not good}


def report(capsys: pytest.CaptureFixture[str], target: str = "processes") -> Report:
    """Run the doctor."""
    capsys.readouterr()
    code = main(["doctor", "--target", target, "--json"])
    checks = json.loads(capsys.readouterr().out)
    fields = ("good", "found", "next_step")
    return Report(code, *({check["name"]: check[name] for check in checks} for name in fields))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """State and runs of a test's own, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("LAB_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("variable", "value", "name", "words", "step"),
    [
        ("LAB_PROMETHEUS", "/nowhere/prometheus", "prometheus", "No such file", "unset LAB_PROMETHEUS"),
        ("LAB_PROMETHEUS_URL", f"http://{CLOSED}", "prometheus", "Connection refused", "systemctl restart prometheus"),
        ("LAB_REDIS_URL", f"redis://{CLOSED}/0", "store", "Connection refused", "systemctl restart redis-server"),
        ("LAB_REDIS_URL", f"rediss://{CLOSED}/0", "store", "Connection refused", "systemctl restart redis-server"),
    ],
)
def test_a_server_that_this_machine_lacks_is_found(
    variable: str,
    value: str,
    name: str,
    words: str,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With its evidence and the next step."""
    monkeypatch.setenv(variable, value)
    told = report(capsys)
    assert (told.code, told.bad) == (69, {name})
    assert words in told.found[name]
    assert step in told.steps[name]


@pytest.mark.usefixtures("elsewhere")
def test_a_disk_that_is_full_is_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No test fills this machine's own."""
    monkeypatch.setattr("lab.probes.machine._free_bytes", lambda _: 100 << 20)
    told = report(capsys)
    assert (told.code, told.bad) == (69, {"disk"})
    assert told.found["disk"].startswith("0.1 GB free; 105 MB free for ")


@pytest.mark.usefixtures("elsewhere")
def test_lines_for_a_person_show_the_step_below_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the names of what is missing in the error."""
    monkeypatch.setenv("LAB_PROMETHEUS", "/nowhere/prometheus")
    assert main(["doctor"]) == 69
    output = capsys.readouterr()
    lines = output.out.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("  ✗ prometheus       "))
    assert lines[at + 1].strip().startswith("do: unset LAB_PROMETHEUS")
    assert all(line.startswith("  ✓ ") for line in lines[:at])
    assert "missing: prometheus" in output.err


@pytest.fixture
def cluster(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectServer]:
    """Serve a cluster of two nodes, with everything else named where nobody listens."""
    images = {
        str(service): {str(each): image(service, each).partition("@")[2] for each in ARCHITECTURES}
        for service in SERVICES
    }
    write_lock(ImageLock(f"{CLOSED}/lab", "dev", images), elsewhere / FILE_NAME)
    with serving(ObjectServer()) as server:
        labels = {"labels": {PART_OF: MANAGER}}
        server.hold([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "testbed", **labels}}])
        server.hold(node(name, architecture) for name, architecture in (("a", "amd64"), ("b", "arm64")))
        settings = {
            "KUBECONFIG": str(server.kubeconfig(elsewhere)),
            "REGISTRY": f"{CLOSED}/lab",
            "REGISTRY_INSECURE": "1",
            "REDIS_URL": f"redis://{CLOSED}/0",
            "PROMETHEUS_URL": f"http://{CLOSED}",
            "COLLECTOR_IMAGE": f"{CLOSED}/otelcol@sha256:{'0' * 64}",
        }
        for name, value in settings.items():
            monkeypatch.setenv(f"LAB_{name}", value)
        yield server


def node(name: str, architecture: str) -> dict[str, Any]:
    """Return a node that is ready."""
    info = {"architecture": architecture, "kubeletVersion": "v1.34.4", "containerRuntimeVersion": "containerd://1.6"}
    status = {"nodeInfo": info, "conditions": [{"type": "Ready", "status": "True"}]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}, "status": status}


def test_a_cluster_is_judged_part_by_part(cluster: ObjectServer, capsys: pytest.CaptureFixture[str]) -> None:
    """What is in it is there; the servers around it are away, each for itself."""
    told = report(capsys, "kubernetes")
    assert (told.code, told.bad) == (69, {"registry", "redis", "prometheus"})
    assert told.found["node a"] == "amd64, kubelet v1.34.4, containerd://1.6"
    assert told.found["placement"] == "amd64: a; arm64: b"
    assert told.found["namespace"] == "testbed, ours; Pod Security privileged"
    assert told.found["images"] == f"images.lock of {CLOSED}/lab, tag dev: not looked for"
    assert told.found["collector_image"].endswith(f"{CLOSED} does not answer from here")
    assert cluster.written == []


def test_rights_that_are_missing_are_granted_by_an_administrator(
    cluster: ObjectServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the name that the API server has for the user; those of faults are a note."""
    cluster.denied = {("patch", "deployments"), ("create", "pods/exec")}
    told = report(capsys, "kubernetes")
    assert "rights" in told.bad
    assert "may not patch deployments.apps" in told.found["rights"]
    assert "lab rbac print --no-faults --namespace testbed --user o:eve" in told.steps["rights"]
    assert told.found["faults"] == "only faults need it: may not create pods/exec"


def test_nodes_that_cannot_be_listed_are_no_missing_nodes(
    cluster: ObjectServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is told to label nodes that nobody sees."""
    cluster.denied = {("list", "nodes")}
    cluster.refuses = {"/api/v1/nodes": 403}
    told = report(capsys, "kubernetes")
    assert {"rights", "nodes"} <= told.bad
    assert "placement" not in told.good


def test_a_cluster_that_is_away_leaves_the_rest_to_be_asked(
    cluster: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one run all faults are told."""
    cluster.address = f"http://{CLOSED}"
    monkeypatch.setenv("LAB_KUBECONFIG", str(cluster.kubeconfig(tmp_path)))
    told = report(capsys, "kubernetes")
    assert {"cluster", "registry", "redis", "prometheus"} == told.bad
    assert told.steps["cluster"] == "kubectl cluster-info"
    assert [name for name in told.good if name.startswith(("node", "namespace"))] == []
