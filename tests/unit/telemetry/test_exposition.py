"""A process waits for a last fetch, and only a fetch that begins late enough has the last counts."""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric

from services.telemetry.exposition import Exposition
from services.telemetry.setup import _all_within


class Slow:
    """A collector that waits for the test."""

    def __init__(self) -> None:
        self.reading, self.go_on = threading.Event(), threading.Event()

    def collect(self) -> Iterator[Metric]:
        """Yield one counter, once the test says so."""
        self.reading.set()
        self.go_on.wait(10)
        yield CounterMetricFamily("counted", "Things.", value=1)


@pytest.fixture
def slow() -> Slow:
    """A slow collector."""
    return Slow()


@pytest.fixture
def exposition(slow: Slow) -> Iterator[Exposition]:
    """An exposition of the slow collector."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(slow)
    slow.reading.clear()
    served = Exposition(registry, {"job": "lab/x"}, host="127.0.0.1", port=0)
    yield served
    slow.go_on.set()
    served.close()


def fetch(exposition: Exposition, path: str = "/metrics") -> str:
    """Fetch a page and return its text."""
    with urllib.request.urlopen(f"http://{exposition.address}{path}", timeout=10) as page:
        return str(page.read().decode())


def in_background(exposition: Exposition) -> threading.Thread:
    """Start a fetch on a thread."""
    thread = threading.Thread(target=fetch, args=(exposition,))
    thread.start()
    return thread


def test_every_sample_has_the_labels_of_its_process(exposition: Exposition, slow: Slow) -> None:
    """The exposition adds them."""
    slow.go_on.set()
    assert 'counted_total{job="lab/x"} 1.0' in fetch(exposition)


def test_without_any_fetch_there_is_no_wait(exposition: Exposition) -> None:
    """A process that is not scraped ends at once."""
    begun = time.monotonic()
    assert not exposition.await_fetch(5)
    assert time.monotonic() - begun < 1


def test_a_fetch_under_way_may_have_missed_the_last_counts(exposition: Exposition, slow: Slow) -> None:
    """Only a fetch that begins afterwards has them."""
    under_way = in_background(exposition)
    assert slow.reading.wait(5)
    slow.go_on.set()
    assert not exposition.await_fetch(0.2)
    under_way.join()
    waiting = threading.Thread(target=lambda: seen.append(exposition.await_fetch(5)))
    seen: list[bool] = []
    waiting.start()
    while waiting.is_alive():
        fetch(exposition)
    assert seen == [True]


def test_another_page_is_no_fetch(exposition: Exposition, slow: Slow) -> None:
    """A request for another page does not have the counts."""
    slow.go_on.set()
    fetch(exposition)
    with pytest.raises(urllib.error.HTTPError):
        fetch(exposition, "/")
    assert not exposition.await_fetch(0.05)


def test_the_end_is_bounded_however_many_closers_hang() -> None:
    """There is one deadline for all of them together."""
    forever = threading.Event()
    begun = time.monotonic()
    _all_within([forever.wait] * 4, seconds=0.2)
    assert time.monotonic() - begun < 0.7
    forever.set()
