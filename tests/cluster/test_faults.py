"""No event is lost or double-counted while processes, pods, nodes and replicas come and go under load."""

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
from lab.display.silent import NoDisplay
from lab.faults.port import FaultInjector
from lab.model import Evidence, Fault, FaultRecord
from lab.settings import environment_with, load_settings
from lab.snapshots.kubernetes import NAME_LABEL, STACK_LABEL
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.port import Deployment
from lab.trials.phases import observe
from lab.trials.ports import OpenFaults
from lab.waiting import let_pass
from lab.wiring import parts
from tests.cluster.rig.certificates import ADMIN, Certificates
from tests.cluster.rig.commands import run
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.rig.network import interface_of
from tests.cluster.stack import ON_THE_CLUSTER, current_stack
from tests.waiting import until

RATE: Final = 1_000.0
SECONDS: Final = 11.0
EVENTS: Final = 10_000
AT_S: Final = 3.0
HEALED_S: Final = 15.0
"""Seconds from the end of a load until its account is settled: ten for the takeover, some for the emulated node."""
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


class Outcome(NamedTuple):
    """The evidence and the judgement of a load with a fault in it."""

    evidence: Evidence
    judged: Judgement


@dataclass(frozen=True, slots=True)
class Administrator:
    """Runs a function in place of a fault, with rights that the lab does not have; satisfies `FaultInjector`."""

    act: Callable[[], object]

    def inject(self, fault: Fault) -> FaultRecord:
        """See `FaultInjector.inject`."""
        started_ns = time.time_ns()
        self.act()
        return FaultRecord(fault.kind, fault.service, started_ns, time.time_ns())


def in_place_of_faults(act: Callable[[], object]) -> OpenFaults:
    """Return what gives every stack an administrator that runs *act*."""

    def administrator(
        _deployment: Deployment, _in_flight: Callable[[], int], /, *, pause: Callable[[float], object] = let_pass
    ) -> FaultInjector:
        del pause
        return Administrator(act)

    return administrator


def tried(
    stack: ClusterDeployment, fault: Fault, *, act: Callable[[], object] | None = None, seconds: float = SECONDS
) -> Outcome:
    """Put a load on the stack with a fault in it, or with *act* in place of the fault."""
    experiment = replace(LOADED, faults=[fault], duration=seconds)
    wired = parts("kubernetes", load_settings())
    if act is not None:
        wired = replace(wired, faults=in_place_of_faults(act))
    evidence = observe(experiment, wired, stack, display=NoDisplay(), run=f"faults-{uuid.uuid4().hex[:6]}")
    return Outcome(evidence, judge(experiment, evidence))


def assert_exact(outcome: Outcome) -> None:
    """Check that a fault was made, and that each of 10,000 acknowledged events was counted once."""
    ledger = outcome.judged.ledger
    assert len(outcome.evidence.faults) == 1
    assert outcome.evidence.load_run.account.acknowledged >= EVENTS
    assert (ledger.lost, ledger.double_counted, ledger.residual) == (0, 0, 0)
    assert ledger.counted >= EVENTS


def placeholder(service: str = WORKER) -> Fault:
    """Return a fault whose time an administrator uses."""
    return lab.delete_pod(service, at_s=AT_S)


@pytest.mark.in_turn(3)
def test_a_killed_worker_takes_its_last_counts_with_it_and_nothing_else(stack: ClusterDeployment) -> None:
    """Signal 9 ends its container, which starts again. Missing counts are attributed to it; the run is VALID."""
    outcome = tried(stack, lab.kill(WORKER, at_s=AT_S))
    assert_exact(outcome)
    [death] = outcome.evidence.deaths
    assert (death.service, death.signal) == (WORKER, 9)
    assert death.instance_id in outcome.evidence.store.instances
    assert outcome.judged.validity.status == "VALID", outcome.judged.validity
    missed = outcome.judged.comparison.attributions
    assert [(attribution.cause, attribution.instance_id) for attribution in missed] in (
        [],
        [(KILLED, death.instance_id)],
    )


@pytest.mark.in_turn(3)
def test_a_deleted_worker_pod_loses_nothing(stack: ClusterDeployment) -> None:
    """It drains and exports its last counts; another pod replaces it."""
    outcome = tried(stack, lab.delete_pod(WORKER, at_s=AT_S))
    assert_exact(outcome)
    assert outcome.judged.validity.status == "VALID", outcome.judged.validity
    assert len(outcome.evidence.store.instances) >= 2
    stack.bring_up()


@pytest.mark.in_turn(3)
def test_a_paused_worker_goes_on_where_it_stood(stack: ClusterDeployment) -> None:
    """Other workers take over its events; when it continues, it does not commit them again."""
    outcome = tried(stack, lab.pause(WORKER, at_s=AT_S, seconds=8.0))
    assert_exact(outcome)
    assert outcome.evidence.deaths == ()


@pytest.mark.in_turn(3)
def test_an_architecture_without_workers_is_carried_by_the_other(stack: ClusterDeployment) -> None:
    """Its workers are scaled to none for a while; then the number and the field's owner are restored."""
    outcome = tried(stack, lab.scale(WORKER, architecture="amd64", replicas=0, at_s=AT_S, seconds=6.0))
    assert_exact(outcome)
    stack.bring_up()
    assert {row.deployment: row.wanted for row in stack.rows()}[f"{WORKER}-amd64"] == 1
    assert main(["up", *ON_THE_CLUSTER]) == 0


