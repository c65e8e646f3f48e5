"""What fails on a stack is explained while the stack is there."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from lab.errors import DataFault, LabError, Unavailable
from lab.snapshots.answers import Probes, StoreProbe
from lab.snapshots.snapshot import Moment, Snapshot
from lab.targets.port import StackRequest
from lab.trials.deploying import brought_up
from tests.fakes.world import World


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
