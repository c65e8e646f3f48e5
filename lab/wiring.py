"""Names → adapters: tables of entry points, each loaded when it is used, so that an import loads nothing heavy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from lab.entry_points import Entry, target_row, when_called
from lab.systems.services import SYSTEM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from lab.faults.injector import DeploymentFaults
    from lab.load.cpu_users import CpuUsers
    from lab.load.machine_pauses import PauseProbe
    from lab.load.port import LoadGenerator
    from lab.load.simulator import SimulatorLoad
    from lab.metrics.dead_letters import DeadLetters
    from lab.metrics.ledger import QueryLedger
    from lab.metrics.port import LedgerSource, MetricSource
    from lab.model import Access, Endpoints, StoreFacts, Window
    from lab.probes.cluster_snapshot import ClusterSnapshots
    from lab.probes.dependencies import AskStore, ConfiguredDependencies
    from lab.probes.ports import Dependencies, OpenSnapshots, Stacks
    from lab.rpc.channels import Connect
    from lab.runs.store import RunStore
    from lab.settings import LabSettings
    from lab.snapshots.answers import PrometheusProbe
    from lab.snapshots.images import ImageProbe, RegistryProbe
    from lab.snapshots.port import SnapshotSource
    from lab.targets.port import Target
    from lab.targets.processes.folder import StackFolder
    from lab.trials.ports import Parts

    OpenTarget = Callable[[LabSettings], Target]
    AskImages = Callable[[Iterable[str], LabSettings], Sequence[ImageProbe]]
    AskPrometheus = Callable[[str, LabSettings], PrometheusProbe]
    ReadSpans = Callable[[Sequence[Path], Window], Sequence[dict[str, object]]]

PROCESSES: Final[Entry[OpenTarget]] = Entry("lab.targets.processes.target:ProcessTarget")
KUBERNETES: Final[Entry[OpenTarget]] = Entry("lab.targets.kubernetes.target:KubernetesTarget")
TARGETS: Final[Mapping[str, OpenTarget]] = {"processes": when_called(PROCESSES), "kubernetes": when_called(KUBERNETES)}
"""The targets that a user can name."""
LOCAL_SOURCE: Final[Entry[OpenSnapshots]] = Entry("lab.probes.local:LocalSnapshots")
CLUSTER_SOURCE: Final[Entry[type[ClusterSnapshots]]] = Entry("lab.probes.cluster_snapshot:ClusterSnapshots")
CLUSTER_STACKS: Final[Entry[Callable[[LabSettings], Stacks]]] = Entry("lab.targets.kubernetes.target:KubernetesTarget")
RBAC: Final[Entry[Callable[..., str]]] = Entry("lab.targets.kubernetes.rendering.rbac:render_rbac")
KEPT_FOLDER: Final[Entry[Callable[[LabSettings], StackFolder]]] = Entry("lab.targets.processes.places:kept_folder")
DEPENDENCIES: Final[Entry[type[ConfiguredDependencies]]] = Entry("lab.probes.dependencies:ConfiguredDependencies")
ASK_REGISTRY: Final[Entry[Callable[[LabSettings], RegistryProbe | None]]] = Entry("lab.probes.registry:probe_registry")
ASK_IMAGES: Final[Entry[AskImages]] = Entry("lab.probes.registry:probe_images")
ASK_STORE: Final[Entry[AskStore]] = Entry("lab.probes.store:probe_store")
ASK_PROMETHEUS: Final[Entry[AskPrometheus]] = Entry("lab.probes.prometheus:probe_prometheus")
CONNECT: Final[Entry[Callable[[Access], Connect]]] = Entry("lab.rpc.channels:connector")
LOAD: Final[Entry[type[SimulatorLoad]]] = Entry("lab.load.simulator:SimulatorLoad")
METRICS: Final[Entry[Callable[[str, LabSettings], MetricSource]]] = Entry("lab.metrics.prometheus:open_prometheus")
LEDGER: Final[Entry[type[QueryLedger]]] = Entry("lab.metrics.ledger:QueryLedger")
DEAD_LETTERS: Final[Entry[type[DeadLetters]]] = Entry("lab.metrics.dead_letters:DeadLetters")
FAULTS: Final[Entry[type[DeploymentFaults]]] = Entry("lab.faults.injector:DeploymentFaults")
PAUSES: Final[Entry[type[PauseProbe]]] = Entry("lab.load.machine_pauses:PauseProbe")
CPU_USERS: Final[Entry[type[CpuUsers]]] = Entry("lab.load.cpu_users:CpuUsers")
ENVIRONMENT: Final[Entry[Callable[[Path, StoreFacts], dict[str, object]]]] = Entry("lab.runs.environment:describe")
SPANS: Final[Entry[ReadSpans]] = Entry("lab.runs.spans:read_spans")
RUNS: Final[Entry[type[RunStore]]] = Entry("lab.runs.store:RunStore")
INDEXES: Final[Entry[Callable[[str, str, LabSettings], bool]]] = Entry("lab.probes.registry:is_in_index")
PARTS: Final[Entry[type[Parts]]] = Entry("lab.trials.ports:Parts")


def target(name: str, settings: LabSettings, *, targets: Mapping[str, OpenTarget] = TARGETS) -> Target:
    """Return the target of that name. UsageFault where no target has that name."""
    return target_row(targets, name)(settings)


def snapshots(name: str, settings: LabSettings, folder: Path | None = None) -> SnapshotSource:
    """Return the snapshots of the stack in *folder*, else of the target's kept stack. UsageFault as `target`."""
    return target_row(SNAPSHOTS, name)(settings, folder, dependencies=dependencies(settings))