@pytest.mark.in_turn(3)
def test_a_drained_node_loses_nothing(stack: ClusterDeployment, rig: RigFacts, kubectl: Kubectl) -> None:
    """Its pods wait for it, because no other node has their architecture; the other architecture carries on."""
    node = rig.node("arm64").name
    # The load run ends with the pod of its load generator.
    with stack.scaled("simulator", "arm64", replicas=0):
        stack.bring_up()
        with current_stack() as reached, drainable(kubectl, stack, node) as drain:
            outcome = tried(reached, placeholder(), act=drain)
            waiting = [row for row in stack.rows() if row.architecture == "arm64" and row.wanted]
            assert [(pod.state, pod.node) for row in waiting for pod in row.pods if pod.state != "Terminating"] == [
                ("Pending", "")
            ] * len(waiting)
    assert_exact(outcome)
    assert outcome.judged.validity.status == "VALID", outcome.judged.validity
    stack.bring_up()


@contextmanager
def drainable(kubectl: Kubectl, stack: ClusterDeployment, node: str) -> Iterator[Callable[[], str]]:
    """Yield a function that drains a node of the stack's pods; at the end the node is uncordoned."""
    namespace, selector = f"--namespace={stack.cluster.namespace}", f"--selector={STACK_LABEL}"
    kubectl("label", "pods", "--overwrite", namespace, selector, "drain=here")
    try:
        # On a kept rig, pods of other stacks must stay.
        yield lambda: kubectl(
            "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--pod-selector=drain=here", "--timeout=60s"
        )
    finally:
        kubectl("uncordon", node)


@pytest.mark.in_turn(3)
def test_a_node_whose_packets_are_dropped_loses_nothing(stack: ClusterDeployment, rig: RigFacts) -> None:
    """Nobody is told: connections stand still for 0.3 to 2.5 s, three times. No process starts again for that."""
    interface = interface_of(rig.node("arm64").namespace)

    def drop_packets() -> None:
        for seconds in (0.3, 1.2, 2.5):
            run("ip", "link", "set", interface, "down")
            try:
                let_pass(seconds)
            finally:
                run("ip", "link", "set", interface, "up")
            let_pass(1.0)

    outcome = tried(stack, placeholder(), act=drop_packets)
    assert_exact(outcome)
    assert (outcome.evidence.read_ns - outcome.evidence.load_run.window.end_ns) / 1e9 < HEALED_S
    assert outcome.evidence.deaths == ()
    stack.bring_up()


@pytest.mark.in_turn(3)
def test_a_restarted_collector_loses_no_event(stack: ClusterDeployment, kubectl: Kubectl) -> None:
    """Telemetry has a gap, and the run reports only this gap; the ledger does not depend on telemetry."""
    selector = f"--selector={NAME_LABEL}=otel-collector"
    delete = ("delete", "pod", f"--namespace={stack.cluster.namespace}", selector, "--wait=false")
    outcome = tried(stack, placeholder(), act=lambda: kubectl(*delete))
    assert_exact(outcome)
    assert {reason.code for reason in outcome.judged.validity.reasons} <= {"scrape-gap"}, outcome.judged.validity
    assert all(attribution.explained for attribution in outcome.judged.comparison.attributions)
    stack.bring_up()


@pytest.fixture
def small(runs: Path, rig: RigFacts) -> Iterator[ClusterDeployment]:
    """Yield a stack for one architecture with node ports, which an administrator brings up in another namespace."""
    own = {
        "LAB_KUBECONFIG": str(Certificates(rig.state / "certificates").kubeconfig(ADMIN)),
        "LAB_NAMESPACE": "small",
        "LAB_ARCHITECTURES": "amd64",
        "LAB_NODE_PORTS": "1",
        "LAB_REDIS_URL": f"redis://{rig.host}:6379/3",
    }
    with environment_with(**own):
        try:
            assert main(["up", *ON_THE_CLUSTER]) == 0
            with current_stack() as stack:
                yield stack
        finally:
            assert main(["down", *ON_THE_CLUSTER]) == 0


@pytest.mark.in_turn(3)
def test_a_change_of_replicas_and_of_placement_rolls_under_load(small: ClusterDeployment, rig: RigFacts) -> None:
    """Pods are doubled, then moved, which ends the load early; acknowledged events are counted all the same."""
    before, codes = set(small.programs()), list[int]()
    # A node port works a moment after its pod is ready; until then the lab forwards ports.
    until(lambda: small.endpoints.query.startswith(f"{rig.node('amd64').address}:"))

    def roll() -> None:
        moved = {"LAB_NODE_SELECTOR": f"kubernetes.io/hostname={rig.node('amd64').name}"}
        for change in ({"LAB_REPLICAS": "2"}, moved):
            with environment_with(**change):
                codes.append(main(["up", *ON_THE_CLUSTER]))

    outcome = tried(small, placeholder(), act=roll, seconds=60.0)
    assert codes == [0, 0]
    assert outcome.evidence.load_run.stopped
    assert_exact(outcome)
    until(lambda: before.isdisjoint(small.programs()), within_s=60.0)


def test_only_what_is_there_can_be_broken(stack: ClusterDeployment) -> None:
    """Other services and Deployments are refused."""
    with pytest.raises(lab.LabError, match='no service "redis" in this stack'):
        stack.kill("redis")
    refused = pytest.raises(lab.LabError, match="no Deployment process-worker-riscv in this stack")
    with refused, stack.scaled(WORKER, "riscv", replicas=0):
        pytest.fail("there is no such Deployment")
