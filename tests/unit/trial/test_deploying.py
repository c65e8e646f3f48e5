"""A stack is proven once it is up, and what fails on it is explained while it is there."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from lab.errors import DataFault, LabError, Unavailable
from lab.model import Endpoints, ProcessIdentity
from lab.snapshots.probes import Probes, StoreProbe
from lab.snapshots.snapshot import Moment, Snapshot
from lab.systems.services import SYSTEM
from lab.targets.port import StackRequest
from lab.trials.deploying import await_metrics, brought_up, prove
from tests.fakes.metrics import FakeMetrics
from tests.fakes.target import ENDPOINTS, FakeDeployment
from tests.fakes.world import World

IMAGE: Final = "198.18.0.1:5000/process-worker@sha256:" + "a" * 64
WORKER: Final = ProcessIdentity("worker-1", "process-worker", "i", "arm64", "r3", "arm64", IMAGE, IMAGE, "aarch64")
COUNTED: Final = SYSTEM.promised["process-worker"]


class Late(FakeMetrics):
    """A metrics server that knows the second worker only after so many polls."""

    def __init__(self, polls: int) -> None:
        super().__init__()
        self._polls = polls

    def newest(self, name: str) -> dict[str, float]:
        """See `MetricSource.newest`; a process that is gone is known, too."""
        if name != COUNTED:
            return {}
        self._polls -= 1
        return {"i": 1.0} | ({"j": 1.0, "gone": 1.0} if self._polls < 0 else {})


class Hinted(FakeDeployment):
    """A stack on which a missing metric has a likely reason."""

    @property
    def metrics_hint(self) -> str:
        """See `Deployment.metrics_hint`."""
        return "its scrape needs honor_labels: true (manifests/README.md)"


def waited_for(polls: int, deployment: FakeDeployment | None = None) -> float:
    """Return the seconds until both workers are known, on a clock that goes ten seconds a poll."""
    opened: list[Endpoints] = []

    def metrics(endpoints: Endpoints) -> Late:
        opened.append(endpoints)
        return late

    late, clock = Late(polls), count(0.0, 10.0)
    parts = replace(World().parts, metrics=metrics)
    workers = [WORKER, replace(WORKER, name="worker-2", instance_id="j")]
    waited_s = await_metrics(deployment or FakeDeployment(), workers, parts, clock=lambda: next(clock), pause_s=0.0)
    assert opened == [ENDPOINTS], "the source is opened once, however often it is read"
    return waited_s


def test_metrics_that_arrive_late_are_waited_for() -> None:
    """By the clock; metrics that are there at once cost no wait."""
    assert waited_for(0) == pytest.approx(10.0)
    assert waited_for(5) == pytest.approx(60.0)


def test_metrics_that_never_arrive_are_told_by_name_and_place() -> None:
    """Of the process that is silent, not of its neighbour."""
    with pytest.raises(Unavailable, match="worker-2 runs, and its metrics do not arrive") as error:
        waited_for(99)
    assert error.value.reason == "E_NO_METRICS"
    assert error.value.found == f"no sample of {COUNTED} in 75 s at http://127.0.0.1:6; 1 of 2 processes are silent"
    assert error.value.next_step == "lab diagnose"


def test_what_a_missing_metric_may_be_due_to_is_told() -> None:
    """Where the stack has such a hint, in at most five lines."""
    with pytest.raises(Unavailable) as error:
        waited_for(99, Hinted())
    assert "honor_labels: true (manifests/README.md)" in error.value.found
    assert len(str(error.value).splitlines()) <= 5


def test_a_stack_that_is_what_was_wanted_is_reported_well() -> None:
    """With the number of services and pods, and how long the metrics took."""
    world, reports = World(metrics=FakeMetrics()), list[tuple[str, str]]()
    world.deployment.processes = [replace(WORKER, instance_id="worker-1")]
    prove(world.deployment, world.parts, lambda stage, message, _: reports.append((stage, message)), started=0.0)
    agreed = "1 services, 1 pods; digest, node, runtime and process agree; contract metrics arrived after 0 s"
    assert reports == [("well", agreed)]


def test_a_process_that_is_not_what_was_wanted_is_named() -> None:
    """Before its metrics are waited for."""
    world = World(metrics=FakeMetrics(every_s=0))
    world.deployment.processes = [replace(WORKER, machine="x86_64")]
    with pytest.raises(Unavailable, match="worker-1 is not what was requested") as error:
        prove(world.deployment, world.parts, lambda *_: None, started=0.0)
    assert error.value.reason == "E_ARCH"
    assert "the process says x86_64, not aarch64" in error.value.found


class Kept:
    """A snapshot that was taken before; satisfies `SnapshotSource`."""

    def __init__(self, snapshot: Snapshot, diary: list[str]) -> None:
        self._snapshot, self._diary = snapshot, diary

    def take(self, moment: Moment = "after") -> Snapshot:
        """See `SnapshotSource.take`."""
        self._diary.append("snapshot")
        return self._snapshot


NOTHING_WRONG: Final = Snapshot("testbed", 0.0)
STORE_AWAY: Final = Snapshot(
    "testbed", 0.0, probes=Probes(store=StoreProbe("127.0.0.1:6379", reachable=False, error="Connection refused"))
)


def raised_by(world: World, folder: Path, snapshot: Snapshot = NOTHING_WRONG, *, fault: LabError) -> LabError:
    """Return what leaves a stack that does not come up, or on which a fault is raised."""
    parts = replace(world.parts, snapshots=lambda _: Kept(snapshot, world.diary), failures=folder)
    with pytest.raises(LabError) as error, brought_up(parts, StackRequest(), lambda *_: None):
        raise fault
    return error.value


@pytest.mark.parametrize("comes_up", [True, False])
def test_what_is_not_available_is_explained_while_the_stack_is_there(tmp_path: Path, *, comes_up: bool) -> None:
    """On the way up and in a run; the fault stays the cause, and the snapshot is kept."""
    world, fault = World(), Unavailable("the load ended early")
    world.deployment.fails = None if comes_up else fault
    explained = raised_by(world, tmp_path, STORE_AWAY, fault=fault)
    assert explained.__cause__ is fault
    assert "redis-unreachable" in explained.found
    assert world.diary == ["up", "snapshot", "down"]
    assert [file.suffix for file in tmp_path.iterdir()] == [".json"]


def test_what_nothing_explains_is_raised_as_it_was(tmp_path: Path) -> None:
    """And not by itself."""
    fault = Unavailable("the load ended early")
    assert raised_by(World(), tmp_path, fault=fault) is fault
    assert fault.__cause__ is None


def test_a_fault_that_says_itself_what_is_wrong_costs_no_snapshot(tmp_path: Path) -> None:
    """A file that cannot be read has nothing to do with the stack."""
    world, fault = World(), DataFault("cannot replay my.csv")
    assert raised_by(world, tmp_path, STORE_AWAY, fault=fault) is fault
    assert "snapshot" not in world.diary


def test_without_probes_a_fault_leaves_as_it_was() -> None:
    """A target from outside need not have any."""
    world, fault = World(), Unavailable("the load ended early")
    with pytest.raises(Unavailable) as error, brought_up(world.parts, StackRequest(), lambda *_: None):
        raise fault
    assert error.value is fault


def test_a_stack_that_cannot_be_begun_is_explained_by_what_there_is_before(tmp_path: Path) -> None:
    """Unless its error has a next step of its own."""
    world = World(target_fails=Unavailable("cannot run prometheus"))
    parts = replace(world.parts, snapshots=lambda _: Kept(STORE_AWAY, world.diary), failures=tmp_path)
    with pytest.raises(Unavailable) as error, brought_up(parts, StackRequest(), lambda *_: None):
        pass
    assert "redis-unreachable" in error.value.found
    told = World(target_fails=Unavailable("another stack is up", next_step="lab down"))
    parts = replace(told.parts, snapshots=lambda _: Kept(STORE_AWAY, told.diary), failures=tmp_path)
    with pytest.raises(Unavailable) as error, brought_up(parts, StackRequest(), lambda *_: None):
        pass
    assert (error.value.found, "snapshot" in told.diary) == ("", False)
