"""What every source of snapshots does: this machine, a cluster, and the fake that keeps a snapshot."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from lab.errors import LabError
from lab.probes.cluster_snapshot import ClusterSnapshots
from lab.settings import LabSettings
from lab.snapshots.files import load, save
from lab.snapshots.port import SnapshotSource
from lab.snapshots.snapshot import Moment, Snapshot
from lab.wiring import snapshots
from tests.fakes.dependencies import FakeDependencies
from tests.fakes.probed import FakeCluster, FakeRunningStack, FakeStacks, stacks_of
from tests.programs import free_port
from tests.unit.trial.test_deploying import Kept

Source = Callable[[Path], SnapshotSource]
MOMENTS: Final[tuple[Moment, ...]] = ("before", "after")
PASSWORD: Final = "0pen-sesame"


def nowhere(folder: Path) -> LabSettings:
    """Return settings whose servers do not answer, and a file with a password."""
    port = free_port()
    file = folder / "password"
    file.write_text(PASSWORD)
    return LabSettings(
        state_dir=folder / "state",
        runs_dir=folder / "runs",
        cache_dir=folder / "cache",
        kubeconfig=folder / "no-kubeconfig",
        namespace="testbed",
        redis_url=f"redis://lab@127.0.0.1:{port}/0",
        redis_password_file=file,
        prometheus_url=f"http://127.0.0.1:{port}",
    )


def of_this_machine(folder: Path) -> SnapshotSource:
    """Return the source of a stack on this machine that was never started."""
    return snapshots("processes", nowhere(folder), folder / "stack")


def of_a_cluster(folder: Path) -> SnapshotSource:
    """Return the source of a stack on a cluster that answers, with one pod in its namespace."""
    variables = {"TOKEN": PASSWORD, "URL": f"redis://lab:{PASSWORD}@h:6379/0"}
    env = [{"name": name, "value": value} for name, value in variables.items()]
    pod = {"metadata": {"name": "w"}, "spec": {"containers": [{"name": "c", "image": "h/c", "env": env}]}}
    stacks = stacks_of(FakeRunningStack(FakeCluster({"Pod": [pod]})))
    return ClusterSnapshots(nowhere(folder), stacks=stacks, dependencies=FakeDependencies())


def of_memory(_: Path) -> SnapshotSource:
    """Return the fake of the tests of trials."""
    return Kept(Snapshot("testbed", 1.0), [])


SOURCES: Final[Mapping[str, Source]] = {"machine": of_this_machine, "cluster": of_a_cluster, "kept": of_memory}


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> SnapshotSource:
    """Return each source, in a place where no server answers."""
    return SOURCES[request.param](tmp_path)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_snapshot_is_taken_although_no_server_answers(source: SnapshotSource, moment: Moment) -> None:
    """What cannot be asked is left out, or is a probe that says so."""
    probes = source.take(moment).probes
    assert probes.ledger is None
    assert probes.store is None or not probes.store.reachable


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_saved_snapshot_is_the_one_that_was_taken(source: SnapshotSource, moment: Moment, tmp_path: Path) -> None:
    """So that a diagnosis of the file is the diagnosis of the stack."""
    snapshot = source.take(moment)
    save(snapshot, tmp_path / "snapshot.json")
    assert load(tmp_path / "snapshot.json") == snapshot


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_snapshot_holds_no_secret(source: SnapshotSource, moment: Moment, tmp_path: Path) -> None:
    """Neither that of a file, nor those in the variables of a container."""
    save(source.take(moment), tmp_path / "snapshot.json")
    assert PASSWORD not in (tmp_path / "snapshot.json").read_text()


@pytest.mark.parametrize("take", [of_this_machine, of_a_cluster])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_snapshot_names_its_moment_and_its_lab(take: Source, moment: Moment, tmp_path: Path) -> None:
    """The fake returns what it was given."""
    snapshot = take(tmp_path).take(moment)
    assert (snapshot.moment, bool(snapshot.lab_version), snapshot.taken_at > 0) == (moment, True, True)


def test_a_stack_that_is_up_has_no_part_in_a_snapshot_from_before(tmp_path: Path) -> None:
    """The cluster and what the settings choose are asked in its place."""
    snapshot = of_a_cluster(tmp_path).take("before")
    assert (snapshot.objects.pods, snapshot.probes.processes, snapshot.probes.clocks) == ((), (), ())
    assert snapshot.cluster is not None
    assert (snapshot.cluster.error, snapshot.cluster.version) == ("", "v1.34.4")


def test_a_cluster_without_the_namespace_is_the_error_that_the_port_names(tmp_path: Path) -> None:
    """There is nothing to ask then."""
    stacks = FakeStacks(FakeCluster(has_namespace=False))
    with pytest.raises(LabError, match="no namespace testbed"):
        ClusterSnapshots(nowhere(tmp_path), stacks=stacks, dependencies=FakeDependencies()).take()
