"""Calls that wait for their callers are ended after a time, or earlier where others want their places."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Final

import pytest

from services.serving.calls import OPEN_CALLS, STREAM_S, UNREAD_BYTES, WAITING_THREADS, Call, Calls
from services.serving.status import Refused
from services.serving.workers import Workers

WAIT_S: Final = 60.0


class Caller:
    """The context of a call, as gRPC gives it to a handler."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.told: Callable[[], object] = lambda: None
        self._callbacks: list[Callable[[], object]] = []

    def cancel(self) -> None:
        """Count the end, and let the caller do what it does when it hears of the end."""
        self.cancelled += 1
        self.told()

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Remember what is called when the call is over."""
        self._callbacks.append(callback)
        return True

    def go(self) -> None:
        """Let the call be over."""
        for callback in self._callbacks:
            callback()


class Server:
    """The calls of a server, and a clock that stands until it is moved."""

    def __init__(self, workers: Workers) -> None:
        self.now_s = 1_000.0
        self.calls = Calls(workers, wait_s=WAIT_S, stream_limit=2, now_s=lambda: self.now_s)

    def begin(self) -> tuple[Call, Caller]:
        """Begin a call."""
        caller: Any = Caller()
        return self.calls.begin(caller), caller

    def after(self, seconds: float) -> None:
        """Let time pass and sweep."""
        self.now_s += seconds
        self.calls.sweep()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server without calls."""
    workers = Workers(2, "of-a-test")
    yield Server(workers)
    workers.shutdown()


def test_a_call_is_ended_once_when_its_message_does_not_come(server: Server) -> None:
    """Not before the time that a caller has."""
    _, caller = server.begin()
    server.after(WAIT_S - 1)
    assert caller.cancelled == 0
    for _ in range(3):
        server.after(2)
    assert caller.cancelled == 1


def test_a_call_at_work_is_never_ended(server: Server) -> None:
    """A query may take as long as the store does."""
    call, caller = server.begin()
    assert call.first(iter([b"message"])) == b"message"
    server.after(100 * WAIT_S)
    assert caller.cancelled == 0


def test_an_answer_that_is_not_read_is_dropped(server: Server) -> None:
    """An answer that is read leaves no call behind."""
    (unread, unread_caller), (read, read_caller) = server.begin(), server.begin()
    for call in (unread, read):
        call.first(iter([b""]))
        call.answered(10)
    read_caller.go()
    server.after(WAIT_S + 1)
    assert (unread_caller.cancelled, read_caller.cancelled) == (1, 0)


