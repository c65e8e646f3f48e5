"""A stack on a real cluster of two architectures, deployed and measured by a user with no more rights than needed."""

import json
from pathlib import Path
from typing import Final

import grpc
import pytest

from lab.cli import main
from lab.cli.measure import EXIT_CODES
from lab.images.lock import FILE_NAME, read_lock
from lab.model import Access
from lab.rpc.channels import connector
from lab.runs.folder import RunFolder
from lab.settings import environment_with
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.objects import ARCHITECTURE_LABEL, NAME_LABEL
from lab.targets.kubernetes.rollout.rows import digest_of
from lab.wiring import ledger_source
from services.contracts.batches import columns_of, encode
from services.contracts.generated.lab.ingest.v1.ingest_pb2 import AppendRequest, EventBatch
from services.contracts.generated.lab.ingest.v1.ingest_pb2_grpc import IngestServiceStub
from services.contracts.generated.lab.status.v1.status_pb2 import GetStatusRequest
from services.contracts.generated.lab.status.v1.status_pb2_grpc import StatusServiceStub
from tests.cluster.pods import SAYS
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.stack import NAMESPACE, ON_THE_CLUSTER, PROJECT, everything, objects

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
    """Bytes, digests, configuration and machine code, for every service and architecture."""
    assert main(["images", "check"]) == 0
    said = capsys.readouterr().out
    assert [said.count(f"python3.11 is {architecture}") for architecture in BOTH] == [len(SERVICES)] * 2


def test_every_pod_is_of_its_architecture_by_four_witnesses(
    runs: Path, kubectl: Kubectl, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its node, its digest, what the node's runtime took, and the process itself; no pod by a tag."""
    assert main(["up", *ON_THE_CLUSTER]) == 0
    assert "digest, node, runtime and process agree" in capsys.readouterr().out
    said = machines(capsys)
    lock, pods = read_lock(PROJECT / FILE_NAME), [one for one in objects(kubectl) if one["kind"] == "Pod"]
    nodes = {
        one["metadata"]["name"]: one["status"]["nodeInfo"]["architecture"] for one in kubectl.get("nodes")["items"]
    }
    witnesses = {}
    for pod in pods:
        labels = pod["metadata"]["labels"]
        service, architecture = labels[NAME_LABEL], labels.get(ARCHITECTURE_LABEL, "")
        if service in SERVICES:
            [asked], [runs_with] = pod["spec"]["containers"], pod["status"]["containerStatuses"]
            digest = lock.reference(service, architecture).partition("@")[2]
            digests = {digest_of(asked["image"]), digest_of(runs_with["imageID"])}
            witnesses[service, architecture] = (
                nodes[pod["spec"]["nodeName"]],
                digests == {digest},
                said[pod["metadata"]["name"]],
            )
    assert witnesses == {
        (service, architecture): (architecture, True, machine)
        for service in SERVICES
        for architecture, machine in SAYS.items()
    }
    used = [
        one["image"] for pod in pods for one in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ()))
    ]
    assert [image for image in used if "@sha256:" not in image] == []


