"""A user with the least rights deploys and measures a stack on a real cluster of two architectures."""

import json
from pathlib import Path
from typing import Final

import grpc
import pytest

from lab.cli import main
from lab.cli.app import EXIT_CODES
from lab.images.lock import FILE_NAME, read_lock
from lab.model import Access
from lab.model.image_references import digest_of
from lab.rpc.channels import connector
from lab.runs.folder import RunFolder
from lab.settings import environment_with
from lab.snapshots.kubernetes import NAME_LABEL
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.objects import APP_ARCHITECTURE_LABEL
from lab.wiring import ledger_source
from services.contracts.batches import encode
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest, EventBatch
from services.contracts.generated.lab.ingest.v1.ingest_pb2_grpc import IngestServiceStub
from services.contracts.generated.lab.status.v1.status_pb2 import GetStatusRequest
from services.contracts.generated.lab.status.v1.status_pb2_grpc import StatusServiceStub
from tests.cluster.pods import SAYS
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.stack import NAMESPACE, ON_THE_CLUSTER, PROJECT, everything, objects
from tests.events import columns_of

ARCHITECTURES: Final = PROJECT / "notebooks" / "20_architectures.ipynb"
SECONDS: Final = 12
SHORT: Final = ["-p", "target", "kubernetes", "-p", "duration", f"{SECONDS}", "-p", "p99_ms", "5000"]
BOTH: Final = ("amd64", "arm64")
TOOLS: Final = ("cc", "gcc", "g++", "clang", "ld", "as", "make", "pip", "pip3")
SERVICES: Final = ("ingest-api", "process-worker", "query-api", "simulator")
ONE_EVENT: Final = AppendRequest(
    producer_id=bytes(range(16)),
    sequence=1,
    run="test-token",
    batch=EventBatch.FromString(encode(columns_of([("here", "temperature", 1, 1.0)]))),
)

pytestmark = pytest.mark.timeout(900)


def test_images_are_proven(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Digests, configuration and machine code are checked for every service and architecture."""
    assert main(["images", "check"]) == 0
    output = capsys.readouterr().out
    assert [output.count(f"python3.11 is {architecture}") for architecture in BOTH] == [len(SERVICES)] * 2


def test_every_pod_is_of_its_architecture_by_four_checks(
    runs: Path, kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    """Node, digest, the runtime's image and the process agree; no pod uses a tag."""
    assert main(["up", *ON_THE_CLUSTER]) == 0
    assert "digest, node, runtime and process agree" in capsys.readouterr().out
    reported = machines(capsys)
    lock, pods = read_lock(PROJECT / FILE_NAME), [body for body in objects(kubectl) if body["kind"] == "Pod"]
    nodes = {
        node["metadata"]["name"]: node["status"]["nodeInfo"]["architecture"] for node in kubectl.get("nodes")["items"]
    }
    checks = {}
    for pod in pods:
        labels = pod["metadata"]["labels"]
        service, architecture = labels[NAME_LABEL], labels.get(APP_ARCHITECTURE_LABEL, "")
        if service in SERVICES:
            [container], [container_status] = pod["spec"]["containers"], pod["status"]["containerStatuses"]
            digest = lock.reference(service, architecture).partition("@")[2]
            digests = {digest_of(container["image"]), digest_of(container_status["imageID"])}
            checks[service, architecture] = (
                nodes[pod["spec"]["nodeName"]],
                digests == {digest},
                reported[pod["metadata"]["name"]],
            )
    assert checks == {
        (service, architecture): (architecture, True, machine)
        for service in SERVICES
        for architecture, machine in SAYS.items()
    }
    used = [
        container["image"]
        for pod in pods
        for container in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ()))
    ]
    assert [image for image in used if "@sha256:" not in image] == []


