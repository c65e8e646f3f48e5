"""The first program that died is named, and not the one that suffered from that."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import LabError, Unavailable
from lab.model import Death, Fault
from lab.trials.explain import blaming_first
from tests.fakes.target import FakeDeployment
from tests.fakes.world import EXPERIMENT, World

SUFFERED = Unavailable(
    "cannot carry out this load run", found="simulator: Socket closed", next_step="lab logs simulator"
)
REDIS = Death("redis", "", 5, 0, 1, "no space is left on the disk of /t")
SIMULATOR = Death("simulator", "s", 7, 9, 0)
LOGS = Path("runs/a run/logs")


def test_the_first_death_comes_first_with_its_last_words() -> None:
    """And the next step reads its log in the run, since the stack is gone."""
    told = blaming_first(SUFFERED, [SIMULATOR, REDIS], LOGS)
    assert type(told) is Unavailable
    assert str(told).splitlines() == [
        "cannot carry out this load run",
        "  redis exited with 1: no space is left on the disk of /t",
        "  simulator: Socket closed",
        "  do: less 'runs/a run/logs/redis'.log",
    ]


def test_without_a_death_the_log_of_the_run_is_named() -> None:
    """`lab logs` would answer that no stack is up."""
    assert blaming_first(SUFFERED, [], LOGS).next_step == "less 'runs/a run/logs/simulator'.log"


@pytest.mark.parametrize("step", ["lab doctor", "df -h"])
def test_another_next_step_stays(step: str) -> None:
    """It is not about a log."""
    fault = LabError("a", found="b", next_step=step)
    assert blaming_first(fault, [], LOGS) is fault
    assert blaming_first(fault, [REDIS], LOGS).next_step == step


def test_where_no_logs_are_kept_nothing_points_to_them() -> None:
    """The error is as it was."""
    assert blaming_first(SUFFERED, [], None) is SUFFERED


def test_a_planned_fault_is_not_blamed() -> None:
    """It is part of the experiment."""
    late = Death("redis", "", 2**62, 9, 0)
    world = World(deployment=FakeDeployment(deaths=(late,)), load_fails=SUFFERED)
    with pytest.raises(Unavailable, match="cannot carry out") as raised:
        world.run()
    assert raised.value.found.startswith("redis was ended by signal 9")
    planned = World(deployment=FakeDeployment(deaths=(late,)), load_fails=SUFFERED)
    with pytest.raises(Unavailable) as raised:
        planned.run(replace(EXPERIMENT, faults=(Fault("kill", "redis", at_s=9.0),)))
    assert raised.value.found == SUFFERED.found
