"""Figures of trials beside each other: the verdict's own figures, and their ratios."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.comparison import CAVEAT, ComparedFigure, compare, meets_objectives
from lab.analysis.cpu_cost import CPU
from lab.analysis.estimate import Estimate, ratio
from lab.model import Evidence, Objective, Trial
from lab.systems.services import WORKER_JOB
from tests.unit import trials
from tests.unit.analysis import builders

WORKER_CPU = "process-worker CPU per 1,000 events"
INGEST_CPU = "ingest-api CPU per 1,000 events"


def figures(first: Trial, second: Trial) -> dict[str, ComparedFigure]:
    """The comparison of two trials by name."""
    return {figure.name: figure for figure in compare((first, second))}


def values(figure: ComparedFigure) -> tuple[float | None, float | None, float | None]:
    """Both values of a figure, and the ratio."""
    first, second = figure.values
    return first.value, second.value, figure.ratios[0].value


def with_cpu(points: Sequence[tuple[float, float]], *, counted: Sequence[tuple[float, float]]) -> Trial:
    """A trial whose worker used this much CPU and counted this much; times are seconds after the window's start."""
    labels = {"job": WORKER_JOB, "instance": builders.WORKER}
    cpu, counter = builders.series(CPU, labels, list(points)), builders.counter(list(counted))
    observed = builders.evidence()
    return trials.trial(evidence=replace(observed, series=(counter, *observed.series[1:], cpu)))


def half_refused() -> Evidence:
    """Every second batch is refused after 900 ms; the others are acknowledged after 3 ms."""
    outcome = np.where(np.arange(2_000) % 2, 1, 2)
    latency = np.where(np.arange(2_000) % 2, 3.0, 900.0)
    return builders.evidence(builders.samples(latency, outcome=outcome))


def losing(events: int) -> Evidence:
    """Evidence in which so many acknowledged events are not counted."""
    good = builders.evidence()
    return replace(good, totals=(replace(good.totals[0], count=2_000 - events),))


def test_latency_and_throughput_stand_beside_each_other() -> None:
    """Second over first: three times the latency at the same rate."""
    slow = trials.trial(evidence=builders.evidence(builders.samples(np.full(2_000, 9.0))))
    compared = figures(trials.trial(), slow)
    for name in ("p50 acknowledgement", "p99 acknowledgement"):
        assert values(compared[name]) == pytest.approx((3.0, 9.0, 3.0))
    assert compared["throughput"].ratios[0].value == pytest.approx(1.0)


def test_a_refused_batch_counts_as_it_does_in_the_verdict() -> None:
    """A refusal cannot improve a quantile, and no ratio is made of an infinite one."""
    refusing = trials.trial(Objective("latency", 50.0), evidence=half_refused())
    compared = figures(trials.trial(), refusing)
    p99, result = compared["p99 acknowledgement"], refusing.verdict.objectives[0]
    assert (p99.values[1].value, p99.values[1].low, p99.values[1].high) == (result.observed, result.low, result.high)
    assert (p99.values[1].value, p99.values[1].note) == (np.inf, result.note)
    assert (p99.ratios[0].value, p99.ratios[0].note) == (None, "no ratio of an infinite figure")
    assert values(compared["events refused"]) == (0.0, 50.0, None)


def test_time_outs_do_not_look_better() -> None:
    """The slowest three tenths of the batches time out: the rest is quick, and the p50 is that of all."""
    latency = np.tile([3.0, 3.0, 3.0, 6.0, 6.0, 6.0, 6.0, 9.0, 9.0, 9.0], 200)
    timed_out = builders.samples(np.where(latency == 9.0, 1.0, latency), outcome=np.where(latency == 9.0, 3, 1))
    first, second = trials.trial(evidence=builders.evidence(builders.samples(latency))), builders.evidence(timed_out)
    assert values(figures(first, trials.trial(evidence=second))["p50 acknowledgement"]) == (6.0, 6.0, 1.0)


@pytest.mark.parametrize("evidence", [builders.evidence(), half_refused(), losing(5)])
def test_every_figure_of_an_objective_is_the_verdicts_own(evidence: Evidence) -> None:
    """Value and interval, for latency, throughput, lost and double-counted."""
    objectives = (
        Objective("latency", 50.0, 0.5),
        Objective("latency", 50.0),
        Objective("throughput", 50.0),
        Objective("lost", 0),
        Objective("double-counted", 0),
    )
    trial = trials.trial(*objectives, evidence=evidence)
    compared = figures(trial, trial)
    for result in trial.verdict.objectives:
        figure = compared[result.label]  # Refused events are judged although no objective bounds them.
        assert figure.unit == result.unit
        for estimate in figure.values:
            assert (estimate.value, estimate.low, estimate.high) == (result.observed, result.low, result.high)


def test_events_lost_have_no_ratio_to_none() -> None:
    """From 0 to 5 is no factor; from 5 to 0 is one."""
    lossy = trials.trial(evidence=losing(5))
    assert values(figures(trials.trial(), lossy)["events lost"]) == (0.0, 5.0, None)
    assert values(figures(lossy, trials.trial())["events lost"]) == (5.0, 0.0, 0.0)


