"""No event is lost or counted twice while processes, pods, nodes and replicas come and go under load."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

import pytest

import lab
from lab.analysis.agreement import KILLED
from lab.analysis.judge import Judgement, judge
from lab.cli import main
from lab.model import Evidence, Fault, FaultRecord
from lab.settings import environment_with, load_settings
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.objects import NAME_LABEL, STACK_LABEL
from lab.trials.experiment import observe
from lab.wiring import parts
from tests.cluster.rig.certificates import ADMIN, Certificates
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.stack import ON_THE_CLUSTER, current_stack
from tests.integration.trials import Unrecorded
from tests.waiting import until

RATE: Final = 1_000.0
SECONDS: Final = 11.0
EVENTS: Final = 10_000
AT_S: Final = 3.0
WORKER: Final = "process-worker"
LOADED: Final = lab.Experiment(
    "faults",
    lab.load("synthetic", rate=RATE),
    [lab.nothing_lost(), lab.nothing_counted_twice()],
    target="kubernetes",
    duration=SECONDS,
    warm_up=2.0,
)

pytestmark = pytest.mark.timeout(600)


class Tried(NamedTuple):
    """A load with something broken in it: what was observed, and what it means."""

    evidence: Evidence
    judged: Judgement


@dataclass(frozen=True, slots=True)
class Administrator:
    """Does at the time of a fault what the lab has no right to; satisfies `FaultInjector`."""

    act: Callable[[], object]

    def inject(self, fault: Fault) -> FaultRecord:
        """See `FaultInjector.inject`."""
        started_ns = time.time_ns()
        self.act()
        return FaultRecord(fault.kind, fault.service, started_ns, time.time_ns())


def tried(
    stack: ClusterDeployment, fault: Fault, *, act: Callable[[], object] | None = None, seconds: float = SECONDS
) -> Tried:
    """A load on the stack with a fault in it, or with what an administrator does at its time."""
    experiment = replace(LOADED, faults=[fault], duration=seconds)
    wired = parts(load_settings(), "kubernetes")
    if act is not None:
        wired = replace(wired, faults=lambda *_: Administrator(act))
    evidence = observe(experiment, wired, stack, Unrecorded(f"faults-{uuid.uuid4().hex[:6]}"))
    return Tried(evidence, judge(experiment, evidence))


def assert_exact(found: Tried) -> None:
    """Something was broken, and every one of ten thousand acknowledged events was counted once."""
    ledger = found.judged.ledger
    assert len(found.evidence.faults) == 1
    assert found.evidence.load_run.account.acknowledged >= EVENTS
    assert (ledger.lost, ledger.double_counted, ledger.residual) == (0, 0, 0)
    assert ledger.counted >= EVENTS


def nothing_happens(service: str = WORKER) -> Fault:
    """The time at which an administrator does something."""
    return lab.delete_pod(service, at_s=AT_S)


def test_a_killed_worker_takes_its_last_counts_with_it_and_nothing_else(stack: ClusterDeployment) -> None:
    """Its container ends by signal 9 and is started again; what Prometheus misses bears its name: VALID."""
    found = tried(stack, lab.kill(WORKER, at_s=AT_S))
    assert_exact(found)
    [death] = found.evidence.deaths
    assert (death.service, death.signal) == (WORKER, 9)
    assert death.instance_id in found.evidence.store.instances
    assert found.judged.validity.status == "VALID", found.judged.validity
    missed = found.judged.comparison.attributions
    assert [(one.cause, one.instance_id) for one in missed] in ([], [(KILLED, death.instance_id)])


def test_a_deleted_worker_pod_loses_nothing(stack: ClusterDeployment) -> None:
    """It drains and says its last counts; another takes its place."""
    found = tried(stack, lab.delete_pod(WORKER, at_s=AT_S))
    assert_exact(found)
    assert found.judged.validity.status == "VALID", found.judged.validity
    assert len(found.evidence.store.instances) >= 2
    stack.wait()


def test_a_paused_worker_goes_on_where_it_stood(stack: ClusterDeployment) -> None:
    """Others take over what it held; when it is back it commits nothing of that again."""
    found = tried(stack, lab.pause(WORKER, at_s=AT_S, seconds=8.0))
    assert_exact(found)
    assert found.evidence.deaths == ()


def test_an_architecture_without_workers_is_carried_by_the_other(stack: ClusterDeployment) -> None:
    """Scaled to none for a while, then to as many as before, with the field's owner of before."""
    found = tried(stack, lab.scale(WORKER, architecture="amd64", replicas=0, at_s=AT_S, seconds=6.0))
    assert_exact(found)
    assert {row.deployment: row.wanted for row in stack.wait()}[f"{WORKER}-amd64"] == 1
    assert main(["up", *ON_THE_CLUSTER]) == 0


