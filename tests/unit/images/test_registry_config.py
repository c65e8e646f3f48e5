"""The files for builder and nodes: only the configured host may speak plain HTTP."""

import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from lab.diagnosis.rules.images.node_registries import point_to_registry
from lab.images.access import RegistryAccess
from lab.images.registry_config import MAKE_CONFIGURED, config_files
from lab.snapshots.kubernetes import Node
from tests.unit.diagnosis.builders import healthy, node, with_probes
from tests.unit.diagnosis.findings import only

PROJECT = Path(__file__).parents[3]
HOST = "registry.example:5000"
PLAIN = RegistryAccess(HOST, "team", plain_http=True)
OWN_CA = RegistryAccess(HOST, ca_file=Path("/path/to/ca.crt"))


def texts(access: RegistryAccess) -> tuple[str, str, str]:
    """Return the files for buildkitd, for k3s and for containerd."""
    buildkitd, k3s, containerd = config_files(access)
    return buildkitd.content, k3s.content, containerd.content


def test_plain_http_is_allowed_for_one_host() -> None:
    """Each file allows it in the form of its reader."""
    buildkitd, k3s, containerd = texts(PLAIN)
    assert tomllib.loads(buildkitd) == {"registry": {HOST: {"http": True}}}
    assert yaml.safe_load(k3s) == {"mirrors": {HOST: {"endpoint": [f"http://{HOST}"]}}}
    pull = {"capabilities": ["pull", "resolve"]}
    assert tomllib.loads(containerd) == {"server": f"http://{HOST}", "host": {f"http://{HOST}": pull}}


def test_an_own_ca_is_trusted_for_one_host() -> None:
    """Certificates are always checked."""
    buildkitd, k3s, containerd = texts(OWN_CA)
    assert tomllib.loads(buildkitd) == {"registry": {HOST: {"ca": ["/path/to/ca.crt"]}}}
    assert yaml.safe_load(k3s)["configs"] == {HOST: {"tls": {"ca_file": "/etc/rancher/k3s/registry-ca.crt"}}}
    [trusted] = tomllib.loads(containerd)["host"].values()
    assert trusted["ca"] == f"/etc/containerd/certs.d/{HOST}/ca.crt"


@pytest.mark.parametrize("access", [PLAIN, OWN_CA], ids=["plain-http", "own-ca"])
def test_no_check_is_ever_skipped(access: RegistryAccess) -> None:
    """No file has an option that skips it."""
    for text in texts(access):
        assert "skip_verify" not in text
        assert "insecure" not in text


def test_every_file_has_its_place_and_its_instructions() -> None:
    """It can be handed on by itself."""
    buildkitd, k3s, containerd = texts(PLAIN)
    assert "docker buildx create --name lab" in buildkitd
    assert "/etc/rancher/k3s/registries.yaml on every node" in k3s
    assert "systemctl restart k3s" in k3s
    assert f"/etc/containerd/certs.d/{HOST}/hosts.toml" in containerd


@pytest.mark.parametrize(("folder", "access"), [("plain-http", PLAIN), ("own-ca", OWN_CA)])
def test_the_committed_examples_are_what_the_command_writes(folder: str, access: RegistryAccess) -> None:
    """With `LAB_REGISTRY=registry.example:5000`, `_INSECURE=1` or `_CA_FILE=/path/to/ca.crt`, and `--write FOLDER`."""
    committed = {path.name: path.read_text() for path in (PROJECT / "manifests" / "registry" / folder).iterdir()}
    assert committed == {file.name: file.content for file in config_files(access)}


def test_a_diagnosis_writes_the_same_file_on_a_node() -> None:
    """Diagnosis does not import this room, so that it has a shorter text of its own."""
    _, k3s, containerd = texts(PLAIN)
    assert yaml.safe_load(written_on_a_node("v1.34.4+k3s1")) == yaml.safe_load(k3s)
    assert tomllib.loads(written_on_a_node("v1.34.4")) == tomllib.loads(containerd)


def written_on_a_node(kubelet: str) -> str:
    """Return the file that a diagnosis writes on a node with this version of the kubelet."""
    raw = node("arm64")
    raw["status"]["nodeInfo"]["kubeletVersion"] = kubelet
    command = point_to_registry(Node(raw), HOST, "http")
    _, *lines = shlex.split(command.partition("printf ")[2].partition(" | ")[0])
    return "\n".join(lines)


def test_a_diagnosis_makes_the_same_builder() -> None:
    """With the same configuration, too."""
    line = f'Head "https://{HOST}/v2/app/manifests/dev": http: server gave HTTP response to HTTPS client'
    step = only(with_probes(healthy(), build_log=(line,))).do
    assert MAKE_CONFIGURED in step
    written = step.partition("printf '")[2].partition("'")[0].replace("\\n", "\n")
    assert tomllib.loads(written) == tomllib.loads(texts(PLAIN)[0])
