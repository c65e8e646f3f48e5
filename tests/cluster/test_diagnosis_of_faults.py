"""Every fault that the rig can have is made, found with its cause, and cured by the next step as it stands."""

from collections.abc import Mapping
from concurrent.futures import Future

import pytest

from lab.cli import main
from lab.errors import BadConfig, Unavailable
from lab.targets.kubernetes.target import DEADLINE_S
from tests.cluster.faults import astray
from tests.cluster.faults.carried_out import FAULTS, Outcome
from tests.cluster.faults.case import RigFault
from tests.cluster.faults.failed_up import NOWHERE, FailedUp
from tests.cluster.rig.facts import RigFacts
from tests.cluster.stack import Configured

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_its_next_step_cures_it(name: str, outcomes: Mapping[str, Future[Outcome]]) -> None:
    """One finding, with the right cause and object; after its next step none is left and every Deployment is well."""
    assert_cured(FAULTS[name], outcomes[name].result())


@pytest.mark.parametrize("name", astray.FAULTS)
def test_metrics_that_go_astray_are_found_again(name: str, gone_astray: Future[Mapping[str, Outcome]]) -> None:
    """On a whole stack, of which the stage is named that passes nothing on."""
    assert_cured(astray.FAULTS[name], gone_astray.result()[name])


def assert_cured(fault: RigFault, came: Outcome) -> None:
    """It was found, it alone, and its next step did what it says."""
    assert not came.error, came.error
    expected = (fault.cause, fault.object.replace("{namespace}", came.namespace))
    assert [(one.cause, one.object) for one in came.found] == [expected]
    assert any(fault.found in text for text in (came.found[0].title, came.found[0].found)), came.found
    assert not came.failed, f"{came.found[0].do}: {came.failed}"
    assert not came.left, came.left


def test_an_up_that_fails_says_why_and_down_takes_away_what_there_is(failed_up: Future[FailedUp]) -> None:
    """In five lines, well before the deadline: the cause, the evidence, what to do; of the stack nothing is left."""
    came = failed_up.result()
    said = came.up.stderr
    assert came.up.returncode == Unavailable.exit_code, said
    assert came.seconds < DEADLINE_S
    assert len(said.partition("lab: ")[2].splitlines()) <= 5
    for part in ("otel-collector", NOWHERE, "not found", "do: "):
        assert part in said, said
    assert (came.down.returncode, came.down.stderr) == (0, "")
    assert "down, nothing is left running" in came.down.stdout
    assert came.left == []


def test_a_builder_that_was_not_told_of_plain_http_is_named(user: Configured, rig: RigFacts) -> None:
    """By the build that fails, and by the diagnosis; the images of all other tests come from its next step."""
    refused, found = user.built.refused, user.built.found
    assert refused.returncode == BadConfig.exit_code
    _, _, error = refused.stderr.partition("lab: ")
    assert error.startswith("the builder speaks HTTPS to a registry that answers in plain HTTP")
    assert len(error.splitlines()) <= 5
    assert [(one.cause, one.object) for one in found] == [("builder-plain-http", f"Registry/{rig.registry}")]
    assert "server gave HTTP response to HTTPS client" in found[0].found
    assert user.built.cured.returncode == 0


def test_a_stack_that_is_well_has_nothing_wrong_with_it(stack: object, capsys: pytest.CaptureFixture[str]) -> None:
    """All four services on both architectures, and everything they depend on."""
    assert main(["diagnose"]) == 0
    assert "no problems" in capsys.readouterr().out
