"""`lab.query` asks the Prometheus that runs, else the series that were kept with the run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lab
from lab.errors import Forbidden, LabError, Unavailable
from lab.facade.asking import Live, answered, live_source
from lab.metrics.refusals import REFUSED, UNREACHABLE, UNTRUSTED, PrometheusFault
from lab.model import Series, Trial, Window
from lab.settings import LabSettings, load_settings
from tests.fakes.metrics import FakeMetrics
from tests.fakes.target import FakeDeployment, FakeTarget
from tests.programs import free_port
from tests.unit import trials


class ClosedTarget(FakeTarget):
    """A target whose stack may not be read."""

    def __init__(self, _settings: LabSettings) -> None:
        super().__init__(FakeDeployment())

    def current(self) -> FakeDeployment | None:
        """Refuse."""
        raise Forbidden("cannot list Deployments", found="ada may not")


class Failing(FakeMetrics):
    """A Prometheus that gives no answer.

    Args:
        fault: Why.
    """

    def __init__(self, fault: PrometheusFault) -> None:
        super().__init__()
        self._fault = fault

    def over_time(self, promql: str, window: Window, *, step_s: float = 1.0) -> Sequence[Series]:
        """See `MetricSource.over_time`."""
        raise self._fault


class Fresh(FakeMetrics):
    """A Prometheus that was started after the run; it has no sample of that time."""

    def over_time(self, promql: str, window: Window, *, step_s: float = 1.0) -> Sequence[Series]:
        """See `MetricSource.over_time`."""
        return ()

    def fault_of_missing(self, name: str) -> LabError | None:
        """Know every metric."""
        return None


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a machine without a stack."""
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("LAB_PROMETHEUS_URL", raising=False)


@pytest.fixture
def trial() -> Trial:
    """Return a trial that kept one series of two samples."""
    made = trials.trial()
    kept = Series("up", {"job": "lab/query-api"}, np.array([10.0, 11.0]), np.array([0.0, 1.0]))
    load_run = replace(made.evidence.load_run, window=Window(10_000_000_000, 11_000_000_000))
    return replace(made, evidence=replace(made.evidence, load_run=load_run, series=(kept,)))


def test_without_a_prometheus_the_kept_series_answer(trial: Trial) -> None:
    """One column a series, one row a second."""
    table = lab.query("up", trial)
    assert table['up{job="lab/query-api"}'].tolist() == [0.0, 1.0]


def test_kept_series_answer_no_more_than_a_selector(trial: Trial) -> None:
    """The error says so, and names what would help."""
    with pytest.raises(Unavailable) as refused:
        lab.query("sum(up)", trial)
    assert refused.value.reason == "NOT_KEPT"
    assert "lab up" in refused.value.next_step


def test_a_stack_that_may_not_be_read_is_named_where_nothing_else_answers(trial: Trial) -> None:
    """Kept series still answer a selector."""
    live = live_source(trial, load_settings(), targets={trial.experiment.target: ClosedTarget})
    assert len(answered("up", trial, live=live)) == 2
    with pytest.raises(Unavailable, match="cannot evaluate") as refused:
        answered("sum(up)", trial, live=live)
    assert refused.value.found.startswith("cannot list Deployments: ada may not")


@pytest.mark.parametrize(
    ("status", "reason"), [(400, "PROMQL"), (422, "PROMQL"), (401, REFUSED), (503, REFUSED), (0, UNTRUSTED)]
)
def test_a_prometheus_that_refuses_is_not_answered_for(trial: Trial, status: int, reason: str) -> None:
    """The kept series would hide the fault."""
    fault = PrometheusFault("cannot query Prometheus", code=UNTRUSTED if status == 0 else REFUSED, status=status)
    with pytest.raises(LabError) as refused:
        answered("up", trial, live=Live(Failing(fault)))
    assert refused.value.reason == reason


def test_a_prometheus_that_is_not_reached_is_answered_for(trial: Trial) -> None:
    """By the kept series, as far as they go; the error says why for both."""
    away = Live(Failing(PrometheusFault("cannot query Prometheus", found="connection refused", code=UNREACHABLE)))
    assert len(answered("up", trial, live=away)) == 2
    with pytest.raises(Unavailable) as refused:
        answered("sum(up)", trial, live=away)
    assert refused.value.found.startswith("cannot query Prometheus: connection refused\n")


def test_a_running_prometheus_answers_before_the_kept_series(trial: Trial) -> None:
    """It knows more than was kept."""
    assert len(answered("sum(up)", trial, live=Live(FakeMetrics()))) > 2


def test_a_prometheus_that_was_started_after_the_run_is_answered_for(trial: Trial) -> None:
    """It has nothing of that time. What the kept series do not have stays without an answer."""
    fresh = Live(Fresh())
    assert answered("up", trial, live=fresh)['up{job="lab/query-api"}'].tolist() == [0.0, 1.0]
    assert len(answered("sum(up)", trial, live=fresh)) == 0


def test_a_prometheus_that_does_not_answer_is_named(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings name it; nobody listens there."""
    port = free_port()
    monkeypatch.setenv("LAB_PROMETHEUS_URL", f"http://127.0.0.1:{port}")
    assert len(lab.query("up", trial)) == 2
    with pytest.raises(Unavailable) as refused:
        lab.query("sum(up)", trial)
    assert str(port) in refused.value.found


def test_a_factor_that_does_not_exist_is_refused(trial: Trial) -> None:
    """The next step can be pasted."""
    with pytest.raises(lab.LabError, match='no factor "moon"') as refused:
        lab.run_each(trial.experiment, "moon", [1])
    assert refused.value.next_step.startswith("lab.run_each(")
