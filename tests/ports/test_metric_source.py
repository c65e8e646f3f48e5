"""What every metric source does: a real Prometheus that scrapes, and the same answers recorded."""

import contextlib
import http.server
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

from lab.errors import Unavailable
from lab.metrics.port import MetricSource
from lab.metrics.prometheus import MAX_POINTS, PUSHED, PrometheusSource
from lab.metrics.recorded import RecordedSource
from lab.model import NANOS, Series, Window
from lab.settings import LabSettings
from lab.targets.processes.metrics_server import find_prometheus
from tests.waiting import until

COUNTER = "worker_events_processed_total"
JOB = "lab/process-worker"
DEAD_JOB = "lab/query-api"
RATE = f"sum(rate({COUNTER}[2s]))"
LEASH = Path(__file__).parents[2] / "lab/targets/parent_death.py"
PUSHED_JOB = "lab/simulator"
"""Its samples come by another way than a scrape of it: it has no `up`."""
SCRAPES = 6

CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: lab/process-worker
    honor_labels: true
    static_configs: [{{targets: ["127.0.0.1:{live}"]}}]
  - job_name: lab/query-api
    honor_labels: true
    static_configs: [{{targets: ["127.0.0.1:{dead}"]}}]
"""


class Exposition(http.server.BaseHTTPRequestHandler):
    """Two workers' counters: one grows by 10 a scrape, one stands at 7."""

    scrapes = 0

    def do_GET(self) -> None:
        """One scrape."""
        type(self).scrapes += 1
        lines = [
            f'{COUNTER}{{job="{JOB}",instance="one"}} {10 * type(self).scrapes}',
            f'{COUNTER}{{job="{JOB}",instance="two"}} 7',
            f'{PUSHED}{{job="{PUSHED_JOB}",instance="three"}} 1',
        ]
        body = "\n".join([*lines, ""]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Be quiet."""


@dataclass(frozen=True)
class World:
    """A Prometheus that has scraped a few times, and what it stored."""

    url: str
    window: Window


@pytest.fixture(scope="module")
def prometheus_binary() -> Path:
    """The server that the target would start: on PATH, or fetched before."""
    return find_prometheus(LabSettings()) or pytest.skip("no prometheus on PATH, and none was fetched")


@pytest.fixture(scope="module")
def world(prometheus_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Scrapes for a second or so, then stands still."""
    folder = tmp_path_factory.mktemp("server")
    with exposition() as live:
        started_ns = time.time_ns()
        config = folder / "prometheus.yml"
        config.write_text(CONFIG.format(live=live, dead=unused_port()))
        with prometheus(prometheus_binary, config, folder) as url:
            until(lambda: Exposition.scrapes >= SCRAPES)
            source = PrometheusSource(url)
            window = Window(started_ns, time.time_ns() + NANOS)
            until(lambda: len(counted(source.raw(COUNTER, window), "one").value) >= SCRAPES - 1)
            yield World(url, Window(started_ns, time.time_ns()))


@pytest.fixture(params=["prometheus", "recorded"])
def source(world: World, request: pytest.FixtureRequest) -> MetricSource:
    """Each source over the same samples."""
    live = PrometheusSource(world.url)
    if request.param == "prometheus":
        return live
    recorded = [*live.raw(COUNTER, world.window), *live.raw("up", world.window)]
    return RecordedSource([*recorded, *live.over_time(RATE, world.window, step_s=0.5)])


def test_raw_is_every_stored_sample_of_each_series(source: MetricSource, world: World) -> None:
    """One series per label set, with the labels that the service gave itself."""
    series = source.raw(COUNTER, world.window)
    assert sorted(one.labels["instance"] for one in series) == ["one", "two"]
    growing = counted(series, "one")
    assert growing.labels == {"job": JOB, "instance": "one"}
    assert growing.name == COUNTER
    assert np.diff(growing.value).tolist() == [10.0] * (len(growing.value) - 1)
    assert len(growing.value) >= SCRAPES - 1


def test_raw_keeps_to_the_window(source: MetricSource, world: World) -> None:
    """No sample from outside of it."""
    times = counted(source.raw(COUNTER, world.window), "one").time_s
    narrow = Window(round((times[1] - 0.05) * NANOS), round((times[3] + 0.05) * NANOS))
    assert counted(source.raw(COUNTER, narrow), "one").time_s.tolist() == times[1:4].tolist()


def test_an_unknown_metric_has_no_series(source: MetricSource, world: World) -> None:
    """Empty, not an error."""
    assert not source.raw("no_such_metric_total", world.window)
    assert not source.over_time("no_such_metric_total", world.window)


def test_over_time_evaluates_a_query(source: MetricSource, world: World) -> None:
    """Named for the query, whatever the metric behind it."""
    (series,) = source.over_time(RATE, world.window, step_s=0.5)
    assert series.name == RATE
    assert series.value[-1] > 0


def test_the_last_scrape_is_a_recent_moment(source: MetricSource, world: World) -> None:
    """Of a target that answers."""
    assert world.window.start_ns < source.last_scrape_ns(JOB) <= time.time_ns()


@pytest.mark.parametrize("job", [DEAD_JOB, "lab/never-heard-of"])
def test_what_never_answered_was_never_scraped(source: MetricSource, job: str) -> None:
    """A target that refuses has samples of `up`, all 0."""
    assert source.last_scrape_ns(job) == 0


def test_what_pushes_is_heard_of_when_every_process_of_it_had_time_to(world: World) -> None:
    """Two intervals before its newest sample, since a job tells nobody how many processes it has."""
    source = PrometheusSource(world.url)
    [pushed] = source.raw(PUSHED, world.window)
    assert source.last_scrape_ns(PUSHED_JOB) == pytest.approx((pushed.time_s[-1] - 2) * NANOS, abs=NANOS)


def test_a_missing_metric_is_told_with_names_that_resemble_it(world: World) -> None:
    """A wrong unit suffix is the commonest reason."""
    reason = PrometheusSource(world.url).no_series("worker_events_processed_events_total")
    assert reason.code == "NO_SERIES"
    assert reason.message == f"worker_events_processed_events_total: no series; similar: {COUNTER} (unit suffix)"


def test_a_query_that_is_none_is_refused_with_the_servers_words(world: World) -> None:
    """Query, address and why, in at most five lines."""
    with pytest.raises(Unavailable) as caught:
        PrometheusSource(world.url).over_time("sum(", world.window)
    assert caught.value.reason == "PROM_REFUSED"
    assert "no data: sum(" in str(caught.value)
    assert f"{world.url}: HTTP 400: " in str(caught.value)
    assert "parse error" in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 5


def test_a_long_window_stays_under_the_limit_of_points(world: World) -> None:
    """A day at a step of a second would be refused, so the step grows."""
    day = Window(world.window.end_ns - 8 * MAX_POINTS * NANOS, world.window.end_ns)
    (series,) = PrometheusSource(world.url).over_time(f"sum({COUNTER})", day, step_s=1.0)
    assert 1 <= len(series.time_s) < 11_000


def test_nobody_there_is_unavailable() -> None:
    """Missing is not 0: the error names the query, the address and what to do."""
    url = f"http://127.0.0.1:{unused_port()}"
    with pytest.raises(Unavailable) as caught:
        PrometheusSource(url, timeout_s=1).raw(COUNTER, Window(0, NANOS))
    assert (caught.value.exit_code, caught.value.reason) == (69, "PROM_UNREACHABLE")
    assert f"{url}: connection refused" in str(caught.value)
    assert COUNTER in str(caught.value)


def test_something_else_there_is_unavailable() -> None:
    """An answer that is not of Prometheus is not taken for an empty one."""
    with exposition() as port, pytest.raises(Unavailable, match="not an answer of Prometheus"):
        PrometheusSource(f"http://127.0.0.1:{port}").check()


def test_silence_is_unavailable_after_the_timeout() -> None:
    """A server that never answers is given up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unavailable, match="timed out"):
            PrometheusSource(url, timeout_s=0.2).check()


def counted(series: Sequence[Series], instance: str) -> Series:
    """The counter of one worker; empty where there is none."""
    return next((one for one in series if one.labels["instance"] == instance), Series(COUNTER, {}, *[np.empty(0)] * 2))


@contextlib.contextmanager
def exposition() -> Iterator[int]:
    """Serves the counters on a free port."""
    Exposition.scrapes = 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exposition) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def prometheus(binary: Path, config: Path, folder: Path) -> Iterator[str]:
    """A server for as long as the context lasts."""
    url = f"http://127.0.0.1:{unused_port()}"
    options = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    options.append(f"--web.listen-address={url.removeprefix('http://')}")
    leash = [sys.executable, "-I", "-S", str(LEASH), str(psutil.Process().pid)]
    command = [*leash, str(binary), *options]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stderr=log, stdout=log) as process:
        try:
            until(lambda: ready(url))
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def ready(url: str) -> bool:
    """Whether the server says it is."""
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1) as answer:  # noqa: S310 - an address of this machine
            return bool(answer.status == 200)
    except OSError:
        return False


def unused_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
