"""Faults on the stack that all tests share are found, and cured by the unchanged next step."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

import lab
from lab.load.port import LoadOrder
from lab.settings import load_settings
from lab.snapshots.files import save
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.wiring import load_generator, snapshots
from tests.cluster.builder import checked_out
from tests.cluster.faults.findings import Findings, await_findings
from tests.cluster.faults.machines import Machines, settings_here
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.rig.processes import Processes
from tests.cluster.rig.settings import ClusterSettings

WORKER: Final = "process-worker"
MISSPELT: Final = "http://otel-collecter:4317"
FOUND_S: Final = 180.0
"""A rule calls a process silent after a minute; the control plane calls a node silent a little earlier."""
CURED_S: Final = 180.0

# Meanwhile faults are made in other namespaces, which must not be attributed to this stack.
pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("misrouted_metrics", "outcomes", "failed_up")]


def findings(*, until: Callable[[list[str]], bool], seconds: float, keep: str = "") -> Findings:
    """Return the findings when their causes are as wanted, or when time is up; *keep* names the kept snapshot."""
    source, folder = snapshots("kubernetes", load_settings()), ClusterSettings().snapshots
    snapshot, current = await_findings(
        source.take, lambda current: until([finding.cause for finding in current]), seconds=seconds
    )
    if folder is not None and keep and snapshot is not None:
        save(snapshot, folder / f"{keep}.json")
    return current


def cured_by(machines: Machines, diagnosed: Findings, home: Path) -> Findings:
    """Run the next steps of all findings as a user with this process's settings; return the findings that are left."""
    checkout = checked_out(home / "checkout")
    for finding in diagnosed:
        done = machines.paste(finding.do, checkout, settings_here())
        assert done.returncode == 0, f"{finding.do}: {done.stdout[-600:]}{done.stderr[-600:]}"
    return findings(until=lambda causes: not causes, seconds=CURED_S)


@pytest.mark.in_turn(3)
def test_workers_that_take_nothing_are_named_with_the_silent_stage(
    stack: ClusterDeployment, kubectl: Kubectl, machines: Machines, tmp_path: Path
) -> None:
    """The workers read another stream: they are healthy, and events wait."""
    namespace = f"--namespace={load_settings().namespace}"
    for architecture in ("amd64", "arm64"):
        kubectl("set", "env", namespace, f"deployment/{WORKER}-{architecture}", "LAB_STORE_NAMESPACE=elsewhere")
        kubectl(
            "rollout", "status", namespace, f"deployment/{WORKER}-{architecture}", "--timeout=120s", timeout_s=130.0
        )
    order = LoadOrder("test-consuming", lab.load("synthetic", rate=200.0), 2.0)
    load_generator(stack.endpoints).run(order, lambda _: None)
    diagnosed = findings(until=lambda causes: len(causes) == 2, seconds=FOUND_S, keep="running-no-metrics-consuming")
    assert {(finding.cause, finding.object) for finding in diagnosed} == {
        ("running-no-metrics", f"Deployment/{WORKER}-{architecture}") for architecture in ("amd64", "arm64")
    }
    assert all("the first silent stage is consuming" in finding.title for finding in diagnosed)
    assert cured_by(machines, diagnosed, tmp_path) == ()


@pytest.mark.in_turn(3)
def test_an_unpinned_service_says_that_it_is_of_the_wrong_architecture(
    stack: ClusterDeployment, kubectl: Kubectl, machines: Machines, tmp_path: Path
) -> None:
    """The failure that led to this project: the arm64 node runs the amd64 image of a tag, and all seems well."""
    settings = load_settings()
    namespace, image = f"--namespace={settings.namespace}", f"{settings.registry}/{WORKER}:{settings.image_tag}"
    kubectl("set", "image", namespace, f"deployment/{WORKER}-arm64", f"service={image}")
    kubectl("rollout", "status", namespace, f"deployment/{WORKER}-arm64", "--timeout=120s", timeout_s=130.0)
    silent = "wrong-architecture-silent"
    diagnosed = findings(until=lambda causes: silent in causes, seconds=FOUND_S, keep=f"{silent}-service")
    assert [(finding.cause, finding.object) for finding in diagnosed] == [(silent, f"Deployment/{WORKER}-arm64")]
    assert "the process says x86_64" in diagnosed[0].found
    assert cured_by(machines, diagnosed, tmp_path) == ()


@pytest.mark.in_turn(3)
def test_silent_services_are_named_with_their_first_silent_stage(
    stack: ClusterDeployment, kubectl: Kubectl, machines: Machines, tmp_path: Path
) -> None:
    """A service does not export its metrics; another sends them to a wrong address."""
    namespace = f"--namespace={load_settings().namespace}"
    kubectl("set", "env", namespace, f"deployment/{WORKER}-amd64", "OTEL_METRICS_EXPORTER=none")
    kubectl("set", "env", namespace, "deployment/query-api-amd64", f"OTEL_EXPORTER_OTLP_ENDPOINT={MISSPELT}")
    both = ["running-no-metrics"] * 2
    diagnosed = findings(until=lambda causes: causes == both, seconds=FOUND_S, keep="running-no-metrics")
    assert [finding.cause for finding in diagnosed] == both, diagnosed
    assert {finding.object: finding.title.rpartition("stage is ")[2] for finding in diagnosed} == {
        f"Deployment/{WORKER}-amd64": "exporting",
        "Deployment/query-api-amd64": "the collector",
    }
    assert cured_by(machines, diagnosed, tmp_path) == ()


@pytest.mark.skipif(
    ClusterSettings().snapshots is None, reason="takes four minutes: make snapshots; its snapshot is kept"
)
def test_a_node_that_falls_silent_is_named_and_not_its_pods(
    stack: ClusterDeployment, rig: RigFacts, machines: Machines, tmp_path: Path, after_the_others: None
) -> None:
    """Its kubelet is stopped; the finding names the node and not its pods."""
    node = rig.node("arm64").name
    with frozen(rig, f"kubelet-{node}") as thaw, machines.unit(node, "kubelet", thaw, started=False):
        diagnosed = findings(until=lambda causes: "node-not-ready" in causes, seconds=FOUND_S, keep="node-not-ready")
        assert [(finding.cause, finding.object) for finding in diagnosed] == [("node-not-ready", f"Node/{node}")]
        assert cured_by(machines, diagnosed, tmp_path) == ()


@contextmanager
def frozen(rig: RigFacts, name: str) -> Iterator[Callable[[], ExitStack]]:
    """Stop a process of the rig; yield a function that continues it, as a restart of its unit would."""
    [process] = Processes(rig.state, tied_to_parent=False).running(name).values()

    def thaw() -> ExitStack:
        os.kill(process.pid, signal.SIGCONT)
        return ExitStack()

    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield thaw
    finally:
        os.kill(process.pid, signal.SIGCONT)
