"""Objectives: what was observed, its interval, met or not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.estimate import Estimate
from lab.analysis.facts import Facts
from lab.analysis.judge import judge
from lab.analysis.objectives import OBJECTIVES, ObjectiveKind, result_of
from lab.errors import UsageFault
from lab.model import NANOS, Balance, Evidence, FaultRecord, Objective, ObjectiveResult
from lab.questions import keeps_up, refused
from lab.reports.words import bound
from tests.unit.analysis.builders import START_NS, evidence, experiment, samples, series

LOST = Objective("lost", 0)


def only(objective: Objective, changed: Evidence | None = None) -> ObjectiveResult:
    """Return the result of a single objective."""
    return judge(experiment(objective), changed or evidence()).verdict.objectives[0]


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
    assert (hidden.observed, hidden.low, hidden.high, hidden.status) == (0, 0, 7, "INCONCLUSIVE")
    assert "at most 7" in hidden.note


@pytest.mark.parametrize(
    ("answered", "observed", "high", "status"),
    [(2_000, 0, None, "MET"), (2_003, 0, 3, "INCONCLUSIVE"), (2_007, 0, 7, "INCONCLUSIVE"), (2_009, 2, 9, "NOT_MET")],
)
def test_unknown_events_bound_what_may_be_counted_twice(
    answered: int, observed: int, high: int | None, status: str
) -> None:
    """Events beyond the acknowledged ones are unknown events that were accepted, or others that were counted twice."""
    good = evidence()
    account = replace(good.load_run.account, unknown=7)
    unknown = (replace(good.load_run.producer_ledger[0], count=7),)
    report = replace(good.load_run, account=account, producer_ledger_unknown=unknown)
    answer = (replace(good.totals[0], count=answered),)
    result = only(Objective("double-counted", 0), replace(good, load_run=report, totals=answer))
    assert (result.observed, result.high, result.status) == (observed, high, status)


@given(low=st.integers(0, 5), width=st.integers(0, 5), threshold=st.integers(0, 8))
def test_a_count_is_judged_by_its_whole_interval(low: int, width: int, threshold: int) -> None:
    """Met where all of it is within the threshold, missed where none of it is, else nobody can say."""
    good = evidence()
    account = replace(good.load_run.account, unknown=width)
    unknown = (replace(good.load_run.producer_ledger[0], count=width),) if width else ()
    report = replace(good.load_run, account=account, producer_ledger_unknown=unknown)
    answer = (replace(good.totals[0], count=2_000 - low),)
    result = only(Objective("lost", threshold), replace(good, load_run=report, totals=answer))
    expected = "MET" if low + width <= threshold else "NOT_MET" if low > threshold else "INCONCLUSIVE"
    assert (result.observed, result.status) == (low, expected)


def test_events_that_still_wait_may_be_counted_or_lost() -> None:
    """Zero is then a lower bound and no answer."""
    good = evidence()
    waiting = replace(good.store, balance=Balance(accepted=2_000, counted=1_400, backlog=600))
    result = only(LOST, replace(good, store=waiting, totals=(replace(good.totals[0], count=1_400),)))
    assert (result.observed, result.high, result.status) == (0, 600, "INCONCLUSIVE")
    assert "600 are still in the backlog" in result.note


def half_refused(outcome: int) -> Evidence:
    """Return evidence in which every second batch has this outcome, quickly."""
    return evidence(samples(np.full(2_000, 3.0), outcome=np.where(np.arange(2_000) % 2, 1, outcome)))


@pytest.mark.parametrize("outcome", [2, 3])
@pytest.mark.parametrize(("quantile", "status"), [(0.4, "MET"), (0.51, "NOT_MET"), (0.99, "NOT_MET")])
def test_batches_without_an_acknowledgement_decide_a_quantile(outcome: int, quantile: float, status: str) -> None:
    """Refused or never heard of: half of the batches are infinitely late."""
    result = only(Objective("latency", 50.0, quantile), half_refused(outcome))
    assert (result.observed == np.inf, result.status) == (status == "NOT_MET", status)


@pytest.mark.parametrize("outcome", [2, 3])
def test_a_run_without_any_acknowledgement_is_never_met(outcome: int) -> None:
    """The time of a refusal is no latency."""
    nothing = evidence(samples(np.full(2_000, 9.0), outcome=outcome))
    judged = judge(experiment(Objective("latency", 500.0), LOST, Objective("double-counted", 0)), nothing)
    assert judged.verdict.objectives[0].observed is None
    assert judged.verdict.objectives[0].status == "NOT_MET"
    assert judged.verdict.status != "MET"


def test_refused_events_are_not_met_although_nobody_asked() -> None:
    """Their bound is 0 unless an objective states another one; the reasons stand beside them."""
    judged = judge(experiment(LOST), half_refused(2))
    lost, result = judged.verdict.objectives
    assert (lost.status, judged.verdict.status) == ("MET", "NOT_MET")
    assert (result.label, result.observed, result.unit, result.status) == ("events refused", 50.0, "%", "NOT_MET")
    assert result.note == "1,000 of 2,000; 1,000 BACKLOG_FULL"
    assert [result.label for result in judge(experiment(LOST), evidence()).verdict.objectives] == ["events lost"]


@pytest.mark.parametrize(("at_most", "status"), [(0.5, "MET"), (0.49, "NOT_MET")])
def test_a_stated_bound_on_refused_events_replaces_the_silent_one(at_most: float, status: str) -> None:
    """One result, with the stated threshold."""
    result = only(refused(at_most=at_most), half_refused(2))
    assert (result.observed, result.status) == (50.0, status)


def lagging(slope: float) -> Evidence:
    """Return evidence of a backlog that grows by so many events a second while a hundred are acknowledged."""
    good = evidence()
    points = [(at + 0.5, slope * min(at, 20)) for at in range(-2, 24)]
    return replace(good, series=(*good.series, series("lab_stream_backlog", {}, points)))


@pytest.mark.parametrize(("slope", "status"), [(0.0, "MET"), (0.4, "MET"), (3.0, "NOT_MET"), (81.0, "NOT_MET")])
def test_a_growing_lag_is_a_system_that_does_not_keep_up(slope: float, status: str) -> None:
    """Even if everything is counted in the end."""
    result = only(keeps_up(), lagging(slope))
    assert (result.label, result.unit, result.status) == ("counted while sent", "%", status)


def test_without_looks_at_the_backlog_nobody_can_say_who_keeps_up() -> None:
    """No data is never a pass."""
    assert only(keeps_up()).status == "INCONCLUSIVE"


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
        ([0.0] * 10 + [100, 300, 200] + [0] * 14, 5.0, "MET"),
        ([0.0] * 10 + [100, 300, 200] + [0] * 14, 3.0, "NOT_MET"),
        ([0.0] * 10 + [300] * 12, 5.0, "NOT_MET"),
        ([0.0] * 10 + [300] * 3, 5.0, "INCONCLUSIVE"),
        ([0.0] * 10 + [300] * 3 + [0] * 4, 5.0, "INCONCLUSIVE"),
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


@pytest.mark.parametrize(("unacknowledged", "status"), [(10, "MET"), (11, "NOT_MET")])
def test_a_kind_that_is_declared_outside_is_judged_like_any_other(
    monkeypatch: pytest.MonkeyPatch, unacknowledged: int, status: str
) -> None:
    """One entry in the table says how the kind is judged and written."""
    monkeypatch.setitem(OBJECTIVES, "unanswered", ObjectiveKind(unanswered, "≤"))
    outcome = np.where(np.arange(2_000) < unacknowledged, 2, 1)
    judged = judge(experiment(Objective("unanswered", 10)), evidence(samples(np.full(2_000, 3.0), outcome=outcome)))
    result, _ = judged.verdict.objectives
    assert (judged.validity.status, result.status) == ("VALID", status)
    assert (result.label, result.observed, result.note) == ("events unanswered", unacknowledged, "of 2,000 intended")
    assert bound(result) == "≤ 10 events"


def test_a_kind_declared_outside_may_bound_the_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that look at bounds of latency then know it, too: 9 ms miss 8 ms only by a delay of 6 ms."""
    late, bound_of_latency = evidence(samples(np.full(2_000, 9.0), delay_ms=6.0)), Objective("unanswered", 8)
    monkeypatch.setitem(OBJECTIVES, "unanswered", ObjectiveKind(unanswered, "≤"))
    assert judge(experiment(bound_of_latency), late).validity.status == "VALID"
    monkeypatch.setitem(OBJECTIVES, "unanswered", ObjectiveKind(unanswered, "≤", bounds_latency=True))
    validity = judge(experiment(bound_of_latency), late).validity
    assert [reason.code for reason in validity.reasons] == ["generator-behind"]


def test_a_kind_that_nobody_declared_is_a_fault_of_use() -> None:
    """The fault names those that there are."""
    with pytest.raises(UsageFault, match="'speed'") as raised:
        judge(experiment(Objective("speed", 1.0)), evidence())
    assert "double-counted, keeps-up, latency, lost, recovery, refused, throughput" in raised.value.found


@pytest.mark.parametrize(
    ("objective", "text"),
    [
        (Objective("latency", 50.0), "< 50 ms"),
        (Objective("throughput", 99.0), "≥ 99 events/s"),
        (Objective("recovery", 5.0), "≤ 5 s"),
        (LOST, "0"),
        (Objective("double-counted", 0), "0"),
        (keeps_up(at_least=0.95), "≥ 95 %"),
        (refused(at_most=0.02), "≤ 2 %"),
    ],
)
def test_every_kind_has_its_sign(objective: Objective, text: str) -> None:
    """A count is shown without sign and unit."""
    assert bound(only(objective)) == text