def test_cpu_is_that_of_the_window_for_each_counted_event() -> None:
    """Growth before and after the window is left out: a millisecond for each of a hundred events a second."""
    spent = [(-2.0, 0.0), (-1.0, 5.0), (0.0, 6.0), (19.9, 8.0), (21.0, 90.0)]
    counted = [(-1.0, 0.0), (0.0, 0.0), (19.9, 2_000.0), (21.0, 2_000.0)]
    compared = figures(with_cpu(spent, counted=counted), trials.trial())
    assert compared[WORKER_CPU].values[0].value == pytest.approx(2.0 * 1e6 / 2_000)


def test_cpu_is_read_from_scrape_to_scrape() -> None:
    """Scrapes at 0.4 s of every second: the interval is that of 19 cost figures, and not of an interpolation.

    Each interval of a hundred events takes 1 or 3 ms of CPU in turn: 20 ms per 1,000 events on average. A thousandth of
    a second may be rounded anywhere, so that the ends are compared with a margin.
    """
    seconds = np.arange(-2.6, 24)
    steps = np.where(np.arange(len(seconds)) % 2, 0.001, 0.003)
    spent = list(zip(seconds.tolist(), np.cumsum(steps).tolist(), strict=True))
    counted = [(at, 100.0 * number) for number, at in enumerate(seconds.tolist())]
    estimate = figures(with_cpu(spent, counted=counted), trials.trial())[WORKER_CPU].values[0]
    assert estimate.value == pytest.approx(20.0, rel=0.05)
    assert estimate.low is not None
    assert estimate.high is not None
    spread = 10.0 / np.sqrt(19)
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * spread, rel=0.15)


def test_the_time_before_the_first_scrape_of_a_process_costs_no_event() -> None:
    """A worker that starts within the window has spent a second of CPU on starting."""
    seconds = [float(at) for at in range(5, 24)]
    spent = [(at, 1.0 + 0.002 * number) for number, at in enumerate(seconds)]
    counted = [(at, 100.0 * number) for number, at in enumerate(seconds)]
    estimate = figures(with_cpu(spent, counted=counted), trials.trial())[WORKER_CPU].values[0]
    assert estimate.value == pytest.approx(20.0)


def test_without_a_figure_there_is_none() -> None:
    """Neither 0 nor an error: no series of the CPU, no batch at all."""
    empty = trials.trial(evidence=builders.evidence(builders.samples([])))
    compared = figures(trials.trial(), empty)
    names = ("p50 acknowledgement", "p99 acknowledgement", "throughput")
    assert [compared[name].values[1].value for name in names] == [None] * 3
    assert [compared[name].values[0].value for name in (INGEST_CPU, WORKER_CPU)] == [None] * 2
    assert compared["p50 acknowledgement"].ratios[0].value is None


def test_more_than_two_trials_are_all_compared_with_the_first() -> None:
    """A ratio for each trial but the first."""
    measured = [builders.samples(np.full(2_000, latency_ms)) for latency_ms in (3.0, 6.0, 9.0)]
    p50, *_ = compare([trials.trial(evidence=builders.evidence(samples)) for samples in measured])
    assert [estimate.value for estimate in p50.values] == pytest.approx([3.0, 6.0, 9.0])
    assert [estimate.value for estimate in p50.ratios] == pytest.approx([2.0, 3.0])


def test_only_trials_that_may_be_believed_are_divided() -> None:
    """Where the caller asks for that; the values stay."""
    emulated = trials.trial_on("arm64", cpu_of_board="x86_64")
    for pair in ((trials.trial_on("amd64"), emulated), (emulated, trials.trial_on("amd64"))):
        compared = compare(pair, believed_only=True)
        assert {figure.ratios[0].value for figure in compared} == {None}
        assert all(figure.ratios[0].note == "not both runs may be believed" for figure in compared)
        assert compared[0].values[0].value is not None


def test_a_ratio_is_as_uncertain_as_both_together() -> None:
    """Its interval is wider than either's, and there is none without both."""
    narrow, wide = Estimate(10.0, 9.0, 11.0), Estimate(20.0, 15.0, 25.0)
    doubled = ratio(wide, narrow)
    assert doubled.low is not None
    assert doubled.high is not None
    assert doubled.value == 2.0
    assert doubled.low < 15 / 10
    assert doubled.high > 25 / 10
    assert ratio(wide, Estimate(10.0)).low is None
    assert ratio(Estimate(None), narrow).value is None
    assert ratio(wide, Estimate(0.0)).value is None


def test_the_caveat_says_what_a_comparison_cannot_say() -> None:
    """A comparison of single runs is called that."""
    assert "single runs" in CAVEAT
    assert "repeat" in CAVEAT


def test_an_emulated_trial_cannot_tell_whether_objectives_are_met() -> None:
    """Its figures say nothing about the real architecture; any other trial tells by its verdict."""
    measured = [trials.trial_on("amd64"), trials.trial_on("arm64", latency_ms=90.0)]
    assert [meets_objectives(trial) for trial in measured] == [True, False]
    assert meets_objectives(trials.trial_on("arm64", cpu_of_board="x86_64")) is None
