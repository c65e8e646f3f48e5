"""Every fault that the rig can have is made, found with its cause, and cured by the next step as it stands."""

from collections.abc import Mapping
from concurrent.futures import Future

import pytest

from lab.cli import main
from tests.cluster.faults.carried_out import FAULTS, Outcome

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_its_next_step_cures_it(name: str, outcomes: Mapping[str, Future[Outcome]]) -> None:
    """One finding, with the right cause and object; after its next step none is left and every Deployment is well."""
    fault, came = FAULTS[name], outcomes[name].result()
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