def machines(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return pod → the machine that its process reports. All services are healthy, and the store is durable."""
    capsys.readouterr()
    assert main(["status", *ON_THE_CLUSTER, "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["store"]["durability"] == "durable"
    assert all(service["healthy"] for service in status["services"])
    return {service["detail"].split()[1]: service["host_architecture"] for service in status["services"]}


def test_a_second_up_changes_nothing(runs: Path, kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    """The resourceVersion of every object stays, also after a dry run of a change."""
    before = versions(kubectl)
    with environment_with(LAB_REPLICAS="2"):
        assert main(["up", *ON_THE_CLUSTER, "--dry-run"]) == 0
    output = capsys.readouterr().out
    assert output.count("change        Deployment ") == len(SERVICES) * len(BOTH)
    assert "replicas: 2" in output
    assert versions(kubectl) == before
    assert main(["up", *ON_THE_CLUSTER]) == 0
    assert versions(kubectl) == before


def versions(kubectl: Kubectl) -> dict[str, str]:
    """Return object → its resourceVersion."""
    return {body["metadata"]["uid"]: body["metadata"]["resourceVersion"] for body in objects(kubectl)}


def test_no_image_has_a_compiler(stack: ClusterDeployment, kubectl: Kubectl) -> None:
    """No container of either architecture has a package installer either."""
    code = f"import shutil; print([name for name in {TOOLS} if shutil.which(name)])"
    for pod, _ in stack.processes():
        inside = ("exec", f"--namespace={NAMESPACE}", pod.name, "--", "python3", "-c", code)
        assert kubectl(*inside).strip() == "[]", pod.name


def test_what_pods_print_is_shown(stack: ClusterDeployment, capsys: pytest.CaptureFixture[str]) -> None:
    """The log of a pod is shown, or of all pods of a service with their names, also while it is written.

    A container that has started again, as after an earlier test's fault, shows the end of its previous run, too.
    """
    runs = {pod.name: 1 + (pod.restarts > 0) for pod, _ in stack.processes() if pod.service == "process-worker"}
    pods = list(runs)
    capsys.readouterr()
    assert main(["logs", pods[0], *ON_THE_CLUSTER]) == 0
    assert 1 <= capsys.readouterr().out.count("serving on") <= runs[pods[0]]
    assert main(["logs", "process-worker", *ON_THE_CLUSTER]) == 0
    output = capsys.readouterr().out
    assert len(pods) == len(BOTH)
    assert len(pods) <= output.count("serving on") <= sum(runs.values())
    assert all(f"  {pod}\n" in output for pod in pods)
    lines = stack.follow(pods, 1)
    assert {next(lines).split()[0] for _ in pods} == set(pods)


def test_a_call_without_the_token_is_refused(stack: ClusterDeployment) -> None:
    """Every service refuses the call from outside through TLS, and no event is appended."""
    before, endpoints = ledger_source(stack.endpoints).view("").balance, stack.endpoints
    strange = connector(Access(stack.servers.access.ca_file))
    with strange(endpoints.ingest) as channel, pytest.raises(grpc.RpcError) as refused:
        IngestServiceStub(channel).Append(ONE_EVENT, timeout=5.0)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    for address in (endpoints.ingest, endpoints.worker, endpoints.query, endpoints.simulator):
        with strange(address) as channel, pytest.raises(grpc.RpcError) as refused:
            StatusServiceStub(channel).GetStatus(GetStatusRequest(), timeout=5.0)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert ledger_source(stack.endpoints).view("").balance == before
    # With the token the call succeeds: only the token was missing.
    with connector(stack.servers.access)(endpoints.ingest) as channel:
        assert IngestServiceStub(channel).Append(ONE_EVENT, timeout=5.0).accepted == before.accepted + 1


def test_down_leaves_nothing_of_the_stack(runs: Path, kubectl: Kubectl, after_the_others: None) -> None:
    """The namespace existed before, and stays with the rights in it."""
    assert main(["down", *ON_THE_CLUSTER]) == 0
    assert everything(kubectl) == []
    assert kubectl.get("namespace", NAMESPACE)["status"]["phase"] == "Active"


@pytest.mark.in_turn(2, family="whole stacks")
def test_an_emulated_architecture_gives_no_verdict(runs: Path, tmp_path: Path, after_the_others: None) -> None:
    """Each architecture gets a run of its own. The emulated run is INVALID, and so is the exit code."""
    with environment_with(LAB_RUNS_DIR=str(tmp_path)):
        assert main(["run", str(ARCHITECTURES), *SHORT]) == EXIT_CODES["INVALID"]
    manifests = {
        manifest["experiment"]: manifest for manifest in (RunFolder(path).document() for path in tmp_path.iterdir())
    }
    places = {
        name: [(row["architecture"], row["node"]) for row in manifest["breakdown"]]
        for name, manifest in manifests.items()
    }
    assert places == {"architectures-amd64": [("amd64", "clus1")], "architectures-arm64": [("arm64", "r3")]}
    assert manifests["architectures-amd64"]["validity"]["status"] == "VALID"
    assert "emulated" in {reason["code"] for reason in manifests["architectures-arm64"]["validity"]["reasons"]}