def machines(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Pod → what the process in it calls its machine; all of them are well, on a store that keeps what it was given."""
    capsys.readouterr()
    assert main(["status", *ON_THE_CLUSTER, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["store"]["durability"] == "durable"
    assert all(one["healthy"] for one in said["services"])
    return {one["detail"].split()[1]: one["host_architecture"] for one in said["services"]}


def test_a_second_up_changes_nothing(runs: Path, kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    """No object has another resourceVersion afterwards, nor after a dry run of what would change them."""
    before = versions(kubectl)
    with environment_with(LAB_REPLICAS="2"):
        assert main(["up", *ON_THE_CLUSTER, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert said.count("change        Deployment ") == len(SERVICES) * len(BOTH)
    assert "replicas: 2" in said
    assert versions(kubectl) == before
    assert main(["up", *ON_THE_CLUSTER]) == 0
    assert versions(kubectl) == before


def versions(kubectl: Kubectl) -> dict[str, str]:
    """Object → its resourceVersion, which changes with it."""
    return {one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in objects(kubectl)}


def test_no_image_has_a_compiler(stack: ClusterDeployment, kubectl: Kubectl) -> None:
    """Nor a package installer, in what runs on either architecture."""
    look = f"import shutil; print([name for name in {TOOLS} if shutil.which(name)])"
    for pod, _ in stack.processes():
        inside = ("exec", f"--namespace={NAMESPACE}", pod.name, "--", "python3", "-c", look)
        assert kubectl(*inside).strip() == "[]", pod.name


def test_what_pods_print_is_shown(stack: ClusterDeployment, capsys: pytest.CaptureFixture[str]) -> None:
    """Of one pod, or of every pod of a service behind its name; also while it is being written."""
    pods = [pod.name for pod, _ in stack.processes() if pod.service == "process-worker"]
    capsys.readouterr()
    assert main(["logs", pods[0], *ON_THE_CLUSTER]) == 0
    assert capsys.readouterr().out.count("serving on") == 1
    assert main(["logs", "process-worker", *ON_THE_CLUSTER]) == 0
    said = capsys.readouterr().out
    assert said.count("serving on") == len(pods) == len(BOTH)
    assert all(f"  {pod}\n" in said for pod in pods)
    lines = stack.follow(pods, 1)
    assert {next(lines).split()[0] for _ in pods} == set(pods)


def test_a_call_without_the_token_is_refused(stack: ClusterDeployment) -> None:
    """From outside, through TLS, at every service; and no event is appended."""
    before, endpoints = ledger_source(stack.endpoints).view("").balance, stack.endpoints
    strange = connector(Access(stack.outside.access.ca_file))
    with strange(endpoints.ingest) as channel, pytest.raises(grpc.RpcError) as refused:
        IngestServiceStub(channel).Append(ONE_EVENT, timeout=5.0)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    for address in (endpoints.ingest, endpoints.worker, endpoints.query, endpoints.simulator):
        with strange(address) as channel, pytest.raises(grpc.RpcError) as refused:
            StatusServiceStub(channel).GetStatus(GetStatusRequest(), timeout=5.0)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert ledger_source(stack.endpoints).view("").balance == before
    # Whoever has the token may: it was the token that was missing.
    with connector(stack.outside.access)(endpoints.ingest) as channel:
        assert IngestServiceStub(channel).Append(ONE_EVENT, timeout=5.0).accepted == before.accepted + 1


def test_down_leaves_nothing_of_the_stack(runs: Path, kubectl: Kubectl, after_the_others: None) -> None:
    """The namespace was there before, and stays with the rights in it."""
    assert main(["down", *ON_THE_CLUSTER]) == 0
    assert everything(kubectl) == []
    assert kubectl.get("namespace", NAMESPACE)["status"]["phase"] == "Active"


def test_an_emulated_architecture_is_no_answer(runs: Path, tmp_path: Path, after_the_others: None) -> None:
    """One run on each, with nothing of the other in it; the emulated one is INVALID, and that is how it all ends."""
    with environment_with(LAB_RUNS_DIR=str(tmp_path)):
        assert main(["run", str(ARCHITECTURES), *SHORT]) == EXIT_CODES["INVALID"]
    made = {one["experiment"]: one for one in (RunFolder(path).manifest() for path in tmp_path.iterdir())}
    places = {name: [(one["architecture"], one["node"]) for one in run["breakdown"]] for name, run in made.items()}
    assert places == {"architectures-amd64": [("amd64", "clus1")], "architectures-arm64": [("arm64", "r3")]}
    assert made["architectures-amd64"]["validity"]["status"] == "VALID"
    assert "emulated" in {reason["code"] for reason in made["architectures-arm64"]["validity"]["reasons"]}
