"""Two runs side by side, without a word about the next one."""

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.compare import CAVEAT, CPU, Difference, compare
from lab.model import Trial
from tests.unit import trials
from tests.unit.analysis import builders


def figures(first: Trial, second: Trial) -> dict[str, Difference]:
    """The comparison by name."""
    return {one.name: one for one in compare(first, second)}


def with_cpu(*points: list[tuple[float, float]]) -> Trial:
    """A trial whose services used this much CPU; times are seconds after the start of the window."""
    used = tuple(builders.series(CPU, {"instance": str(at)}, one) for at, one in enumerate(points))
    seen = builders.evidence()
    return trials.trial(evidence=replace(seen, series=(*seen.series, *used)))


def test_latency_and_throughput_stand_beside_each_other() -> None:
    """Second over first: three times the latency at the same rate."""
    slow = trials.trial(evidence=builders.evidence(builders.samples(np.full(2_000, 9.0))))
    seen = figures(trials.trial(), slow)
    for name in ("p50 acknowledgement", "p99 acknowledgement"):
        assert (seen[name].first, seen[name].second, seen[name].ratio) == pytest.approx((3.0, 9.0, 3.0))
    assert seen["throughput"].ratio == pytest.approx(1.0)


def test_refused_batches_have_no_latency() -> None:
    """Only what was acknowledged was answered."""
    outcome = np.where(np.arange(2_000) % 2, 1, 2)
    latency = np.where(np.arange(2_000) % 2, 3.0, 900.0)
    some = trials.trial(evidence=builders.evidence(builders.samples(latency, outcome=outcome)))
    assert figures(some, some)["p99 acknowledgement"].first == pytest.approx(3.0)


def test_events_lost_have_no_ratio_to_none() -> None:
    """From 0 to 5 is no factor."""
    lossy = replace(trials.trial(), ledger=replace(trials.trial().ledger, lost=5))
    lost = figures(trials.trial(), lossy)["events lost"]
    assert (lost.first, lost.second, lost.ratio) == (0.0, 5.0, None)


def test_cpu_is_that_of_the_window_over_all_services() -> None:
    """Last sample of the window minus the last before it, for each event counted; a late process began at 0."""
    early = [(-2.0, 1.0), (-0.5, 2.0), (10.0, 3.0), (19.5, 4.0), (25.0, 90.0)]
    late = [(12.0, 0.5), (19.0, 2.0)]
    assert figures(with_cpu(early, late), trials.trial())["CPU per counted event"].first == pytest.approx(
        (2.0 + 2.0) * 1e6 / 2_000
    )


def test_without_a_figure_there_is_none() -> None:
    """Neither 0 nor an error: no series of the CPU, no batch at all."""
    empty = trials.trial(evidence=builders.evidence(builders.samples([])))
    seen = figures(trials.trial(), empty)
    assert [seen[name].second for name in ("p50 acknowledgement", "p99 acknowledgement", "throughput")] == [None] * 3
    assert seen["CPU per counted event"].first is None
    assert seen["p50 acknowledgement"].ratio is None


def test_it_says_what_it_cannot_say() -> None:
    """A comparison of single runs is called that."""
    assert "single runs" in CAVEAT
    assert "repeat" in CAVEAT
