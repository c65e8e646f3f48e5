"""The pool of threads grows while its threads wait for callers, and shrinks afterwards."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from services.serving.workers import SPARE_THREADS, Workers
from tests.waiting import until


@pytest.fixture
def workers() -> Iterator[Workers]:
    """A pool of two threads."""
    workers = Workers(2, "of-a-test")
    yield workers
    workers.shutdown()
    until(lambda: alive() == 0)


def alive() -> int:
    """Return the number of threads of the pool."""
    return sum(thread.name.startswith("of-a-test") for thread in threading.enumerate())


def wait_for(event: threading.Event, workers: Workers, calls: int) -> list[Future[bool]]:
    """Let calls wait for an event."""
    return [workers.submit(event.wait, 20) for _ in range(calls)]


def test_a_call_returns_its_result_or_its_error(workers: Workers) -> None:
    """As with any pool."""
    assert workers.submit(sum, [1, 2]).result(10) == 3
    with pytest.raises(ZeroDivisionError):
        workers.submit(divmod, 1, 0).result(10)


def test_threads_that_wait_are_replaced(workers: Workers) -> None:
    """The next call is run, though both threads of the pool wait."""
    go_on = threading.Event()
    waiting = wait_for(go_on, workers, 2)
    after = workers.submit(bool)
    workers.resize(waiting=2)
    assert after.result(10) is False
    go_on.set()
    assert all(call.result(10) for call in waiting)


def test_the_pool_shrinks_when_nothing_waits(workers: Workers) -> None:
    """Also where all threads are idle."""
    workers.resize(waiting=5)
    assert alive() > 2
    workers.resize(waiting=0)
    until(lambda: alive() == 2)
    assert workers.submit(sum, [1]).result(10) == 1


def test_a_crowd_gets_a_bounded_number_of_threads(workers: Workers) -> None:
    """However many threads wait."""
    workers.resize(waiting=10_000)
    assert alive() == 2 + SPARE_THREADS


def test_the_delay_is_that_of_a_call(workers: Workers) -> None:
    """It grows while no call gets a thread."""
    go_on = threading.Event()
    until(lambda: workers.canary_delay_s() == 0.0)
    waiting = wait_for(go_on, workers, 2)
    until(lambda: workers.canary_delay_s() > 0.2)
    go_on.set()
    for call in waiting:
        call.result(10)
    until(lambda: workers.canary_delay_s() == 0.0)
    assert workers.submit(sum, [1]).result(10) == 1
