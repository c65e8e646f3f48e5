"""Objectives: what was observed, its interval, met or not."""

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.estimate import Estimate
from lab.analysis.facts import Facts
from lab.analysis.judge import judge
from lab.analysis.objectives import OBJECTIVES, ObjectiveKind, result_of
from lab.errors import UsageFault
from lab.model import NANOS, Evidence, FaultRecord, Objective, ObjectiveResult
from lab.reports.words import bound
from tests.unit.analysis.builders import START_NS, evidence, experiment, samples, series

LOST = Objective("lost", 0)


def only(objective: Objective, changed: Evidence | None = None) -> ObjectiveResult:
    """Return the result of a single objective."""
    (result,) = judge(experiment(objective), changed or evidence()).verdict.objectives
    return result


def losing(events: int) -> Evidence:
    """Return evidence in which so many acknowledged events are not counted."""
    good = evidence()
    return replace(good, totals=(replace(good.totals[0], count=2_000 - events),))


def test_a_latency_below_its_threshold_is_met() -> None:
    """With label, unit and interval as the card shows them."""
    result = only(Objective("latency", 50.0))
    assert (result.label, result.unit, result.status) == ("p99 acknowledgement", "ms", "MET")
    assert (result.observed, result.low, result.high) == (3.0, 3.0, 3.0)


def test_a_latency_at_its_threshold_is_not_met() -> None:
    """The objective says below."""
    assert only(Objective("latency", 3.0)).status == "NOT_MET"


def test_a_threshold_within_the_interval_is_said() -> None:
    """Another mixture of the same seconds could have led to another verdict."""
    random = np.random.default_rng(3)
    result = only(Objective("latency", 10.0, 0.5), evidence(samples(random.normal(10.0, 3.0, 2_000).clip(1))))
    assert "the threshold lies in the interval within this run" in result.note


def test_too_few_samples_leave_no_verdict() -> None:
    """The run is INCONCLUSIVE and names the objective."""
    judged = judge(experiment(Objective("latency", 50.0), LOST), evidence(samples(np.ones(999))))
    assert [result.status for result in judged.verdict.objectives] == ["INCONCLUSIVE", "MET"]
    assert (judged.validity.status, judged.verdict.status) == ("INCONCLUSIVE", None)
    assert judged.validity.reasons[0].message == "p99 acknowledgement: 999 samples, p99 needs 1,000"


def test_a_missed_objective_decides_beside_one_without_an_answer() -> None:
    """A loss stays a loss, however short the run."""
    short = evidence(samples(np.ones(999)))
    lossy = replace(short, totals=(replace(short.totals[0], count=998),))
    judged = judge(experiment(Objective("latency", 50.0), LOST), lossy)
    assert (judged.validity.status, judged.verdict.status) == ("VALID", "NOT_MET")


@pytest.mark.parametrize(("events", "status"), [(0, "MET"), (1, "NOT_MET")])
def test_nothing_may_be_lost(events: int, status: str) -> None:
    """A single event decides."""
    result = only(LOST, losing(events))
    assert (result.label, result.unit, result.observed, result.status) == ("events lost", "events", events, status)
    assert result.note == "of 2,000 acknowledged"


def test_unknown_events_bound_what_may_be_lost() -> None:
    """They may hide a loss, and the result says how many events."""
    good = evidence()
    account = replace(good.load_run.account, unknown=7)
    report = replace(
        good.load_run, account=account, producer_ledger_unknown=(replace(good.load_run.producer_ledger[0], count=7),)
    )
    answer = (replace(good.totals[0], count=2_007),)
    result = only(LOST, replace(good, load_run=report, totals=answer))
    assert (result.observed, result.low, result.high, result.status) == (0, None, None, "MET")
    hidden = only(LOST, replace(good, load_run=report))
    assert (hidden.observed, hidden.low, hidden.high) == (0, 0, 7)
    assert "at most 7" in hidden.note


def test_nothing_may_be_counted_twice() -> None:
    """The answer has events beyond those of the producer ledger."""
    good = evidence()
    result = only(Objective("double-counted", 0), replace(good, totals=(replace(good.totals[0], count=2_002),)))
    assert (result.label, result.observed, result.status) == ("events counted twice", 2, "NOT_MET")


def test_without_a_producer_ledger_nothing_is_known_to_be_kept() -> None:
    """Missing is not 0."""
    good = evidence()
    assert only(LOST, replace(good, load_run=replace(good.load_run, producer_ledger=()))).status == "INCONCLUSIVE"


@pytest.mark.parametrize(("at_least", "status"), [(99.0, "MET"), (101.0, "NOT_MET")])
def test_throughput_has_a_lower_bound(at_least: float, status: str) -> None:
    """Acknowledged events per second."""
    result = only(Objective("throughput", at_least))
    assert (result.label, result.unit, result.status) == ("throughput", "events/s", status)
    assert result.observed == pytest.approx(100.0)


