"""A real Prometheus that scrapes the counters of two workers, for the tests of metric sources."""

import contextlib
import http.server
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from lab.metrics.client import PrometheusClient
from lab.metrics.prometheus import PUSHED, PrometheusSource
from lab.metrics.recorded import RecordedSource
from lab.model import NANOS, Series, Window
from lab.settings import LabSettings
from lab.targets.processes.metrics.metrics_server import find_prometheus
from tests import programs
from tests.waiting import until

COUNTER: Final = "worker_events_processed_total"
GROWING: Final = f'{COUNTER}{{instance="one"}}'
JOB: Final = "lab/process-worker"
DEAD_JOB: Final = "lab/query-api"
GONE_JOB: Final = "lab/ingest-api"
"""Two processes that were up, and are down."""
PUSHED_JOB: Final = "lab/simulator"
"""Its samples do not come from a scrape of it, so that it has no `up`."""
SCRAPES: Final = 6
PROGRAM: Final = find_prometheus(LabSettings())
"""The server that the target would start: on PATH, or fetched before; None where there is none."""
CONFIG: Final = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: lab/process-worker
    honor_labels: true
    static_configs: [{{targets: ["127.0.0.1:{live}"]}}]
  - job_name: lab/query-api
    honor_labels: true
    static_configs: [{{targets: ["127.0.0.1:{dead}"]}}]
  - job_name: lab/ingest-api
    honor_labels: true
    static_configs:
      - {{targets: ["127.0.0.1:{leaving}"], labels: {{instance: four}}}}
      - {{targets: ["127.0.0.1:{leaving}"], labels: {{instance: five}}}}
"""


class Exposition(http.server.BaseHTTPRequestHandler):
    """Counters of two workers: one grows by 10 a scrape, one stays at 7."""

    scrapes = 0

    def do_GET(self) -> None:
        """Serve one scrape."""
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


class Nothing(http.server.BaseHTTPRequestHandler):
    """A process without metrics."""

    def do_GET(self) -> None:
        """Serve one scrape."""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Be quiet."""


@dataclass(frozen=True)
class World:
    """A Prometheus that has scraped a few times and goes on, and the window of its first samples."""

    url: str
    window: Window

    @property
    def source(self) -> PrometheusSource:
        """The metrics of the server."""
        return live(self.url)

    @property
    def recorded(self) -> RecordedSource:
        """The samples of the window, as they are kept with a run."""
        return RecordedSource([*self.source.raw(COUNTER, self.window), *self.source.raw("up", self.window)])


@contextlib.contextmanager
def scraped_world(folder: Path) -> Iterator[World]:
    """Run a Prometheus, and yield it once it has scraped a few times, and two processes have gone.

    The test is skipped where there is no program.
    """
    if PROGRAM is None:
        pytest.skip("no prometheus on PATH, and none was fetched: make servers")
    with exposition() as scraped, contextlib.ExitStack() as leaving:
        started_ns = time.time_ns()
        ports = {"live": scraped, "dead": programs.free_port(), "leaving": leaving.enter_context(served(Nothing))}
        (folder / "prometheus.yml").write_text(CONFIG.format(**ports))
        with server(folder) as url:
            until(lambda: Exposition.scrapes >= SCRAPES)
            source, window = live(url), Window(started_ns, time.time_ns() + NANOS)
            until(lambda: len(counted(source.raw(COUNTER, window), "one").value) >= SCRAPES - 1)
            until(lambda: [up.value[-1] for up in gone(source, started_ns)] == [1.0, 1.0])
            leaving.close()
            until(lambda: [up.value[-1] for up in gone(source, started_ns)] == [0.0, 0.0])
            yield World(url, Window(started_ns, time.time_ns()))


@contextlib.contextmanager
def exposition() -> Iterator[int]:
    """Serve the counters on a free port."""
    Exposition.scrapes = 0
    with served(Exposition) as port:
        yield port


@contextlib.contextmanager
def served(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve by a handler on a free port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving.server_address[1]
        serving.shutdown()
        thread.join()


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run a Prometheus with the configuration in a folder for as long as the context lasts."""
    url = f"http://127.0.0.1:{programs.free_port()}"
    options = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    options.append(f"--web.listen-address={url.removeprefix('http://')}")
    with programs.tied_to_parent([str(PROGRAM), *options], {}, folder / "log"):
        until(lambda: is_ready(url))
        yield url


def is_ready(url: str) -> bool:
    """Tell whether the server says that it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1) as response:  # noqa: S310 - an address of this machine
            return bool(response.status == 200)
    except OSError:
        return False


def live(url: str, *, timeout_s: float = 10.0) -> PrometheusSource:
    """Return the metrics of a server."""
    return PrometheusSource(PrometheusClient(url, timeout_s=timeout_s))


def counted(series: Sequence[Series], instance: str) -> Series:
    """Return the counter of one worker; empty where there is none."""
    empty = Series(COUNTER, {}, *[np.empty(0)] * 2)
    return next((counter for counter in series if counter.labels["instance"] == instance), empty)


def gone(source: PrometheusSource, since_ns: int) -> list[Series]:
    """Return `up` of the two processes that are down in the end, from a moment until now."""
    up = source.raw("up", Window(since_ns, time.time_ns() + NANOS))
    return [series for series in up if series.labels["job"] == GONE_JOB]


def narrow(raw: Series) -> Window:
    """Return the window from the second sample of a series to the fourth, 50 ms later."""
    return Window(round((raw.time_s[1] + 0.05) * NANOS), round((raw.time_s[3] + 0.05) * NANOS))


def newest_at(raw: Series, times_s: Sequence[float]) -> list[float]:
    """Return the value of the newest sample until each moment."""
    return [float(raw.value[raw.time_s <= time_s][-1]) for time_s in times_s]
