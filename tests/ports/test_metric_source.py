"""What a real Prometheus that scrapes answers, and what the samples answer that it stored, kept with a run."""

import socket
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lab
from lab.errors import Unavailable, UsageFault
from lab.metrics.client import PrometheusClient
from lab.metrics.port import Evaluating
from lab.metrics.prometheus import PUSHED
from lab.metrics.promql import PasteQuery, queries_to_paste
from lab.metrics.steps import MAX_STEPS, steps_in
from lab.model import NANOS, Window
from tests.ports.scraped import (
    COUNTER,
    DEAD_JOB,
    GONE_JOB,
    GROWING,
    JOB,
    PUSHED_JOB,
    SCRAPES,
    World,
    counted,
    exposition,
    gone,
    live,
    narrow,
    newest_at,
)
from tests.programs import free_port
from tests.unit import trials

RATE = f"sum(rate({COUNTER}[2s]))"


def test_raw_is_every_stored_sample_of_each_series(world: World) -> None:
    """One series per label set, with the labels that the service gave itself."""
    series = world.source.raw(COUNTER, world.window)
    assert sorted(counter.labels["instance"] for counter in series) == ["one", "two"]
    growing = counted(series, "one")
    assert growing.labels == {"job": JOB, "instance": "one"}
    assert growing.name == COUNTER
    assert np.diff(growing.value).tolist() == [10.0] * (len(growing.value) - 1)
    assert len(growing.value) >= SCRAPES - 1


def test_raw_keeps_to_the_window(world: World) -> None:
    """No sample from outside of it."""
    times = counted(world.source.raw(COUNTER, world.window), "one").time_s
    inner = Window(round((times[1] - 0.05) * NANOS), round((times[3] + 0.05) * NANOS))
    assert counted(world.source.raw(COUNTER, inner), "one").time_s.tolist() == times[1:4].tolist()


@pytest.mark.parametrize("late_ns", range(-700_000, 800_000, 100_000))
def test_a_window_between_two_milliseconds_has_the_same_steps_in_every_source(
    source: Evaluating, world: World, late_ns: int
) -> None:
    """Prometheus keeps milliseconds: both ends are rounded before steps are counted."""
    window = narrow(counted(world.source.raw(COUNTER, world.window), "one"))
    moved = Window(window.start_ns + 400_000, window.end_ns + late_ns)
    (series,) = source.over_time(GROWING, moved, step_s=0.1)
    assert len(series.time_s) == steps_in(moved, 0.1).count + 1


