"""Every entry point that wiring names is there, and is what wiring declares it to be."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import pytest

from lab import wiring
from lab.entry_points import Entry
from lab.errors import UsageFault
from lab.faults.injector import DeploymentFaults
from lab.load.cpu_users import CpuUsers
from lab.load.machine_pauses import PauseProbe
from lab.load.simulator import SimulatorLoad
from lab.metrics.dead_letters import DeadLetters
from lab.metrics.ledger import QueryLedger
from lab.metrics.prometheus import open_prometheus
from lab.probes.cluster_snapshot import ClusterSnapshots
from lab.probes.dependencies import ConfiguredDependencies
from lab.probes.local import LocalSnapshots
from lab.probes.prometheus import probe_prometheus
from lab.probes.registry import is_in_index, probe_images, probe_registry
from lab.probes.store import probe_store
from lab.rpc.channels import connector
from lab.runs.environment import describe
from lab.runs.spans import read_spans
from lab.runs.store import RunStore
from lab.settings import LabSettings, load_settings
from lab.targets.kubernetes.rendering.rbac import render_rbac
from lab.targets.kubernetes.target import KubernetesTarget
from lab.targets.processes.places import kept_folder
from lab.targets.processes.target import ProcessTarget
from lab.trials.ports import Parts

T = TypeVar("T")


def named_by(entry: Entry[T]) -> Callable[[T], tuple[str, object]]:
    """Return a function that takes what an entry names; mypy refuses whatever is not of the declared type."""
    return lambda entry_point: (entry.name, entry_point)


ENTRY_POINTS: Final = dict(
    [
        named_by(wiring.PROCESSES)(ProcessTarget),
        named_by(wiring.KUBERNETES)(KubernetesTarget),
        named_by(wiring.LOCAL_SOURCE)(LocalSnapshots),
        named_by(wiring.CLUSTER_SOURCE)(ClusterSnapshots),
        named_by(wiring.CLUSTER_STACKS)(KubernetesTarget),
        named_by(wiring.RBAC)(render_rbac),
        named_by(wiring.KEPT_FOLDER)(kept_folder),
        named_by(wiring.DEPENDENCIES)(ConfiguredDependencies),
        named_by(wiring.ASK_REGISTRY)(probe_registry),
        named_by(wiring.ASK_IMAGES)(probe_images),
        named_by(wiring.ASK_STORE)(probe_store),
        named_by(wiring.ASK_PROMETHEUS)(probe_prometheus),
        named_by(wiring.CONNECT)(connector),
        named_by(wiring.LOAD)(SimulatorLoad),
        named_by(wiring.METRICS)(open_prometheus),
        named_by(wiring.LEDGER)(QueryLedger),
        named_by(wiring.DEAD_LETTERS)(DeadLetters),
        named_by(wiring.FAULTS)(DeploymentFaults),
        named_by(wiring.PAUSES)(PauseProbe),
        named_by(wiring.CPU_USERS)(CpuUsers),
        named_by(wiring.ENVIRONMENT)(describe),
        named_by(wiring.SPANS)(read_spans),
        named_by(wiring.RUNS)(RunStore),
        named_by(wiring.INDEXES)(is_in_index),
        named_by(wiring.PARTS)(Parts),
    ]
)
"""Name of an entry → what it names."""


@pytest.fixture
def settings(tmp_path: Path) -> LabSettings:
    """Return settings whose stacks are in a folder of the test's own."""
    return load_settings(state_dir=tmp_path)


def test_every_entry_names_what_it_is_declared_to_name() -> None:
    """A name that is text is checked by no tool; the type of an entry stands beside it."""
    entries = [value for value in vars(wiring).values() if isinstance(value, Entry)]
    assert {entry.name: entry.load() for entry in entries} == ENTRY_POINTS


@pytest.mark.parametrize("name", wiring.TARGETS)
def test_every_target_opens_under_its_own_name(name: str, settings: LabSettings) -> None:
    """No server is asked."""
    assert wiring.target(name, settings).declaration.name == name


@pytest.mark.parametrize("name", wiring.TARGETS)
def test_every_target_has_snapshots(name: str, settings: LabSettings) -> None:
    """No server is asked before a snapshot is taken."""
    assert callable(wiring.snapshots(name, settings).take)
    assert wiring.parts(name, settings).snapshots is not None


@pytest.mark.parametrize("opened", [wiring.target, wiring.snapshots, wiring.parts])
def test_a_target_that_does_not_exist_is_refused(
    opened: Callable[[str, LabSettings], object], settings: LabSettings
) -> None:
    """The error names those that do, and how to name one."""
    with pytest.raises(UsageFault, match='no target "moon"') as refused:
        opened("moon", settings)
    assert refused.value.found == "there are: processes, kubernetes"
    assert "--target processes" in refused.value.next_step
