"""Next steps for a registry: they run on machines of the user, and change only what belongs to the lab."""

import os
import subprocess
from pathlib import Path

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.snapshots.images import ImageProbe, RegistryProbe
from lab.snapshots.snapshot import Snapshot
from tests.cluster.faults.machines import COMMANDS
from tests.unit.diagnosis.builders import HOST, REGISTRY, healthy, node, with_objects, with_probes
from tests.unit.diagnosis.cases import CASES
from tests.unit.diagnosis.faulty import pull_fails, registry_probed
from tests.unit.diagnosis.findings import only


def on_k3s(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot in which the arm64 node runs k3s."""
    board = node("arm64")
    board["status"]["nodeInfo"]["kubeletVersion"] = "v1.34.4+k3s1"
    return with_objects(snapshot, nodes=(node("amd64"), board))


def test_an_existing_file_of_mirrors_and_logins_is_not_replaced() -> None:
    """The file is opened, and the finding tells what to add."""
    finding, path = only(on_k3s(CASES["registry-plain-http"].snapshot)), "/etc/rancher/k3s/registries.yaml"
    assert finding.do.startswith(f"if ssh r3 'sudo test -e {path}'; then ssh -t r3 ")
    edit, _, write = finding.do.partition("; else ")
    assert "tee" not in edit
    assert "${EDITOR:-vi}" in edit
    assert "restart k3s-agent" in edit
    assert f"sudo tee {path}" in write
    assert f'add below mirrors: "{REGISTRY}": {{endpoint: ["http://{REGISTRY}"]}}' in finding.why


@pytest.mark.parametrize("before", [None, "mirrors: {others: {}}\n"])
def test_the_step_writes_a_file_only_where_there_is_none(before: str | None, tmp_path: Path) -> None:
    """The step is run as it is pasted, on a machine that is a folder and has no k3s to restart."""
    file = tmp_path / "r3" / "etc" / "rancher" / "k3s" / "registries.yaml"
    if before is not None:
        file.parent.mkdir(parents=True)
        file.write_text(before)
    step = only(on_k3s(CASES["registry-plain-http"].snapshot)).do.replace("systemctl restart k3s-agent", "true")
    environment = {"PATH": f"{COMMANDS}:{os.defpath}", "LAB_TEST_MACHINES": str(tmp_path), "EDITOR": "true"}
    subprocess.run(["bash", "-c", step], env=environment, check=True)
    assert file.read_text() == (before or f'mirrors:\n  "{REGISTRY}":\n    endpoint: ["http://{REGISTRY}"]\n')


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_node_is_pointed_to_what_the_registry_speaks(scheme: str) -> None:
    """The scheme is the one by which the lab reached the registry."""
    reference = f"{REGISTRY}/process-worker:0.1.0"
    snapshot = pull_fails(f"{reference}: not found", reference=reference)
    snapshot = with_probes(snapshot, registries=(RegistryProbe(REGISTRY, reachable=True, scheme=scheme),))  # type: ignore[arg-type]
    for finding in (only(snapshot), only(on_k3s(snapshot))):
        assert f"{scheme}://{REGISTRY}" in finding.do
        assert ("http://" in finding.do) == (scheme == "http")


@pytest.mark.parametrize("host", ["ghcr.io", "registry.gitlab.com:5050", "docker.io", "registry.example"])
def test_no_step_logs_in_to_the_machine_of_a_public_registry(host: str) -> None:
    """Nor to that of a registry without a port. The node asks the registry once more."""
    image = f"{host}/process-worker:1" if host != "docker.io" else "process-worker:1"
    reason = f'failed to do request: Head "https://{host}/v2/process-worker/manifests/1": dial tcp: i/o timeout'
    snapshot = with_probes(pull_fails(reason, reference=image), images=())
    finding = only(snapshot)
    server = "registry-1.docker.io" if host == "docker.io" else host
    assert (finding.cause, finding.do) == (
        "registry-unreachable",
        f"ssh r3 'curl -sSI --max-time 10 https://{server}/v2/'",
    )
    away = RegistryProbe(host, reachable=False, error="timed out")
    assert only(with_probes(healthy(), registries=(away,))).do == f"curl -sSI --max-time 10 https://{server}/v2/"


def test_a_registry_of_the_user_is_started_on_its_machine() -> None:
    """Where the lab reaches the registry, its port is opened instead."""
    assert only(registry_probed(reachable=False, error="refused")).do.startswith(f"ssh {HOST} 'sudo systemctl restart")
    assert "ufw allow 5000/tcp" in only(CASES["registry-unreachable"].snapshot).do


def test_the_step_for_an_unknown_node_takes_no_argument() -> None:
    """`lab registry config` prints the files for all nodes."""
    snapshot = with_objects(CASES["registry-plain-http"].snapshot, nodes=(node("amd64"),))
    assert [finding.do for finding in diagnose(snapshot) if finding.cause == "registry-plain-http"] == [
        "lab registry config"
    ]


def test_an_image_that_is_found_by_https_needs_no_plain_http() -> None:
    """Where the scheme is unknown, the file names HTTPS, which is every runtime's default."""
    reference = f"{REGISTRY}/process-worker:0.1.0"
    snapshot = pull_fails(f"{reference}: not found", reference=reference)
    snapshot = with_probes(snapshot, registries=(), images=(ImageProbe(reference, found=True),))
    assert f'server = "https://{REGISTRY}"' in only(snapshot).do
