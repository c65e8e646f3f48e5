"""Images and pulls in their variants: the evidence decides the cause, and a step names one image by its digest."""

from dataclasses import replace

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.snapshots.images import ImageProbe, Platform
from tests.unit.diagnosis.builders import (
    NAMESPACE,
    REGISTRY,
    bare,
    changed,
    digest,
    healthy,
    image,
    image_probe,
    node,
    pod,
    respecified,
    waiting,
    with_objects,
    with_pod,
    with_probes,
)
from tests.unit.diagnosis.cases import CASES
from tests.unit.diagnosis.faulty import pull_fails
from tests.unit.diagnosis.findings import only


@pytest.mark.parametrize(
    ("version", "labels", "words"),
    [
        ("v1.34.4+k3s1", {}, ["/etc/rancher/k3s/registries.yaml", "mirrors:", "restart k3s-agent"]),
        ("v1.34.4+k3s1", {"node-role.kubernetes.io/control-plane": "true"}, ["registries.yaml", "restart k3s'"]),
        ("v1.34.4+rke2r1", {}, ["/etc/rancher/rke2/registries.yaml", "restart rke2-agent"]),
        ("v1.34.4", {}, [f"/etc/containerd/certs.d/{REGISTRY}/hosts.toml", '"pull", "resolve"']),
    ],
)
def test_plain_http_is_cured_by_the_file_of_that_node(version: str, labels: dict[str, str], words: list[str]) -> None:
    """Each distribution has the file at another path."""
    board = node("arm64")
    board["status"]["nodeInfo"]["kubeletVersion"] = version
    board["metadata"]["labels"] |= labels
    finding = only(with_objects(CASES["registry-plain-http"].snapshot, nodes=(node("amd64"), board)))
    assert all(word in finding.do for word in words), finding.do


def test_an_old_kubelet_tells_the_reason_only_in_its_event() -> None:
    """Before 1.31 a container that backs off names no reason."""
    snapshot = pull_fails("server gave HTTP response to HTTPS client")
    worker = waiting(pod(), "ImagePullBackOff", f'Back-off pulling image "{image("process-worker", "arm64")}"')
    assert only(with_pod(snapshot, worker)).cause == "registry-plain-http"


def test_the_nearest_image_is_offered_for_a_pod_that_the_lab_did_not_apply() -> None:
    """The registry's own list is the evidence. The step names one image by its digest, so that no runtime chooses."""
    reference = f"{REGISTRY}/process-worker:0.1.1"
    control = bare(respecified(pod(), image=reference), "control")
    control = waiting(control, "ErrImagePull", f"rpc error: code = NotFound desc = {reference}: not found")
    probe = image_probe("process-worker")
    absent = replace(probe, reference=reference, found=False, index_digest="", nearest="0.1.0")
    snapshot = with_pod(healthy(), control)
    finding = only(with_probes(snapshot, images=(*snapshot.probes.images, absent)))
    assert finding.object == "Pod/control"
    assert "0.1.0, 0.0.9" in finding.found
    nearest = image("process-worker", "arm64")
    assert finding.do == f"kubectl -n {NAMESPACE} set image pod/control process-worker={nearest}"
    amd64 = tuple(platform for platform in absent.platforms if platform.architecture != "arm64")
    without_arm64 = replace(absent, platforms=amd64)
    finding = only(with_probes(snapshot, images=(*snapshot.probes.images, without_arm64)))
    assert finding.do.startswith("lab images build && ")


def test_a_node_that_asks_another_registry_is_told_from_a_missing_image() -> None:
    """The lab finds the image and the node does not: its registries file is missing."""
    reference = f"{REGISTRY}/process-worker:0.1.0"
    finding = only(pull_fails(f"{reference}: not found", reference=reference))
    assert (finding.cause, "the lab finds it" in finding.found) == ("image-not-there", True)
    assert f"certs.d/{REGISTRY}/hosts.toml" in finding.do


def test_the_right_digest_is_offered_for_a_pod_that_the_lab_did_not_apply() -> None:
    """It is the digest for the node's architecture."""
    finding = only(replace(CASES["wrong-architecture"].snapshot, wanted=()))
    assert finding.do.endswith(f"process-worker={image('process-worker', 'arm64')}")


def test_an_image_without_this_architecture_has_to_be_built() -> None:
    """There is nothing to resolve."""
    reference = f"{REGISTRY}/process-worker:0.1.0"
    snapshot = pull_fails("no match for platform in manifest: not found", reference=reference)
    amd64 = Platform("amd64", digest("process-worker", "amd64"), "amd64")
    finding = only(with_probes(snapshot, images=(ImageProbe(reference, found=True, platforms=(amd64,)),)))
    assert (finding.cause, finding.do) == (
        "wrong-architecture",
        "lab images build && lab up --target kubernetes --namespace testbed --force",
    )


def test_an_index_that_lies_is_reported() -> None:
    """The build wrote the configuration of the image, and a person wrote the index."""
    arm64 = Platform("arm64", digest("process-worker", "arm64"), config_architecture="amd64")
    probe = ImageProbe(f"{REGISTRY}/process-worker:0.1.0", platforms=(arm64,))
    finding = diagnose(with_probes(healthy(), images=(probe,)))[0]
    assert finding.cause == "digest-not-of-architecture"
    assert "the index calls it arm64" in finding.found


def test_a_pod_by_the_index_whose_process_tells_nothing_is_not_believed() -> None:
    """Its architecture is unknown."""
    snapshot = CASES["wrong-architecture-silent"].snapshot
    assert "nothing proves" in only(with_probes(snapshot, processes=())).title


def test_a_pinned_pod_that_its_node_calls_by_the_index_is_believed() -> None:
    """A node that pulled the index before knows two digests, and reports the one that sorts first."""
    called = changed(pod(), imageID=image("process-worker"))
    assert diagnose(with_probes(with_pod(healthy(), called), processes=())) == diagnose(
        with_probes(healthy(), processes=())
    )
    elsewhere = changed(respecified(pod(), image=image("process-worker", "riscv64")), imageID=image("process-worker"))
    assert only(with_probes(with_pod(healthy(), elsewhere), processes=())).cause == "wrong-architecture-silent"