def test_a_notebook_gets_the_answer_of_a_prometheus_that_the_settings_name(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a selector, over the window of the trial."""
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("LAB_PROMETHEUS_URL", world.url)
    trial = trials.trial()
    load_run = replace(trial.evidence.load_run, window=narrow(counted(world.source.raw(COUNTER, world.window), "one")))
    table = lab.query(
        f"sum({COUNTER})", replace(trial, evidence=replace(trial.evidence, load_run=load_run)), step_s=0.1
    )
    assert len(table) == steps_in(load_run.window, 0.1).count + 1
    assert (table["value"] > 0).all()


def test_an_unknown_metric_has_no_series(source: Evaluating, world: World) -> None:
    """Empty, not an error."""
    assert not world.source.raw("no_such_metric_total", world.window)
    assert not source.over_time("no_such_metric_total", world.window)


def test_over_time_has_the_newest_sample_at_every_step(source: Evaluating, world: World) -> None:
    """The series is named for the expression; its labels name the metric."""
    raw = counted(world.source.raw(COUNTER, world.window), "one")
    window = narrow(raw)
    (series,) = source.over_time(GROWING, window, step_s=0.1)
    assert series.name == GROWING
    assert series.labels == {"__name__": COUNTER, "job": JOB, "instance": "one"}
    assert (series.time_s * 1_000).round().astype(int).tolist() == list(steps_in(window, 0.1).times_ms)
    assert series.value.tolist() == newest_at(raw, series.time_s.tolist())


def test_a_metric_that_is_known_needs_no_excuse(source: Evaluating) -> None:
    """Any other has an error that says which metrics there are."""
    assert source.fault_of_missing(COUNTER) is None
    error = source.fault_of_missing("no_such_metric_total")
    assert error is not None
    assert "no_such_metric_total" in error.attempted


def test_an_expression_is_evaluated_by_prometheus(world: World) -> None:
    """The series is named for the expression, whatever the metric behind it."""
    (series,) = world.source.over_time(RATE, world.window, step_s=0.5)
    assert series.name == RATE
    assert series.value[-1] > 0


@pytest.mark.parametrize("paste", queries_to_paste(), ids=lambda paste: paste.question)
def test_the_queries_of_a_report_are_evaluated_by_prometheus(world: World, paste: PasteQuery) -> None:
    """It refuses none; those about a metric that was scraped have an answer."""
    answer = world.source.over_time(paste.promql, world.window, step_s=0.1)
    assert bool(answer) is any(metric in paste.promql for metric in (COUNTER, PUSHED))


def test_an_expression_is_not_evaluated_from_kept_series(world: World) -> None:
    """The error says which metrics were kept, and what keeps answering."""
    with pytest.raises(Unavailable) as refused:
        world.recorded.over_time(RATE, world.window)
    assert (refused.value.reason, refused.value.attempted) == ("NOT_KEPT", f"cannot evaluate {RATE}")
    assert refused.value.found.splitlines()[-1] == f"up, {COUNTER}"
    assert "lab up" in refused.value.next_step


def test_the_last_scrape_is_a_recent_moment(world: World) -> None:
    """The target answers."""
    assert world.window.start_ns < world.source.last_scrape_ns(JOB) <= time.time_ns()


def test_the_newest_sample_of_every_process_has_a_time(world: World) -> None:
    """A metric that no process has has none."""
    newest = world.source.newest(COUNTER)
    assert sorted(newest) == ["one", "two"]
    assert all(world.window.start_ns / NANOS < at_s <= time.time() for at_s in newest.values())
    assert world.source.newest("no_such_metric_total") == {}


@pytest.mark.parametrize("job", [DEAD_JOB, "lab/never-heard-of"])
def test_what_never_answered_was_never_scraped(world: World, job: str) -> None:
    """A target that refuses has samples of `up`, all 0."""
    assert world.source.last_scrape_ns(job) == 0


def test_a_job_that_is_down_was_scraped_as_at_its_last_moment_up(world: World) -> None:
    """Since the scrape of its last process: that one answered later proves nothing of the other."""
    last_s = [up.time_s[up.value == 1][-1] for up in gone(world.source, world.window.start_ns)]
    assert len(last_s) == 2
    assert world.source.last_scrape_ns(GONE_JOB) == round(min(last_s) * NANOS)


def test_what_pushes_is_heard_of_when_every_process_of_it_had_time_to(world: World) -> None:
    """Two intervals before its newest sample, since a job tells nobody how many processes it has."""
    source, until_now = world.source, Window(world.window.start_ns, time.time_ns())
    [pushed] = source.raw(PUSHED, until_now)
    assert source.last_scrape_ns(PUSHED_JOB) == pytest.approx((pushed.time_s[-1] - 2) * NANOS, abs=NANOS)


def test_a_missing_metric_is_told_with_names_that_resemble_it(world: World) -> None:
    """A wrong unit suffix is the commonest reason."""
    error = world.source.fault_of_missing("worker_events_processed_events_total")
    assert isinstance(error, UsageFault)
    assert error.reason == "NO_SERIES"
    assert error.attempted == "no metric is called worker_events_processed_events_total"
    assert error.found == f"similar: {COUNTER} (unit suffix)"


def test_a_query_that_is_none_is_refused_with_the_servers_words(world: World) -> None:
    """Query, address and why, in at most five lines."""
    with pytest.raises(Unavailable) as caught:
        world.source.over_time("sum(", world.window)
    assert caught.value.reason == "PROM_REFUSED"
    assert "no data: sum(" in str(caught.value)
    assert f"{world.url}: HTTP 400: " in str(caught.value)
    assert "parse error" in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 5


def test_a_long_window_stays_under_the_limit_of_points(world: World) -> None:
    """A day at a step of a second would be refused, so the step grows."""
    day = Window(world.window.end_ns - 8 * MAX_STEPS * NANOS, world.window.end_ns)
    (series,) = world.source.over_time(f"sum({COUNTER})", day, step_s=1.0)
    assert 1 <= len(series.time_s) < 11_000


def test_a_server_tells_its_version_and_that_its_receiver_is_off(world: World) -> None:
    """In the server's words."""
    client = PrometheusClient(world.url)
    assert client.build_info()[0].isdigit()
    state = client.receives_remote_write()
    assert state.state == "off"
    assert state.detail.startswith("404: ")
    assert "needs to be enabled" in state.detail


def test_nobody_there_is_unavailable() -> None:
    """Missing is not 0: the error names the query, the address and what to do."""
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable) as caught:
        live(url, timeout_s=1).raw(COUNTER, Window(0, NANOS))
    assert (caught.value.exit_code, caught.value.reason) == (69, "PROM_UNREACHABLE")
    assert f"{url}: Connection refused" in str(caught.value)
    assert COUNTER in str(caught.value)


def test_something_else_there_is_unavailable() -> None:
    """An answer that is not of Prometheus is not taken for an empty one."""
    with exposition() as port, pytest.raises(Unavailable, match="not an answer of Prometheus"):
        live(f"http://127.0.0.1:{port}").newest("up")


def test_silence_is_unavailable_after_the_timeout() -> None:
    """A server that never answers is given up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unavailable, match="timed out"):
            live(url, timeout_s=0.2).newest("up")
