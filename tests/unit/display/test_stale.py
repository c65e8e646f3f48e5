"""A cell that failed leaves no trial behind that it would have replaced."""

from types import SimpleNamespace
from typing import Any

import pytest

from lab.display.stale import Stale
from tests.fakes.world import EXPERIMENT
from tests.unit import trials

TRIAL = trials.trial()


def after(names: dict[str, Any], cell: str, *, success: bool = False, **assigned: Any) -> dict[str, Any]:
    """Return the names of a notebook after a cell, which assigned some of them before it ended."""
    stale: Any = Stale(names)
    stale.note(SimpleNamespace(raw_cell=cell))
    names.update(assigned)
    stale.forget(SimpleNamespace(success=success, info=SimpleNamespace(raw_cell=cell)))
    return names


@pytest.mark.parametrize(
    "cell",
    [
        "trial = lab.run(experiment)",
        "trial: lab.Trial = lab.run(experiment)",
        "other, trial = 1, lab.run(experiment)",
        "with context:\n    trial = lab.run(experiment)",
    ],
)
def test_the_trial_that_a_failed_cell_assigns_is_forgotten(cell: str) -> None:
    """The cells below fail, too, in place of showing it as a fresh one."""
    assert "trial" not in after({"trial": TRIAL}, cell)


def test_an_experiment_and_several_trials_are_forgotten_as_well() -> None:
    """All that the lab made."""
    names = {"experiment": EXPERIMENT, "trials": (TRIAL, TRIAL)}
    assert after(names, "experiment = lab.Experiment(rte)\ntrials = lab.run_each(experiment)") == {}


def test_other_names_stay() -> None:
    """A trial that is kept for comparison, and whatever is not the lab's."""
    names = {"trial": TRIAL, "before": TRIAL, "rate": 5, "nothing": ()}
    assert after(names, "trial = rate = nothing = lab.run(before)").keys() == {"before", "rate", "nothing"}


def test_a_trial_of_a_cell_that_succeeded_stays() -> None:
    """So does one that the cell assigned before it failed."""
    assert after({"trial": TRIAL}, "trial = lab.run(e)", success=True)["trial"] is TRIAL
    fresh = trials.trial()
    assert after({"trial": TRIAL}, "trial = lab.run(e)\n1 / 0", trial=fresh)["trial"] is fresh


@pytest.mark.parametrize("cell", ["trial = (", "%time trial = lab.run(e)", "!ls", ""])
def test_a_cell_that_is_not_plain_python_forgets_nothing(cell: str) -> None:
    """Nothing was assigned, as far as can be told."""
    assert after({"trial": TRIAL}, cell)["trial"] is TRIAL
