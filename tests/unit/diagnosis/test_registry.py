"""Next steps for a registry change what is the lab's, on machines that are the user's."""

import os
import subprocess
from pathlib import Path

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding
from lab.snapshots.probes import ImageProbe, RegistryProbe
from lab.snapshots.snapshot import Snapshot
from tests.cluster.faults.machines import COMMANDS
from tests.unit.diagnosis.builders import HOST, REGISTRY, node, with_objects, with_probes
from tests.unit.diagnosis.cases import CASES, pull_fails, registry_says


def only(snapshot: Snapshot) -> Finding:
    """The one thing that is wrong."""
    found = diagnose(snapshot)
    assert len(found) == 1, [(one.cause, one.object) for one in found]
    return found[0]


def on_k3s(snapshot: Snapshot) -> Snapshot:
    """The arm64 node runs k3s."""
    board = node("arm64")
    board["status"]["nodeInfo"]["kubeletVersion"] = "v1.34.4+k3s1"
    return with_objects(snapshot, nodes=(node("amd64"), board))


def test_a_file_of_mirrors_and_logins_that_is_there_is_not_replaced() -> None:
    """It is opened, and what to add is told."""
    found, path = only(on_k3s(CASES["registry-plain-http"].snapshot)), "/etc/rancher/k3s/registries.yaml"
    assert found.do.startswith(f"if ssh r3 'sudo test -e {path}'; then ssh -t r3 ")
    edit, _, write = found.do.partition("; else ")
    assert "tee" not in edit
    assert "${EDITOR:-vi}" in edit
    assert "restart k3s-agent" in edit
    assert f"sudo tee {path}" in write
    assert f'add below mirrors: "{REGISTRY}": {{endpoint: ["http://{REGISTRY}"]}}' in found.why


@pytest.mark.parametrize("before", [None, "mirrors: {others: {}}\n"])
def test_the_step_writes_a_file_only_where_there_is_none(before: str | None, tmp_path: Path) -> None:
    """Carried out as it is pasted, on a machine in a folder, whose k3s is not there to start again."""
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
    """As the lab itself found it."""
    reference = f"{REGISTRY}/process-worker:0.1.0"
    here = pull_fails(f"{reference}: not found", reference=reference)
    here = with_probes(here, registries=(RegistryProbe(REGISTRY, reachable=True, scheme=scheme),))  # type: ignore[arg-type]
    for found in (only(here), only(on_k3s(here))):
        assert f"{scheme}://{REGISTRY}" in found.do
        assert ("http://" in found.do) == (scheme == "http")


@pytest.mark.parametrize("host", ["ghcr.io", "registry.gitlab.com:5050", "docker.io", "registry.example"])
def test_nobody_signs_in_to_a_registry_that_others_run(host: str) -> None:
    """Or that has no port of its own; the node asks it once more."""
    image = f"{host}/process-worker:1" if host != "docker.io" else "process-worker:1"
    said = f'failed to do request: Head "https://{host}/v2/process-worker/manifests/1": dial tcp: i/o timeout'
    here = with_probes(pull_fails(said, reference=image), images=())
    found = only(here)
    server = "registry-1.docker.io" if host == "docker.io" else host
    assert (found.cause, found.do) == (
        "registry-unreachable",
        f"ssh r3 'curl -sSI --max-time 10 https://{server}/v2/'",
    )
    lab_alone = only(with_probes(registry_says(reachable=False, error="timed out"), registries=(away(host),)))
    assert lab_alone.do == f"curl -sSI --max-time 10 https://{server}/v2/"


def away(host: str) -> RegistryProbe:
    """A registry that the lab does not reach."""
    return RegistryProbe(host, reachable=False, error="timed out")


def test_a_registry_of_one_s_own_is_started_on_its_machine() -> None:
    """Or its firewall is opened for its port, where the lab does reach it."""
    assert only(registry_says(reachable=False, error="refused")).do.startswith(f"ssh {HOST} 'sudo systemctl restart")
    assert "ufw allow 5000/tcp" in only(CASES["registry-unreachable"].snapshot).do


def test_what_is_printed_for_a_node_that_nobody_knows_takes_no_argument() -> None:
    """`lab registry config` prints what every node has to know."""
    here = with_objects(CASES["registry-plain-http"].snapshot, nodes=(node("amd64"),))
    assert [one.do for one in diagnose(here) if one.cause == "registry-plain-http"] == ["lab registry config"]


def test_an_image_that_is_found_by_https_needs_no_plain_http() -> None:
    """Where the scheme was not seen, what every runtime speaks by itself is written."""
    reference = f"{REGISTRY}/process-worker:0.1.0"
    here = pull_fails(f"{reference}: not found", reference=reference)
    here = with_probes(here, registries=(), images=(ImageProbe(reference, found=True),))
    assert f'server = "https://{REGISTRY}"' in only(here).do