def cluster_snapshots(settings: LabSettings, _: Path | None, *, dependencies: Dependencies) -> SnapshotSource:
    """Return the snapshots of the stack on a cluster, which has no folder."""
    return CLUSTER_SOURCE.load()(settings, dependencies=dependencies, stacks=CLUSTER_STACKS.load()(settings))


SNAPSHOTS: Final[dict[str, OpenSnapshots]] = {"processes": when_called(LOCAL_SOURCE), "kubernetes": cluster_snapshots}
"""Target → what opens the source of its snapshots."""


def dependencies(settings: LabSettings) -> Dependencies:
    """Return what asks the servers around a stack; the client of a server is loaded when the server is asked."""
    return DEPENDENCIES.load()(
        settings,
        ask_registry=when_called(ASK_REGISTRY),
        ask_images=when_called(ASK_IMAGES),
        ask_store=when_called(ASK_STORE),
        ask_prometheus=when_called(ASK_PROMETHEUS),
        open_samples=partial(metric_source, settings),
        open_ledger=ledger_source,
    )


def load_generator(endpoints: Endpoints) -> LoadGenerator:
    """Return the load generator of a stack. BadConfig where a file of its access cannot be read."""
    connect, from_simulator = CONNECT.load()(endpoints.access), endpoints.ingest_for_simulator
    ingest = from_simulator or endpoints.ingest
    return LOAD.load()(endpoints.simulator, ingest_address=ingest, connect=connect, uploads=bool(from_simulator))


def metric_source(settings: LabSettings, endpoints: Endpoints) -> MetricSource:
    """Return the Prometheus of a stack. BadConfig where a file of its access cannot be read."""
    return METRICS.load()(endpoints.prometheus_url, settings)


def ledger_source(endpoints: Endpoints) -> LedgerSource:
    """Open the ledger of a stack, which the caller closes. BadConfig where a file of its access cannot be read."""
    return LEDGER.load()(endpoints.query, connect=CONNECT.load()(endpoints.access))


def dead_letters(endpoints: Endpoints) -> DeadLetters:
    """Return the dead letters of a stack, read by its worker. BadConfig where a file of its access cannot be read."""
    return DEAD_LETTERS.load()(endpoints.worker, connect=CONNECT.load()(endpoints.access))


def run_store(settings: LabSettings) -> RunStore:
    """Return the folder that holds this project's runs."""
    return RUNS.load()(settings.runs_dir)


def parts(name: str, settings: LabSettings) -> Parts:
    """Return the parts of a trial on a target. UsageFault where no target has that name."""
    return PARTS.load()(
        target=target(name, settings),
        system=SYSTEM,
        load=load_generator,
        metrics=partial(metric_source, settings),
        ledger=ledger_source,
        faults=FAULTS.load(),
        pauses=PAUSES.load(),
        cpu_users=CPU_USERS.load(),
        environment=lambda deployment: {**ENVIRONMENT.load()(settings.project, deployment.store), **deployment.facts()},
        spans=SPANS.load(),
        is_in_index=lambda reference, digest: INDEXES.load()(reference, digest, settings),
        snapshots=partial(snapshots, name, settings) if name in SNAPSHOTS else None,
        failures=settings.failures_dir / name,
    )