def test_unread_answers_take_a_bounded_amount_of_memory(server: Server) -> None:
    """Beyond it those that wait for longest are dropped."""
    callers = []
    for _ in range(4):
        call, caller = server.begin()
        call.first(iter([b""]))
        call.answered(UNREAD_BYTES // 3)
        callers.append(caller)
        server.now_s += 0.2
    server.after(0)
    assert [caller.cancelled for caller in callers] == [1, 0, 0, 0]


def test_a_crowd_that_holds_the_threads_makes_room(server: Server) -> None:
    """The longest silent calls first, and none that has just begun."""
    callers = [server.begin()[1] for _ in range(WAITING_THREADS + 10)]
    server.after(0.5)
    assert sum(caller.cancelled for caller in callers) == 0
    server.after(1)
    assert sum(caller.cancelled for caller in callers) == 10


def test_open_calls_are_bounded(server: Server) -> None:
    """Whether their callers send nothing, or read nothing."""
    callers = []
    for _ in range(OPEN_CALLS + 5):
        call, caller = server.begin()
        call.first(iter([b""]))
        call.answered(0)
        callers.append(caller)
    server.after(2)
    assert sum(caller.cancelled for caller in callers) == 5


def test_a_stream_may_last_an_hour(server: Server) -> None:
    """Although its caller is never silent."""
    call, caller = server.begin()
    messages = call.messages(iter([b"a"] * 3))
    next(messages)
    server.after(STREAM_S - 1)
    assert caller.cancelled == 0
    server.after(2)
    assert caller.cancelled == 1


def test_a_new_stream_takes_the_place_of_the_one_that_is_silent_for_longest(server: Server) -> None:
    """Streams that are not silent keep their places: the new one is refused."""
    (silent, silent_caller), (lively, lively_caller), (new, _) = (server.begin() for _ in range(3))
    with server.calls.stream(silent), server.calls.stream(lively):
        lively.first(iter([b"at work"]))
        with pytest.raises(Refused, match="2 streams are open"), server.calls.stream(new):
            pytest.fail("there was no place")
        server.now_s += 11
        with server.calls.stream(new):
            assert (silent_caller.cancelled, lively_caller.cancelled) == (1, 0)


def test_a_place_for_a_stream_is_free_after_it(server: Server) -> None:
    """Also where the stream ended with an error."""
    for _ in range(5):
        call, _ = server.begin()
        with pytest.raises(OSError, match="broken"), server.calls.stream(call):
            raise OSError("broken")


def test_a_caller_that_hears_of_the_end_of_its_stream_may_open_the_next(server: Server) -> None:
    """The thread of the stream that is over may notice later than its caller."""
    with ExitStack() as places:
        for _ in range(2):
            call, caller = server.begin()
            places.enter_context(server.calls.stream(call))
            caller.told = lambda: places.enter_context(server.calls.stream(server.begin()[0]))
        server.after(WAIT_S + 1)
        assert caller.cancelled == 1


def test_a_stream_whose_caller_is_gone_keeps_no_place(server: Server) -> None:
    """Its thread may still be at work with the last message."""
    callers = []
    with ExitStack() as places:
        for _ in range(5):
            call, caller = server.begin()
            places.enter_context(server.calls.stream(call))
            caller.go()
            callers.append(caller)
    assert [caller.cancelled for caller in callers] == [0] * 5, "a stream was ended to make room"


def test_messages_and_answers_keep_their_order(server: Server) -> None:
    """The account changes nothing of what travels."""
    call, _ = server.begin()
    assert list(call.messages(iter([b"a", b"b"]))) == [b"a", b"b"]
    assert list(call.sent(iter([b"c", b"d"]))) == [b"c", b"d"]
    assert server.begin()[0].first(iter([])) is None


def test_calls_may_begin_and_end_during_a_sweep(server: Server) -> None:
    """Threads of the server do so all the time."""
    over, ended = threading.Event(), [0] * 3

    def call_often(number: int) -> None:
        while not over.is_set():
            call, caller = server.begin()
            call.answered(0)
            caller.go()
            ended[number] += 1
        ended[number] = -ended[number]

    callers = [threading.Thread(target=call_often, args=(number,)) for number in range(3)]
    for caller in callers:
        caller.start()
    for _ in range(200):
        server.calls.sweep()
    over.set()
    for caller in callers:
        caller.join()
    assert all(calls < 0 for calls in ended), "a caller met an error, or made no call"


def test_a_call_that_waited_too_long_for_a_thread_is_refused() -> None:
    """Its caller is about to give up, and goes elsewhere; the calls after it are in time."""
    workers, go_on = Workers(1, "late"), threading.Event()
    calls = Calls(workers, longest_wait_s=0.05)
    workers.submit(go_on.wait, 20)
    late, refused = workers.submit(calls.is_late), workers.submit(calls.refuse_late)
    go_on.wait(0.2)
    go_on.set()
    assert late.result(10) is True
    with pytest.raises(Refused, match=r"waited 0\.\d s for a thread") as overloaded:
        refused.result(10)
    assert (overloaded.value.reason, overloaded.value.retry_after_s > 0) == ("OVERLOADED", True)
    assert workers.submit(calls.is_late).result(10) is False
    workers.shutdown()
