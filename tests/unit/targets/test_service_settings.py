"""Settings of services come from the environment and from the request."""

import pytest

from lab.errors import UsageFault
from lab.targets.service_settings import chosen_settings


def test_what_an_experiment_asks_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other settings of services come from the environment."""
    monkeypatch.setenv("LAB_WORKER_COST_US", "1")
    monkeypatch.setenv("LAB_INGEST_CAPACITY", "2")
    chosen = chosen_settings({"LAB_WORKER_COST_US": "7"})
    assert (chosen["LAB_WORKER_COST_US"], chosen["LAB_INGEST_CAPACITY"]) == ("7", "2")


def test_a_name_that_is_no_setting_is_refused() -> None:
    """The message shows a valid name."""
    with pytest.raises(UsageFault, match='"worker_cost" is not a setting of a service'):
        chosen_settings({"worker_cost": "7"})