def test_a_drained_node_loses_nothing(stack: ClusterDeployment, rig: RigFacts, kubectl: Kubectl) -> None:
    """Pods of its architecture wait for it, since no other node may have them; the other architecture carries on."""
    node = rig.node("arm64").name
    # The load is played by one pod, and is over when that pod is.
    with stack.scaled("simulator", "arm64", replicas=0):
        stack.wait()
        with current_stack() as reached, drainable(kubectl, stack, node) as drain:
            found = tried(reached, nothing_happens(), act=drain)
            waiting = [row for row in stack.rows() if row.architecture == "arm64" and row.wanted]
            assert [(pod.doing, pod.node) for row in waiting for pod in row.pods if pod.doing != "Terminating"] == [
                ("Pending", "")
            ] * len(waiting)
    assert_exact(found)
    assert found.judged.validity.status == "VALID", found.judged.validity
    stack.wait()


@contextmanager
def drainable(kubectl: Kubectl, stack: ClusterDeployment, node: str) -> Iterator[Callable[[], str]]:
    """A way to drain a node of the stack's pods; it may be used again afterwards, whatever happens."""
    mine, selector = f"--namespace={stack.cluster.namespace}", f"--selector={STACK_LABEL}"
    kubectl("label", "pods", "--overwrite", mine, selector, "drain=here")
    try:
        # Pods of other stacks on a kept rig are other people's.
        yield lambda: kubectl(
            "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--pod-selector=drain=here", "--timeout=60s"
        )
    finally:
        kubectl("uncordon", node)


def test_a_restarted_collector_loses_no_event(stack: ClusterDeployment, kubectl: Kubectl) -> None:
    """Telemetry stands still meanwhile, and the run says so and nothing worse; the ledger does not depend on it."""
    one = f"{NAME_LABEL}=otel-collector"
    delete = ("delete", "pod", f"--namespace={stack.cluster.namespace}", f"--selector={one}", "--wait=false")
    found = tried(stack, nothing_happens(), act=lambda: kubectl(*delete))
    assert_exact(found)
    assert {reason.code for reason in found.judged.validity.reasons} <= {"scrape-gap"}, found.judged.validity
    assert all(one.explained for one in found.judged.comparison.attributions)
    stack.wait()


@pytest.fixture
def small(runs: Path, rig: RigFacts) -> Iterator[ClusterDeployment]:
    """A stack for one architecture with ports of nodes, in a namespace of its own, by somebody who may do all."""
    mine = {
        "LAB_KUBECONFIG": str(Certificates(rig.state / "certificates").kubeconfig(ADMIN)),
        "LAB_NAMESPACE": "small",
        "LAB_ARCHITECTURES": "amd64",
        "LAB_NODE_PORTS": "1",
        "LAB_REDIS_URL": f"redis://{rig.host}:6379/3",
    }
    with environment_with(**mine):
        try:
            assert main(["up", *ON_THE_CLUSTER]) == 0
            with current_stack() as stack:
                yield stack
        finally:
            assert main(["down", *ON_THE_CLUSTER]) == 0


def test_a_change_of_replicas_and_of_placement_rolls_under_load(small: ClusterDeployment, rig: RigFacts) -> None:
    """Twice as many pods, then others on chosen nodes, the load's, too: it ends early; what it was promised is kept."""
    before, codes = set(small.programs()), list[int]()
    # A node's port leads to a pod a moment after that is ready; until then the lab goes another way.
    until(lambda: small.endpoints.query.startswith(f"{rig.node('amd64').address}:"))

    def roll() -> None:
        chosen = {"LAB_NODE_SELECTOR": f"kubernetes.io/hostname={rig.node('amd64').name}"}
        for change in ({"LAB_REPLICAS": "2"}, chosen):
            with environment_with(**change):
                codes.append(main(["up", *ON_THE_CLUSTER]))

    found = tried(small, nothing_happens(), act=roll, seconds=60.0)
    assert codes == [0, 0]
    assert found.evidence.load_run.stopped
    assert_exact(found)
    until(lambda: before.isdisjoint(small.programs()), within_s=60.0)


def test_only_what_is_there_can_be_broken(stack: ClusterDeployment) -> None:
    """A pod of another stack, or of no service, is never found."""
    with pytest.raises(lab.LabError, match='no service "redis" in this stack'):
        stack.kill("redis")
    with pytest.raises(lab.LabError, match="no Deployment process-worker-riscv in this stack"):
        stack.scaled(WORKER, "riscv", replicas=0).__enter__()
