"""What every target does: on this machine, in memory, elsewhere, and on a cluster as far as nothing is asked of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from lab.errors import Exists, LabError, Unavailable
from lab.faults.kinds import Placed
from lab.model import Fault
from lab.settings import LabSettings, load_settings
from lab.systems.services import SERVICES
from lab.targets.kubernetes.target import KubernetesTarget
from lab.targets.port import Cleaning, Previewing, StackRequest, Target
from lab.targets.processes.target import ProcessTarget
from tests.fakes.capabilities import FakeCleaningTarget, FakePods
from tests.fakes.target import FakeDeployment, FakeTarget
from tests.integration.elsewhere import ElsewhereTarget

Open = Callable[[LabSettings], Target]
TARGETS: Final[dict[str, Open]] = {
    "processes": ProcessTarget,
    "elsewhere": ElsewhereTarget,
    "kubernetes": KubernetesTarget,
    "memory": lambda _: FakeTarget(FakeDeployment()),
}


def ignore(_stage: str, _message: str, _seconds: float) -> None:
    """Ignore a report."""


@pytest.fixture(params=TARGETS)
def unopened(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """Return each target, of which nothing runs."""
    return TARGETS[request.param](load_settings(state_dir=tmp_path))


@pytest.fixture(params=["processes", "memory"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    """Yield each target that can run here; whatever a test leaves up is taken down."""
    opened = TARGETS[request.param](load_settings(state_dir=tmp_path))
    with ExitStack() as ending:
        ending.callback(opened.down, ignore)
        yield opened


def test_a_target_says_what_it_is_before_anything_runs(unopened: Target) -> None:
    """Its name, its place and what is unfit; its options are for commands."""
    declaration = unopened.declaration
    assert all((declaration.name, declaration.place, declaration.unfit))
    assert unopened.options in {"", f"--target {declaration.name}"}


def test_a_fault_that_is_none_is_impossible_everywhere(unopened: Target) -> None:
    """The target says why, and what to request instead. A kill of a service is possible everywhere."""
    hindrance = unopened.hindrance(Fault("melt", "process-worker", at_s=0.0))
    assert hindrance is not None
    assert hindrance.why
    assert hindrance.next_step
    assert unopened.hindrance(Fault("kill", "process-worker", at_s=0.0)) is None


def test_a_factor_that_a_target_does_not_know_has_no_levels_there(unopened: Target) -> None:
    """It is no error."""
    assert list(unopened.levels("colour")) == []


@pytest.mark.timeout(90)
def test_a_kept_stack_stays_until_it_is_taken_down(target: Target) -> None:
    """Callers use it without ending it, and get its logs; other settings are refused; it is taken down once."""
    assert target.current() is None
    assert not target.down(ignore)
    with target.deployed(StackRequest(keep=True), ignore) as made:
        made.bring_up()
    kept, logs = target.current(), dict[str, Path]()
    assert kept is not None
    address = kept.endpoints.query
    with target.deployed(StackRequest(keep_logs=logs.update), ignore) as used:
        used.bring_up()
        assert used.endpoints.query == address
    assert set(SERVICES) <= set(logs)
    other = StackRequest(settings={"LAB_WORKER_COST_US": "100"}, keep=True)
    with pytest.raises(Exists), target.deployed(other, ignore):
        pytest.fail("there are two kept stacks")
    assert kept.endpoints.query == address
    assert target.down(ignore)
    assert target.current() is None
    assert not target.down(ignore)
    with pytest.raises(Unavailable):
        _ = kept.endpoints


def test_a_stack_ends_with_its_caller_however_the_caller_ends(target: Target) -> None:
    """The error is raised, the logs are handed over, and nothing is left."""
    logs: dict[str, Path] = {}

    def keep(files: Mapping[str, Path]) -> None:
        logs.update(files)

    with (
        pytest.raises(LabError, match="planted"),
        target.deployed(StackRequest(keep_logs=keep), ignore) as deployment,
    ):
        raise LabError("planted")
    assert logs
    assert target.current() is None
    with pytest.raises(Unavailable):
        _ = deployment.endpoints


# ---------------------------------------------------------------------------------------------------- capabilities


def cleaning(name: str, folder: Path) -> Target:
    """Return a target that leaves something on this machine."""
    return (
        ProcessTarget(load_settings(state_dir=folder)) if name == "processes" else FakeCleaningTarget(FakeDeployment())
    )


@pytest.mark.parametrize("name", ["processes", "memory"])
def test_cleaning_where_nothing_runs_stops_nothing(name: str, tmp_path: Path) -> None:
    """It may be repeated."""
    target = cleaning(name, tmp_path)
    assert isinstance(target, Cleaning)
    assert [target.clean().stopped, target.clean(everyone=True).stopped] == [0, 0]


def test_cleaning_stops_a_kept_stack(tmp_path: Path) -> None:
    """It is counted, and is gone."""
    target = cleaning("memory", tmp_path)
    assert isinstance(target, Cleaning)
    with target.deployed(StackRequest(keep=True), ignore) as deployment:
        deployment.bring_up()
    assert target.clean().stopped == 1
    assert target.current() is None


def test_a_capability_is_had_or_not(tmp_path: Path) -> None:
    """Callers choose by it: this machine is cleaned, objects are previewed, pods are deleted."""
    here, cluster = (TARGETS[name](load_settings(state_dir=tmp_path)) for name in ("processes", "kubernetes"))
    assert (isinstance(here, Cleaning), isinstance(here, Previewing)) == (True, False)
    assert (isinstance(cluster, Cleaning), isinstance(cluster, Previewing)) == (False, True)
    plain = FakeTarget(FakeDeployment())
    assert not isinstance(plain, Cleaning | Previewing)
    assert isinstance(FakePods(), Placed)
    assert not isinstance(FakeDeployment(), Placed)
