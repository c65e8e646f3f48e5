"""Names → adapters: tables of entry points as text, each resolved when used, so that an import loads nothing heavy."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Final

from lab.errors import UsageFault
from lab.systems.services import SYSTEM

if TYPE_CHECKING:
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

TARGETS: Final[dict[str, Any]] = {
    "processes": "lab.targets.processes.target:ProcessTarget",
    "kubernetes": "lab.targets.kubernetes.target:KubernetesTarget",
}
"""Target → class; called with the lab's settings."""
SNAPSHOTS: Final[dict[str, Any]] = {
    "processes": "lab.probes.local:LocalSnapshots",
    "kubernetes": "lab.probes.cluster_snapshot:ClusterSnapshots",
}
"""Target → class that takes snapshots of its stacks; called with the lab's settings and the stack's folder."""
CONNECT: Final = "lab.rpc.channels:connector"
LOAD: Final = "lab.load.simulator:SimulatorLoad"
METRICS: Final = "lab.metrics.prometheus:open_prometheus"
LEDGER: Final = "lab.metrics.ledger:QueryLedger"
DEAD_LETTERS: Final = "lab.metrics.dead_letters:DeadLetters"
FAULTS: Final = "lab.faults.injector:DeploymentFaults"
PAUSES: Final = "lab.load.pauses:PauseProbe"
ENVIRONMENT: Final = "lab.runs.environment:describe"
SPANS: Final = "lab.runs.spans:read_spans"
RUNS: Final = "lab.runs.store:RunStore"
INDEXES: Final = "lab.probes.registry:is_in_index"
PARTS: Final = "lab.trials.ports:Parts"


def resolved(entry: Any) -> Any:  # noqa: ANN401  a text may name anything
    """Return the object that an entry point names; an entry that is no text stays as it is."""
    return resolve_name(entry) if isinstance(entry, str) else entry


def target(name: str, settings: LabSettings) -> Target:
    """Return the target of that name.

    Raises:
        UsageFault: No target has that name.
    """
    opened: Target = _entry(TARGETS, name)(settings)
    return opened


def snapshots(name: str, settings: LabSettings, folder: Path | None = None) -> SnapshotSource:
    """Return the source of snapshots of a target's stack: of the stack in *folder*, else of the kept stack.

    Raises:
        UsageFault: No target of that name can be looked at.
    """
    source: SnapshotSource = _entry(SNAPSHOTS, name)(settings, folder)
    return source


def load_generator(endpoints: Endpoints) -> LoadGenerator:
    """Return the load generator of a stack."""
    generator: LoadGenerator = resolved(LOAD)(
        endpoints.simulator,
        ingest_address=endpoints.ingest_for_simulator or endpoints.ingest,
        connect=resolved(CONNECT)(endpoints.access),
        uploads=bool(endpoints.ingest_for_simulator),
    )
    return generator


def metric_source(settings: LabSettings, endpoints: Endpoints) -> MetricSource:
    """Return the Prometheus of a stack, with the authorization that the settings name."""
    source: MetricSource = resolved(METRICS)(endpoints.prometheus_url, settings)
    return source


def ledger_source(endpoints: Endpoints) -> LedgerSource:
    """Return the ledger of a stack."""
    source: LedgerSource = resolved(LEDGER)(endpoints.query, connect=resolved(CONNECT)(endpoints.access))
    return source


def dead_letters(endpoints: Endpoints) -> DeadLetters:
    """Return the dead letters of a stack, read through its worker."""
    letters: DeadLetters = resolved(DEAD_LETTERS)(endpoints.worker, connect=resolved(CONNECT)(endpoints.access))
    return letters


def run_store(settings: LabSettings) -> RunStore:
    """Return the folder that holds this project's runs."""
    store: RunStore = resolved(RUNS)(settings.runs_dir)
    return store


def parts(settings: LabSettings, target_name: str) -> Parts:
    """Return the parts of a trial on a target."""
    describe = resolved(ENVIRONMENT)
    made: Parts = resolved(PARTS)(
        target=target(target_name, settings),
        system=SYSTEM,
        load=load_generator,
        metrics=partial(metric_source, settings),
        ledger=ledger_source,
        faults=resolved(FAULTS),
        pauses=resolved(PAUSES),
        environment=lambda deployment: describe(settings.project, deployment.store) | dict(deployment.facts()),
        spans=resolved(SPANS),
        is_in_index=lambda reference, digest: resolved(INDEXES)(reference, digest, settings),
        snapshots=partial(snapshots, target_name, settings) if target_name in SNAPSHOTS else None,
        failures=settings.state_dir / "failures" / target_name,
    )
    return made


def _entry(table: dict[str, Any], name: str) -> Any:  # noqa: ANN401  as in `resolved`
    if name not in table:
        step = "--target processes      (for a notebook: -p target processes)"
        raise UsageFault(f'no target "{name}"', found=f"there are: {', '.join(table)}", next_step=step)
    return resolved(table[name])
