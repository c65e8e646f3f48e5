"""A stack on a real cluster of two architectures, deployed and measured by a user with no more rights than needed."""

import json
from pathlib import Path
from typing import Final

import pytest

from lab.cli import main
from lab.cli.measure import EXIT_CODES
from lab.runs.folder import RunFolder
from lab.settings import environment_with
from lab.targets.kube import STACK_LABEL
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.stack import NAMESPACE, ON_THE_CLUSTER, PROJECT, objects

ARCHITECTURES: Final = PROJECT / "notebooks" / "20_architectures.ipynb"
BASELINE: Final = PROJECT / "notebooks" / "10_baseline.ipynb"
SHORT: Final = ["-p", "target", "kubernetes", "-p", "duration", "20", "-p", "p99_ms", "5000"]
BOTH: Final = ("amd64", "arm64")
SERVICES: Final = ("ingest-api", "process-worker", "query-api", "simulator")

pytestmark = pytest.mark.timeout(900)


def test_images_are_proven(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes, digests, configuration and machine code, for every service and architecture."""
    assert main(["images", "check"]) == 0
    said = capsys.readouterr().out
    assert [said.count(f"python3.11 is {architecture}") for architecture in BOTH] == [len(SERVICES)] * 2


def test_a_stack_comes_up_well_and_a_second_time_changes_nothing(
    runs: Path, kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every service on both architectures, each proven by node, digest, runtime and its own word; no pod by tag."""
    assert main(["up", *ON_THE_CLUSTER]) == 0
    assert "digest, node, runtime and process agree" in capsys.readouterr().out
    before = {one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in objects(kubectl)}
    pods = [one for one in objects(kubectl) if one["kind"] == "Pod"]
    assert sorted(
        (pod["metadata"]["labels"]["app.kubernetes.io/name"], pod["spec"]["nodeSelector"]["kubernetes.io/arch"])
        for pod in pods
        if "otel" not in pod["metadata"]["name"]
    ) == sorted((service, architecture) for service in SERVICES for architecture in BOTH)
    assert all("@sha256:" in container["image"] for pod in pods for container in pod["spec"]["containers"])
    assert main(["up", *ON_THE_CLUSTER]) == 0
    assert {one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in objects(kubectl)} == before
    capsys.readouterr()
    assert main(["status", *ON_THE_CLUSTER, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["healthy"] for one in said["services"]] == [True] * len(pods[:-1])
    assert said["store"]["durability"] == "durable"


def test_a_load_on_two_architectures_is_counted_exactly(runs: Path) -> None:
    """VALID, residual 0, Prometheus agrees, and each architecture's worker does its share."""
    assert main(["run", str(BASELINE), *SHORT]) == 0
    [run] = [RunFolder(path) for path in runs.iterdir()]
    manifest = run.manifest()
    assert manifest["validity"]["status"] == "VALID", manifest["validity"]
    ledger = manifest["ledger"]
    assert (ledger["residual"], ledger["lost"], ledger["twice"]) == (0, 0, 0)
    assert manifest["comparison"]["prometheus_counted"] == ledger["counted"] == 20_000
    [trial] = [json.loads(line) for line in (run.path / "trial.json").read_text().splitlines()]
    shares = [count / ledger["counted"] for count in trial["evidence"]["store"]["instances"].values()]
    assert len(shares) == 2
    assert min(shares) >= 0.2
    nodes = manifest["environment"]["nodes"]
    assert {name: (node["architecture"], node["emulated"]) for name, node in nodes.items()} == {
        "clus1": ("amd64", False),
        "r3": ("arm64", True),
    }
    # The rig's nodes share one clock, which is the lab's, too.
    assert all(abs(node["clock"]["offset_ms"]) <= node["clock"]["error_ms"] for node in nodes.values())
    assert [(one["architecture"], one["node"]) for one in manifest["strata"]] == [("amd64", "clus1"), ("arm64", "r3")]
    assert any("r3 is emulated" in note for note in manifest["notes"])


def test_down_leaves_nothing_of_the_stack(runs: Path, kubectl: Kubectl, after_the_others: None) -> None:
    """The namespace was there before, and stays with the rights in it."""
    assert main(["down", *ON_THE_CLUSTER]) == 0
    kubectl("wait", "--for=delete", "pod", f"--namespace={NAMESPACE}", f"--selector={STACK_LABEL}", "--timeout=60s")
    assert objects(kubectl) == []
    assert kubectl.get("namespace", NAMESPACE)["status"]["phase"] == "Active"


def test_an_emulated_architecture_is_no_answer(runs: Path, tmp_path: Path, after_the_others: None) -> None:
    """One run on each, with nothing of the other in it; the emulated one is INVALID, and that is how it all ends."""
    with environment_with(LAB_RUNS_DIR=str(tmp_path)):
        assert main(["run", str(ARCHITECTURES), *SHORT]) == EXIT_CODES["INVALID"]
    made = {one["experiment"]: one for one in (RunFolder(path).manifest() for path in tmp_path.iterdir())}
    places = {name: [(one["architecture"], one["node"]) for one in run["strata"]] for name, run in made.items()}
    assert places == {"architectures-amd64": [("amd64", "clus1")], "architectures-arm64": [("arm64", "r3")]}
    assert made["architectures-amd64"]["validity"]["status"] == "VALID"
    assert "emulated" in {reason["code"] for reason in made["architectures-arm64"]["validity"]["reasons"]}
