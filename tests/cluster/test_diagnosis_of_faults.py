"""Every fault of the rig is found with its cause, and cured by the unchanged next step."""

from collections.abc import Mapping
from concurrent.futures import Future

import pytest

from lab.cli import main
from lab.errors import BadConfig, Unavailable
from lab.targets.kubernetes.deployment import ClusterDeployment
from lab.targets.kubernetes.rollout.gate import DEADLINE_S
from tests.cluster.faults import misrouted
from tests.cluster.faults.carried_out import FAULTS, Outcome
from tests.cluster.faults.case import RigFault
from tests.cluster.faults.failed_up import NOWHERE, FailedUp
from tests.cluster.rig.facts import RigFacts
from tests.cluster.stack import Configured

pytestmark = pytest.mark.timeout(900)


@pytest.mark.in_turn(4, family="faults on a cluster")
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_its_next_step_cures_it(name: str, outcomes: Mapping[str, Future[Outcome]]) -> None:
    """One finding has the right cause and object; after its next step none is left, and every Deployment is ready."""
    assert_cured(FAULTS[name], outcomes[name].result())


@pytest.mark.in_turn(4, family="misrouted metrics")
@pytest.mark.parametrize("name", misrouted.FAULTS)
def test_misrouted_metrics_are_found(name: str, misrouted_metrics: Future[Mapping[str, Outcome]]) -> None:
    """On a complete stack, the finding names the first silent stage."""
    assert_cured(misrouted.FAULTS[name], misrouted_metrics.result()[name])


def assert_cured(fault: RigFault, outcome: Outcome) -> None:
    """Check that only this fault was found, and that its next step cured it."""
    assert not outcome.error, outcome.error
    expected = (fault.cause, fault.object.replace("{namespace}", outcome.namespace))
    assert [(finding.cause, finding.object) for finding in outcome.findings] == [expected]
    [finding] = outcome.findings
    assert any(fault.evidence in text for text in (finding.title, finding.found)), finding
    assert not outcome.failed, f"{finding.do}: {outcome.failed}"
    assert not outcome.left, outcome.left


def test_an_up_that_fails_says_why_and_down_takes_away_what_there_is(failed_up: Future[FailedUp]) -> None:
    """The error has five lines and comes before the deadline; `lab down` removes the whole stack."""
    outcome = failed_up.result()
    error = outcome.up.stderr
    assert outcome.up.returncode == Unavailable.exit_code, error
    assert outcome.seconds < DEADLINE_S
    assert len(error.partition("lab: ")[2].splitlines()) <= 5
    for part in ("otel-collector", NOWHERE, "not found", "do: "):
        assert part in error, error
    assert (outcome.down.returncode, outcome.down.stderr) == (0, "")
    assert "down, nothing is left running" in outcome.down.stdout
    assert outcome.left == []


def test_a_builder_that_was_not_told_of_plain_http_is_named(user: Configured, rig: RigFacts) -> None:
    """The failed build and the diagnosis name it; its next step builds the images of all other tests."""
    refused, findings = user.built.refused, user.built.findings
    assert refused.returncode == BadConfig.exit_code
    _, _, error = refused.stderr.partition("lab: ")
    assert error.startswith("the builder speaks HTTPS to a registry that answers in plain HTTP")
    assert len(error.splitlines()) <= 5
    assert [(finding.cause, finding.object) for finding in findings] == [
        ("builder-plain-http", f"Registry/{rig.registry}")
    ]
    assert "server gave HTTP response to HTTPS client" in findings[0].found
    assert user.built.cured.returncode == 0


def test_a_stack_that_is_well_has_nothing_wrong_with_it(
    stack: ClusterDeployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """The diagnosis covers all services on both architectures, and everything they depend on."""
    assert main(["diagnose"]) == 0
    assert "no problems" in capsys.readouterr().out
