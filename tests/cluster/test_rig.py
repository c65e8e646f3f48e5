"""The rig is a real cluster of two architectures, and behaves as virtual machines beside boards do."""

from typing import Any, Final

import pytest

from lab.errors import LabError, Unavailable
from tests.cluster import pods
from tests.cluster.pods import SAYS, pod
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.images import Image
from tests.cluster.rig.kubectl import Kubectl

ENDS_S: Final = 60.0


@pytest.fixture(scope="module")
def probe(rig: RigFacts) -> Image:
    """Push an image of both architectures whose program prints its machine."""
    return pods.push_probe(rig)


def answer(kubectl: Kubectl, namespace: str, manifest: dict[str, Any]) -> str:
    """Run a pod until it succeeds; return what it prints."""
    name, where = manifest["metadata"]["name"], f"--namespace={namespace}"
    kubectl.apply(manifest | {"metadata": manifest["metadata"] | {"namespace": namespace}})
    try:
        kubectl.wait("jsonpath={.status.phase}=Succeeded", where, f"pod/{name}", seconds=ENDS_S)
    except Unavailable as error:
        error.add_note(kubectl("describe", where, "pod", name)[-2000:])
        raise
    return kubectl("logs", where, name).strip()


def test_there_is_a_ready_node_of_each_architecture(rig: RigFacts, kubectl: Kubectl) -> None:
    """The API server lists both, at the addresses in the facts."""
    nodes = {}
    for node in kubectl.get("nodes")["items"]:
        assert [condition["status"] for condition in node["status"]["conditions"] if condition["type"] == "Ready"] == [
            "True"
        ]
        addresses = {address["type"]: address["address"] for address in node["status"]["addresses"]}
        nodes[node["metadata"]["name"]] = (node["status"]["nodeInfo"]["architecture"], addresses["InternalIP"])
        assert node["metadata"]["labels"]["kubernetes.io/arch"] == nodes[node["metadata"]["name"]][0]

    assert nodes == {node.name: (node.architecture, node.address) for node in rig.nodes}


@pytest.mark.parametrize("architecture", SAYS)
def test_a_pinned_image_runs_as_its_architecture(
    architecture: str, rig: RigFacts, kubectl: Kubectl, namespace: str, probe: Image
) -> None:
    """The manifest's digest leaves no choice, so the process reports the node's architecture."""
    manifest = pod("pinned", rig.node(architecture), probe.pinned(architecture), "machine")

    assert answer(kubectl, namespace, manifest) == SAYS[architecture]


def test_an_unpinned_image_on_the_arm64_node_is_the_wrong_one(
    rig: RigFacts, kubectl: Kubectl, namespace: str, probe: Image
) -> None:
    """The failure that led to this project: the node's runtime takes amd64 from an index, and the image runs."""
    manifest = pod("unpinned", rig.node("arm64"), probe.unpinned, "machine")

    assert answer(kubectl, namespace, manifest) == SAYS["amd64"]


def test_a_pod_reaches_a_service_on_the_other_node_by_its_name(
    rig: RigFacts, kubectl: Kubectl, namespace: str, probe: Image
) -> None:
    """Names, service addresses and routes between nodes work."""
    server = pod("server", rig.node("arm64"), probe.pinned("arm64"), "serve", ":8080")
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "server", "namespace": namespace},
        "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    kubectl.apply(server | {"metadata": server["metadata"] | {"namespace": namespace}}, service)
    kubectl.wait("condition=Ready", f"--namespace={namespace}", "pod/server")
    manifest = pod("client", rig.node("amd64"), probe.pinned("amd64"), "ask", "http://server/")

    assert answer(kubectl, namespace, manifest) == SAYS["arm64"]


@pytest.mark.parametrize("architecture", SAYS)
def test_a_pod_reaches_a_server_outside_the_cluster(
    architecture: str, rig: RigFacts, kubectl: Kubectl, namespace: str, probe: Image
) -> None:
    """The registry and a test's store are at the host's address."""
    manifest = pod("outward", rig.node(architecture), probe.pinned(architecture), "ask", f"http://{rig.registry}/v2/")

    assert answer(kubectl, namespace, manifest) == "{}"


def test_pod_security_refuses_what_is_not_restricted(
    rig: RigFacts, kubectl: Kubectl, namespace: str, probe: Image
) -> None:
    """Admission is on, as in other clusters."""
    manifest = pod("loose", rig.node("amd64"), probe.pinned("amd64"), "machine")
    del manifest["spec"]["containers"][0]["securityContext"]

    with pytest.raises(LabError, match="violates PodSecurity"):
        answer(kubectl, namespace, manifest)
