"""Every fault that the rig can have is made, found with its cause, and cured by the next step as it stands."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.cli import main
from lab.images.lock import FILE_NAME, read_lock
from lab.settings import load_settings
from tests.cluster import pods
from tests.cluster.faults import images, outside, workloads
from tests.cluster.faults.carried_out import Outcome, carry_out
from tests.cluster.faults.machines import Machines
from tests.cluster.faults.place import Common
from tests.cluster.rig.facts import RigFacts
from tests.cluster.rig.settings import ClusterSettings

FAULTS = {**images.FAULTS, **workloads.FAULTS, **outside.FAULTS}

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def outcomes(rig: RigFacts, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Outcome]:
    """What came of all faults; they are made some at a time."""
    folder, settings = tmp_path_factory.mktemp("faults"), load_settings()
    machines = Machines(folder / "machines", rig)
    machines.prepare()
    worker = read_lock(settings.project / FILE_NAME).reference("process-worker", "amd64")
    common = Common(rig, machines, pods.push_probe(rig), worker, settings.collector_image, folder)
    return carry_out(FAULTS, common, ClusterSettings().snapshots)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_its_next_step_cures_it(name: str, outcomes: Mapping[str, Outcome]) -> None:
    """One finding, with the right cause and object; after its next step none is left and every Deployment is well."""
    fault, came = FAULTS[name], outcomes[name]
    assert not came.error, came.error
    assert [one.cause for one in came.found] == [fault.cause], came.found
    assert came.found[0].object == fault.object.replace("{namespace}", came.namespace)
    assert fault.found in came.found[0].found
    assert not came.failed, f"{came.found[0].do}: {came.failed}"
    assert not came.left, came.left


def test_a_stack_that_is_well_has_nothing_wrong_with_it(stack: object, capsys: pytest.CaptureFixture[str]) -> None:
    """All four services on both architectures, and everything they depend on."""
    assert main(["diagnose"]) == 0
    assert "no problems" in capsys.readouterr().out
