"""Names → adapters: tables of entry points as text, each resolved when used, so that an import loads nothing heavy."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final, TypeVar, cast

from lab.errors import UsageFault
from lab.systems.services import SYSTEM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lab.load.port import LoadGenerator
    from lab.metrics.dead_letters import DeadLetters
    from lab.metrics.port import LedgerSource, MetricSource
    from lab.model import Endpoints
    from lab.runs.store import RunStore
    from lab.settings import LabSettings
    from lab.snapshots.port import SnapshotSource
    from lab.targets.port import Target
    from lab.trials.ports import Parts

T = TypeVar("T")
TARGETS: Final[dict[str, str | Callable[[LabSettings], Target]]] = {
    "processes": "lab.targets.processes.target:ProcessTarget",
    "kubernetes": "lab.targets.kubernetes.target:KubernetesTarget",
}
"""Target → class; called with the lab's settings."""
SNAPSHOTS: Final[dict[str, str | Callable[[LabSettings, Path | None], SnapshotSource]]] = {
    "processes": "lab.probes.local:LocalSnapshots",
    # A stack on a cluster is named by its namespace, a setting; it has no folder that is asked.
    "kubernetes": lambda settings, _: resolve_name(CLUSTER_SNAPSHOTS)(settings),
}
"""Target → class that takes snapshots of its stacks; called with the lab's settings and the stack's folder."""
CLUSTER_SNAPSHOTS: Final = "lab.probes.cluster_snapshot:ClusterSnapshots"
CONNECT: Final = "lab.rpc.channels:connector"
LOAD: Final = "lab.load.simulator:SimulatorLoad"
METRICS: Final = "lab.metrics.prometheus:open_prometheus"
LEDGER: Final = "lab.metrics.ledger:QueryLedger"
DEAD_LETTERS: Final = "lab.metrics.dead_letters:DeadLetters"
FAULTS: Final = "lab.faults.injector:DeploymentFaults"
PAUSES: Final = "lab.load.machine_pauses:PauseProbe"
CPU_USERS: Final = "lab.load.cpu_users:CpuUsers"
ENVIRONMENT: Final = "lab.runs.environment:describe"
SPANS: Final = "lab.runs.spans:read_spans"
RUNS: Final = "lab.runs.store:RunStore"
INDEXES: Final = "lab.probes.registry:is_in_index"
PARTS: Final = "lab.trials.ports:Parts"


def target(name: str, settings: LabSettings) -> Target:
    """Return the target of that name.

    Raises:
        UsageFault: No target has that name.
    """
    return _entry(TARGETS, name)(settings)


def snapshots(name: str, settings: LabSettings, folder: Path | None = None) -> SnapshotSource:
    """Return the source of snapshots of a target's stack: of the stack in *folder*, else of the kept stack.

    Raises:
        UsageFault: No target of that name can be looked at.
    """
    return _entry(SNAPSHOTS, name)(settings, folder)


def load_generator(endpoints: Endpoints) -> LoadGenerator:
    """Return the load generator of a stack.

    Raises:
        BadConfig: A file that secures calls to the stack cannot be read.
    """
    generator: LoadGenerator = resolve_name(LOAD)(
        endpoints.simulator,
        ingest_address=endpoints.ingest_for_simulator or endpoints.ingest,
        connect=resolve_name(CONNECT)(endpoints.access),
        uploads=bool(endpoints.ingest_for_simulator),
    )
    return generator


def metric_source(settings: LabSettings, endpoints: Endpoints) -> MetricSource:
    """Return the Prometheus of a stack. BadConfig where the file of its authorization cannot be read."""
    source: MetricSource = resolve_name(METRICS)(endpoints.prometheus_url, settings)
    return source


def ledger_source(endpoints: Endpoints) -> LedgerSource:
    """Open the ledger of a stack, which the caller closes. BadConfig where a file of its access cannot be read."""
    source: LedgerSource = resolve_name(LEDGER)(endpoints.query, connect=resolve_name(CONNECT)(endpoints.access))
    return source


def dead_letters(endpoints: Endpoints) -> DeadLetters:
    """Return the dead letters of a stack, read by its worker. BadConfig where a file of its access cannot be read."""
    letters: DeadLetters = resolve_name(DEAD_LETTERS)(endpoints.worker, connect=resolve_name(CONNECT)(endpoints.access))
    return letters


def run_store(settings: LabSettings) -> RunStore:
    """Return the folder that holds this project's runs."""
    store: RunStore = resolve_name(RUNS)(settings.runs_dir)
    return store


def parts(settings: LabSettings, target_name: str) -> Parts:
    """Return the parts of a trial on a target.

    Raises:
        UsageFault: No target has that name.
    """
    describe = resolve_name(ENVIRONMENT)
    made: Parts = resolve_name(PARTS)(
        target=target(target_name, settings),
        system=SYSTEM,
        load=load_generator,
        metrics=partial(metric_source, settings),
        ledger=ledger_source,
        faults=resolve_name(FAULTS),
        pauses=resolve_name(PAUSES),
        cpu_users=resolve_name(CPU_USERS),
        environment=lambda deployment: describe(settings.project, deployment.store) | dict(deployment.facts()),
        spans=resolve_name(SPANS),
        is_in_index=lambda reference, digest: resolve_name(INDEXES)(reference, digest, settings),
        snapshots=partial(snapshots, target_name, settings) if target_name in SNAPSHOTS else None,
        failures=failures_folder(settings, target_name),
    )
    return made


def failures_folder(settings: LabSettings, target_name: str) -> Path:
    """Return the folder that keeps the snapshot of the last failure on a target; there may be none yet."""
    return settings.state_dir / "failures" / target_name


def _entry(table: Mapping[str, str | T], name: str) -> T:
    if name not in table:
        step = "--target processes      (for a notebook: -p target processes)"
        raise UsageFault(f'no target "{name}"', found=f"there are: {', '.join(table)}", next_step=step)
    entry = table[name]
    return cast("T", resolve_name(entry)) if isinstance(entry, str) else entry
