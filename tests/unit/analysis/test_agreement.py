"""Prometheus beside the ledger: three planted losses, three names, one remainder."""

from dataclasses import replace

import pytest

from lab.analysis.agreement import compare_counts
from lab.model import NANOS, Comparison, Death, Series, Window
from tests.unit.analysis.builders import START_NS, START_S, WORKER, counter, store, up

WINDOW = Window(START_NS, START_NS + 24 * NANOS)
SCRAPES = [float(second) for second in range(-2, 24)]


def grown(until_s: float = 99.0, *, to: float = 2_000.0, before: float = 500.0) -> list[tuple[float, float]]:
    """Return a counter that stood at *before*, grew evenly for 20 s, and was scraped every second until then."""
    return [(at, before + min(max(at, 0) * to / 20, to)) for at in SCRAPES if at <= until_s]


def death(instance: str = WORKER, *, at_s: float = 12.5, signal: int = 9) -> Death:
    """Return the death of a process."""
    return Death("process-worker", instance, round((START_S + at_s) * NANOS), signal, 0)


def causes(comparison: Comparison) -> list[tuple[str, int]]:
    """Names and numbers of what was comparison."""
    return [(attribution.cause, attribution.events) for attribution in comparison.attributions]


def test_equal_counts_need_no_attribution() -> None:
    """Events that were counted before the window are subtracted."""
    comparison = compare_counts(store(2_000), [counter(grown()), up(SCRAPES)], window=WINDOW)
    assert (comparison.difference, comparison.attributions) == (0, ())
    assert "worker_events_processed_total" in comparison.query


def test_a_process_that_began_within_the_window_began_at_0() -> None:
    """Its first sample is part of the run."""
    instances = {WORKER: 1_500, "worker-2": 500}
    late = counter([(15, 200), (16, 500), (23, 500)], instance="worker-2")
    comparison = compare_counts(
        store(2_000, instances=instances), [counter(grown(to=1_500)), late, up(SCRAPES)], window=WINDOW
    )
    assert (comparison.prometheus_counted, comparison.attributions) == (2_000, ())


def test_planted_loss_killed_before_its_scrape() -> None:
    """What a process counted since its last scrape dies with it."""
    series = [counter(grown(12)), counter([(15, 200), (23, 750)], instance="worker-2"), up(SCRAPES)]
    view = store(2_000, instances={WORKER: 1_250, "worker-2": 750})
    assert causes(compare_counts(view, series, deaths=[death()], window=WINDOW)) == [("killed-before-scrape", 50)]


def test_a_process_killed_before_its_first_scrape_has_the_same_cause() -> None:
    """Prometheus never saw it."""
    view = store(2_030, instances={WORKER: 2_000, "brief": 30})
    comparison = compare_counts(view, [counter(grown()), up(SCRAPES)], deaths=[death("brief")], window=WINDOW)
    assert causes(comparison) == [("killed-before-scrape", 30)]


def test_planted_loss_scraping_stopped() -> None:
    """The process lives, and there was no scrape after the last commit."""
    stopped = [at for at in SCRAPES if at <= 15]
    comparison = compare_counts(store(2_000), [counter(grown(15)), up(stopped)], window=WINDOW)
    assert causes(comparison) == [("scraping-stopped", 500)]
    assert comparison.attributions[0].explained


def test_a_scraper_that_stopped_long_before_the_kill_is_not_excused_by_it() -> None:
    """Only what came since a recent scrape died with the process."""
    comparison = compare_counts(store(2_000), [counter(grown(5)), up(SCRAPES[:8])], deaths=[death()], window=WINDOW)
    assert causes(comparison) == [("scraping-stopped", 1_500)]


def test_planted_loss_counter_not_incremented() -> None:
    """The process lives and was scraped after the last commit; the counter is short."""
    comparison = compare_counts(store(2_000), [counter(grown(to=1_900)), up(SCRAPES)], window=WINDOW)
    assert causes(comparison) == [("not-incremented", 100)]


def test_a_process_without_a_series_under_a_scraped_job_did_not_increment() -> None:
    """The target of the process answered, and the counter was not there."""
    view = store(2_010, instances={WORKER: 2_000, "mute": 10})
    assert causes(compare_counts(view, [counter(grown()), up(SCRAPES)], window=WINDOW)) == [("not-incremented", 10)]


@pytest.mark.parametrize("deaths", [(), (death(),)])
def test_more_in_prometheus_than_in_the_ledger_is_never_explained(deaths: tuple[Death, ...]) -> None:
    """An event that was not committed cannot be counted."""
    comparison = compare_counts(store(1_999), [counter(grown()), up(SCRAPES)], deaths=deaths, window=WINDOW)
    assert causes(comparison) == [("unexplained", -1)]
    assert not comparison.attributions[0].explained


def test_a_death_by_another_signal_explains_nothing() -> None:
    """A process that is stopped waits for its last scrape; a crash is a finding."""
    comparison = compare_counts(
        store(2_000), [counter(grown(12)), up(SCRAPES)], deaths=[death(signal=11)], window=WINDOW
    )
    assert causes(comparison) == [("unexplained", 800)]


def test_events_that_no_process_counted_are_a_remainder() -> None:
    """The ledger's own parts must add up."""
    comparison = compare_counts(store(2_003, instances={WORKER: 2_000}), [counter(grown()), up(SCRAPES)], window=WINDOW)
    assert causes(comparison) == [("unexplained", 3)]


def test_no_series_is_no_count() -> None:
    """Missing is not 0."""
    comparison = compare_counts(store(2_000), [up(SCRAPES)], window=WINDOW)
    assert (comparison.prometheus_counted, comparison.difference) == (None, None)


def test_a_scrape_at_the_very_moment_of_the_last_commit_proves_nothing() -> None:
    """The scrape may have read the counter a moment too early, so the scraper is the cause."""
    brief: list[Series] = [counter([(-1, 0), (20.2, 1_995)]), up([-1, 20.2])]
    view = replace(store(2_000), last_commit_ns=round((START_S + 20.1) * NANOS))
    assert causes(compare_counts(view, brief, window=WINDOW)) == [("scraping-stopped", 5)]