def recovering(backlog: list[float]) -> Evidence:
    """Return evidence of a worker that is killed after ten seconds, with the backlog every second."""
    good = evidence()
    fault = FaultRecord("kill", "process-worker", START_NS + 10 * NANOS, START_NS + 10 * NANOS)
    points = [(at + 0.5, value) for at, value in enumerate(backlog)]
    return replace(good, faults=(fault,), series=(*good.series, series("lab_stream_backlog", {}, points)))


@pytest.mark.parametrize(
    ("backlog", "threshold", "status"),
    [
        ([0.0] * 10 + [100, 300, 200] + [0] * 9, 5.0, "MET"),
        ([0.0] * 10 + [100, 300, 200] + [0] * 9, 3.0, "NOT_MET"),
        ([0.0] * 10 + [300] * 12, 5.0, "NOT_MET"),
        ([0.0] * 10 + [300] * 3, 5.0, "INCONCLUSIVE"),
    ],
)
def test_recovery_is_judged_by_the_backlog(backlog: list[float], threshold: float, status: str) -> None:
    """Gone in time, gone too late, never gone, not sampled for long enough."""
    result = only(Objective("recovery", threshold), recovering(backlog))
    assert (result.label, result.unit, result.status) == ("recovery", "s", status)


def test_recovery_without_a_fault_is_no_question() -> None:
    """Nothing was broken."""
    assert only(Objective("recovery", 5.0)).note == "no fault was carried out"


def test_an_invalid_run_shows_figures_and_no_verdict() -> None:
    """What was observed stays visible."""
    good = evidence()
    judged = judge(experiment(LOST), replace(good, store=replace(good.store, durability="volatile")))
    assert judged.verdict.status is None
    assert judged.verdict.objectives[0].observed == 0


def unanswered(objective: Objective, facts: Facts, _seed: int) -> ObjectiveResult:
    """Judge how many events were never acknowledged."""
    account = facts.evidence.load_run.account
    missing = account.intended - account.acknowledged
    estimate = Estimate(missing, note=f"of {account.intended:,} intended")
    return result_of(objective, "events unanswered", "events", estimate, met=missing <= objective.threshold)


@pytest.mark.parametrize(("refused", "status"), [(10, "MET"), (11, "NOT_MET")])
def test_a_kind_that_is_declared_outside_is_judged_like_any_other(
    monkeypatch: pytest.MonkeyPatch, refused: int, status: str
) -> None:
    """One entry in the table says how the kind is judged and written."""
    monkeypatch.setitem(OBJECTIVES, "unanswered", ObjectiveKind(unanswered, "≤"))
    outcome = np.where(np.arange(2_000) < refused, 2, 1)
    judged = judge(experiment(Objective("unanswered", 10)), evidence(samples(np.full(2_000, 3.0), outcome=outcome)))
    (result,) = judged.verdict.objectives
    assert (judged.validity.status, judged.verdict.status) == ("VALID", status)
    assert (result.label, result.observed, result.note) == ("events unanswered", refused, "of 2,000 intended")
    assert bound(result) == "≤ 10 events"


def test_a_kind_declared_outside_may_bound_the_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that look at bounds of latency then know it, too."""
    late = evidence(samples(np.full(2_000, 9.0), delay_ms=6.0))
    monkeypatch.setitem(OBJECTIVES, "unanswered", ObjectiveKind(unanswered, "≤"))
    assert judge(experiment(Objective("unanswered", 10)), late).validity.status == "VALID"
    monkeypatch.setitem(OBJECTIVES, "unanswered", ObjectiveKind(unanswered, "≤", bounds_latency=True))
    validity = judge(experiment(Objective("unanswered", 10)), late).validity
    assert [reason.code for reason in validity.reasons] == ["generator-behind"]


def test_a_kind_that_nobody_declared_is_a_fault_of_use() -> None:
    """The fault names those that there are."""
    with pytest.raises(UsageFault, match="'speed'") as raised:
        judge(experiment(Objective("speed", 1.0)), evidence())
    assert "double-counted, latency, lost, recovery, throughput" in raised.value.found


@pytest.mark.parametrize(
    ("objective", "text"),
    [
        (Objective("latency", 50.0), "< 50 ms"),
        (Objective("throughput", 99.0), "≥ 99 events/s"),
        (Objective("recovery", 5.0), "≤ 5 s"),
        (LOST, "0"),
        (Objective("double-counted", 0), "0"),
    ],
)
def test_every_kind_has_its_sign(objective: Objective, text: str) -> None:
    """A count is shown without sign and unit."""
    assert bound(only(objective)) == text
