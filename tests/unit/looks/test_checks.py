"""What a doctor says of what was seen: good or not, what was found, and a step that can be pasted."""

from dataclasses import replace
from typing import Any

import pytest

from lab.images.lock import ImageLock
from lab.probes.check import Check
from lab.probes.check_cluster import check_faults, check_nodes, check_rights, check_version
from lab.probes.check_images import judge_image, judge_lock
from lab.probes.check_servers import judge_prometheus, judge_store
from lab.probes.metrics_server import PrometheusLook
from lab.probes.store import StoreLook
from lab.settings import LabSettings
from lab.snapshots.probes import Denial, ImageProbe, Platform, PrometheusProbe, StoreProbe
from tests.rendered.samples import image

FIRST = image("ingest-api", "amd64")
DIGEST = FIRST.partition("@")[2]
BOTH = (Platform("arm64", "sha256:2"), Platform("amd64", DIGEST))


def settings(**given: object) -> LabSettings:
    """Settings with some values."""
    return LabSettings.model_validate(given)


def node(name: str, architecture: str, *, ready: bool = True, taint: str = "", **labels: str) -> dict[str, Any]:
    """A node as the API has it; a taint is `key=value:effect`."""
    key, _, rest = taint.partition("=")
    value, _, effect = rest.partition(":")
    info = {"architecture": architecture, "kubeletVersion": "v1.34.4", "containerRuntimeVersion": "containerd://1.6"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": [{"key": key, "value": value, "effect": effect}]} if taint else {},
        "status": {"nodeInfo": info, "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def held(reference: str, architecture: str) -> ImageProbe:
    """What a registry says of one pinned image that is for an architecture."""
    platform = Platform(architecture, reference.partition("@")[2], architecture)
    return ImageProbe(reference, found=True, platforms=(platform,))


@pytest.mark.parametrize(
    ("version", "good"), [("v1.30.0", True), ("v1.31.4+k3s1", True), ("v2.0.0", True), ("v1.29.9", False), ("?", False)]
)
def test_a_cluster_must_be_new_enough(version: str, *, good: bool) -> None:
    """1.30 or newer."""
    check = check_version(version, "https://cluster as me")
    assert (check.good, bool(check.next_step)) == (good, not good)


def test_missing_rights_are_listed_by_resource() -> None:
    """The step gives them; those that only faults need are a note."""
    missing = [Denial(verb, "deployments", "n", "apps", "me") for verb in ("get", "patch")]
    missing += [Denial("get", resource, "n", "", "me") for resource in ("pods", "events", "services", "configmaps")]
    check = check_rights(missing, "lab rbac print | kubectl apply -f -")
    assert not check.good
    assert check.found.startswith("may not get, patch deployments.apps; get pods")
    assert check.found.endswith("and 1 more kinds")
    assert check.next_step == "lab rbac print | kubectl apply -f -"
    assert check_faults([Denial("create", "pods/exec", "n", "", "me")], "step").good
    assert check_rights([], "step").next_step == ""


@pytest.mark.parametrize(
    ("nodes", "given", "step"),
    [
        ([node("a", "amd64")], {}, "export LAB_ARCHITECTURES=amd64"),
        (
            [node("a", "amd64"), node("b", "arm64", taint="board=small:NoSchedule")],
            {"tolerations": "old"},
            "export LAB_TOLERATIONS=old,board=small:NoSchedule",
        ),
        (
            [node("a", "amd64", nodetype="vm"), node("b", "arm64")],
            {"node_selector": "nodetype=vm"},
            "kubectl label node NAME nodetype=vm",
        ),
        ([], {}, "kubectl get nodes -L kubernetes.io/arch"),
        (
            [node("a", "amd64"), node("b", "arm64", taint="node.kubernetes.io/unschedulable=:NoSchedule")],
            {},
            "kubectl uncordon b",
        ),
        (
            [node("a", "amd64"), node("b", "arm64", ready=False, taint="node.kubernetes.io/unreachable=:NoExecute")],
            {},
            "export LAB_ARCHITECTURES=amd64",
        ),
        (
            [node("a", "amd64"), node("b", "arm64", taint="node.kubernetes.io/disk-pressure=:NoSchedule")],
            {},
            "export LAB_ARCHITECTURES=amd64",
        ),
    ],
)
def test_an_architecture_without_a_node_is_found(nodes: list[Any], given: dict[str, object], step: str) -> None:
    """With what would change it."""
    *_, placement = check_nodes(nodes, settings(**given))
    assert (placement.name, placement.good, placement.next_step) == ("placement", False, step)


def test_a_node_that_is_not_ready_is_found_and_not_counted() -> None:
    """A taint that is tolerated, or that only prefers, keeps nobody away."""
    nodes = [
        node("a", "amd64", taint="board=small:NoSchedule"),
        node("b", "arm64", taint="board=small:PreferNoSchedule"),
        node("c", "arm64", ready=False),
    ]
    first, second, third, placement = check_nodes(nodes, settings(tolerations="board"))
    assert (first.good, second.good, third.good, placement.good) == (True, True, False, True)
    assert third.found.endswith("not Ready")
    assert placement.found == "amd64: a; arm64: b"
    [tainted, _, _, _] = check_nodes(nodes, settings())
    assert tainted.good
    assert tainted.found.endswith("taint board=small:NoSchedule keeps pods away")


def test_a_cordoned_node_is_called_so() -> None:
    """The taint that says the same is no news, and nobody should tolerate it."""
    cordoned = node("b", "arm64", taint="node.kubernetes.io/unschedulable=:NoSchedule")
    cordoned["spec"]["unschedulable"] = True
    check, _ = check_nodes([cordoned], settings())
    assert check.good
    assert check.found.endswith("; cordoned, takes no new pods")


CLIENT = "redis-cli -e -h h -p 6379"
STORE = StoreProbe("h:6379", reachable=True, authenticated=True, policy="noeviction", durability="durable")


@pytest.mark.parametrize(
    ("look", "found", "step"),
    [
        (StoreLook(StoreProbe("h:6379", reachable=False, error="refused")), "refused", f"{CLIENT} ping"),
        (
            StoreLook(StoreProbe("h:6379", reachable=True, authenticated=False, error="NOAUTH")),
            "NOAUTH",
            "LAB_REDIS_PASSWORD_FILE",
        ),
        (StoreLook(replace(STORE, error="LOADING")), "LOADING", "redis-cli"),
        (StoreLook(STORE, "redis", "6.2.1", "6.2.1"), "need ≥ 7.0", "install redis ≥ 7.0"),
        (
            StoreLook(replace(STORE, policy="allkeys-lru", durability="volatile"), "redis", "7.2.4", "7.2.4"),
            "allkeys-lru, volatile",
            f"{CLIENT} config set maxmemory-policy noeviction && {CLIENT} config set appendonly yes",
        ),
    ],
)
def test_a_store_that_cannot_hold_the_ledger_is_found(look: StoreLook, found: str, step: str) -> None:
    """The worst first."""
    check = judge_store(look)
    assert not check.good
    assert found in check.found
    assert check.next_step.startswith(step) or step in check.next_step


def test_a_store_that_can_is_good() -> None:
    """Also one that may not be asked how durable it is."""
    for probe in (STORE, replace(STORE, durability="unknown")):
        check = judge_store(StoreLook(probe, "valkey", "9.1.2", "7.2.4"))
        assert check == Check("redis", good=True, found=f"valkey 9.1.2 at h:6379, noeviction, {probe.durability}")


@pytest.mark.parametrize(
    ("probe", "writes_to", "good", "words"),
    [
        (PrometheusProbe("http://h", reachable=True, receives=True), "", True, "remote-write receiver on"),
        (PrometheusProbe("http://h", reachable=True, receives=False, error="404: off"), "", False, "receiver is off"),
        (
            PrometheusProbe("http://h", reachable=True, receives=False, error="404: off"),
            "none",
            True,
            "honor_labels: true",
        ),
        (
            PrometheusProbe("http://h", reachable=True, receives=False),
            "http://other/api/v1/write",
            True,
            "http://other",
        ),
        (PrometheusProbe("http://h", reachable=True, receives=None, error="401: no"), "", False, "401"),
        (PrometheusProbe("http://h", reachable=False, error="timed out"), "", False, "timed out"),
    ],
)
def test_a_metrics_server_must_take_what_is_written_to_it(
    probe: PrometheusProbe, writes_to: str, *, good: bool, words: str
) -> None:
    """Unless somebody else is written to, or it scrapes."""
    check = judge_prometheus(PrometheusLook(probe, "2.42.0"), writes_to)
    assert (check.good, bool(check.next_step)) == (good, not good)
    assert words in check.found


@pytest.mark.parametrize(
    ("known", "good", "step"),
    [
        (held(FIRST, "amd64"), True, ""),
        (ImageProbe(FIRST), True, ""),
        (ImageProbe(FIRST, found=False), False, f"export LAB_REDIS_IMAGE={FIRST.partition('@')[0]}@sha256:…"),
        (ImageProbe(""), False, "export LAB_REDIS_IMAGE=host/name@sha256:…"),
        (
            ImageProbe(FIRST, found=True, platforms=(Platform("amd64", DIGEST, "arm64"),)),
            False,
            "export LAB_REDIS_IMAGE=",
        ),
        (
            ImageProbe("h:5000/redis:7", found=True, index_digest="sha256:1", platforms=BOTH),
            False,
            f"export LAB_REDIS_IMAGE=h:5000/redis@{DIGEST}",
        ),
    ],
)
def test_an_image_is_named_by_the_digest_of_its_architecture(known: ImageProbe, *, good: bool, step: str) -> None:
    """Where the registry has it, the step holds the digest."""
    check = judge_image("LAB_REDIS_IMAGE", known, "amd64")
    assert check.good is good
    assert check.next_step.startswith(step)
    assert check.name == "redis_image"


def test_images_that_are_not_there_or_of_another_architecture_are_named() -> None:
    """With digests cut short, and not more than three."""
    lock = ImageLock("h:5000", "dev", {})
    wanted = {image("ingest-api", one): one for one in ("amd64", "arm64")}
    right = [
        ImageProbe(ref, found=True, platforms=(Platform(arch, ref.partition("@")[2], arch),))
        for ref, arch in wanted.items()
    ]
    assert judge_lock(lock, wanted, tuple(right)).good
    assert judge_lock(lock, wanted, ()).found.endswith("not looked for")
    wrong = ImageProbe(
        right[1].reference, found=True, platforms=(Platform("arm64", right[1].platforms[0].digest, "amd64"),)
    )
    check = judge_lock(lock, wanted, (ImageProbe(right[0].reference, found=False), wrong))
    assert not check.good
    assert check.found.startswith("not there: 198.18.0.1:5000/ingest-api@")
    assert check.found.endswith("holds amd64")
