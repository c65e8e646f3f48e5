"""Faults on the stack that all tests share are found, and cured by the unchanged next step."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest

import lab
from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.finding import Finding
from lab.load.port import LoadOrder
from lab.settings import load_settings
from lab.snapshots.files import save
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.wiring import load_generator, snapshots
from tests.cluster.builder import checked_out
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


def findings(*, until: Callable[[list[str]], bool], seconds: float, keep: str = "") -> tuple[Finding, ...]:
    """Return the findings when their causes are as wanted, or when time is up; *keep* names the kept snapshot."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while True:
        snapshot = snapshots("kubernetes", load_settings()).take()
        current = diagnose(snapshot)
        if until([finding.cause for finding in current]) or time.monotonic() > end:
            folder = ClusterSettings().snapshots
            if folder is not None and keep:
                save(snapshot, folder / f"{keep}.json")
            return current
        pause.wait(1.0)


def cured_by(machines: Machines, diagnosed: tuple[Finding, ...], home: Path) -> tuple[Finding, ...]:
    """Run the next steps of all findings as a user with this process's settings; return the findings that are left."""
    checkout = checked_out(home / "checkout")
    for finding in diagnosed:
        done = machines.paste(finding.do, checkout, settings_here())
        assert done.returncode == 0, f"{finding.do}: {done.stdout[-600:]}{done.stderr[-600:]}"
    return findings(until=lambda causes: not causes, seconds=CURED_S)


class Planted(NamedTuple):
    """A fault of services that all seem well.

    Attributes:
        name: Name of the kept snapshot.
        changes: Deployment and the change, as arguments of `kubectl set`, with settings of the user's in braces.
        causes: Cause and object of every finding, with words of the finding.
        events: Whether events are sent after the changes.
    """

    name: str
    changes: Mapping[str, tuple[str, str]]
    causes: Mapping[tuple[str, str], str]
    events: bool = False


def silent(workload: str) -> tuple[str, str]:
    """Return cause and object of a service that is healthy, and whose metrics or work are missing."""
    return "running-no-metrics", f"Deployment/{workload}"


UNPINNED: Final = Planted(
    "wrong-architecture-silent-service",
    {f"{WORKER}-arm64": ("image", f"service={{registry}}/{WORKER}:{{image_tag}}")},
    {("wrong-architecture-silent", f"Deployment/{WORKER}-arm64"): "the process says x86_64"},
)
"""The failure that led to this project: the arm64 node runs the amd64 image of a tag, and all seems well."""
SILENT: Final = Planted(
    "running-no-metrics",
    {
        f"{WORKER}-amd64": ("env", "OTEL_METRICS_EXPORTER=none"),
        "query-api-amd64": ("env", f"OTEL_EXPORTER_OTLP_ENDPOINT={MISSPELT}"),
    },
    {
        silent(f"{WORKER}-amd64"): "the first silent stage is exporting",
        silent("query-api-amd64"): "the first silent stage is the collector",
    },
)
"""A service does not export its metrics; another sends them to a wrong address."""
IDLE: Final = Planted(
    "running-no-metrics-consuming",
    {f"{WORKER}-{architecture}": ("env", "LAB_STORE_NAMESPACE=elsewhere") for architecture in ("amd64", "arm64")},
    {silent(f"{WORKER}-{architecture}"): "the first silent stage is consuming" for architecture in ("amd64", "arm64")},
    events=True,
)
"""The workers read another stream: they are healthy, and events wait."""


@pytest.mark.parametrize("fault", [IDLE, UNPINNED, SILENT], ids=lambda fault: fault.name)
def test_services_that_seem_well_and_are_not_are_named(
    stack: ClusterDeployment, kubectl: Kubectl, machines: Machines, tmp_path: Path, fault: Planted
) -> None:
    """The fault is named with its objects and what was seen, and the next steps cure it."""
    settings = load_settings()
    namespace = f"--namespace={settings.namespace}"
    for deployment, (kind, change) in fault.changes.items():
        value = change.format(registry=settings.registry, image_tag=settings.image_tag)
        kubectl("set", kind, namespace, f"deployment/{deployment}", value)
    for deployment in fault.changes:
        kubectl("rollout", "status", namespace, f"deployment/{deployment}", "--timeout=120s", timeout_s=130.0)
    if fault.events:
        order = LoadOrder("test-consuming", lab.load("synthetic", rate=200.0), 2.0)
        load_generator(stack.endpoints).run(order, lambda _: None)
    causes = [cause for cause, _ in fault.causes]
    diagnosed = findings(until=lambda seen: seen == causes, seconds=FOUND_S, keep=fault.name)
    evidence = {(finding.cause, finding.object): f"{finding.title} {finding.found}" for finding in diagnosed}
    assert set(evidence) == set(fault.causes), diagnosed
    assert [cause for cause, words in fault.causes.items() if words not in evidence[cause]] == [], diagnosed
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
