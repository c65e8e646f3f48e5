"""Ends the calls under way whose callers keep them waiting."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import grpc

from services.serving.load_report import LoadReport
from services.serving.status import Refused
from services.serving.workers import Workers

OPEN_CALLS: Final = 2_048
"""Most calls under way, about 20 kB each. Above it the calls that wait longest for their callers are ended."""
WAITING_THREADS: Final = 64
"""Most threads that wait for callers while other calls want them."""
UNREAD_BYTES: Final = 64 << 20
"""Most bytes of answers that callers have not read."""
STREAM_S: Final = 3_600.0
"""Seconds that a stream of requests may last, so that no caller keeps its place for ever."""
REPLACED_AFTER_S: Final = 0.1
"""Seconds after which a thread that waits for its caller is replaced by another."""
YIELDS_AFTER_S: Final = 1.0
"""Seconds after which a call that waits for its caller makes room for others, where there is no room."""
STREAM_YIELDS_AFTER_S: Final = 10.0
"""Seconds of silence after which a stream makes room for another."""
REPORT_EVERY_S: Final = 10.0
OVERLOAD_RETRY_S: Final = 0.2

log = logging.getLogger(__name__)


class Call:
    """A call under way.

    Attributes:
        silent_since_s: When the call began to wait for its caller; infinite while the call does not wait.
        holds_thread: Whether a thread waits with it.
        unread_bytes: Size of the answer, once the answer is on its way.
        ends_at_s: When the call has lasted long enough.
    """

    __slots__ = ("_context", "_now_s", "ends_at_s", "holds_thread", "silent_since_s", "unread_bytes")

    def __init__(self, context: grpc.ServicerContext, now_s: Callable[[], float]) -> None:
        self._context, self._now_s = context, now_s
        self.silent_since_s = now_s()
        self.ends_at_s = math.inf
        self.holds_thread = True
        self.unread_bytes = 0

    def first(self, requests: Iterator[bytes]) -> bytes | None:
        """Return the first message; None where the caller sends none."""
        message = next(requests, None)
        self.silent_since_s = math.inf
        return message

    def messages(self, requests: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the messages as they come."""
        self.ends_at_s = self._now_s() + STREAM_S
        while True:
            self.silent_since_s = self._now_s()
            message = next(requests, None)
            self.silent_since_s = math.inf
            if message is None:
                return
            yield message

    def sent(self, responses: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the answers. The call waits for its caller until the caller has room for the next."""
        for response in responses:
            self.silent_since_s = self._now_s()
            yield response
            self.silent_since_s = math.inf

    def answered(self, unread_bytes: int) -> None:
        """Wait from now on until the caller has read the answer."""
        self.unread_bytes, self.holds_thread = unread_bytes, False
        self.silent_since_s = self._now_s()

    def end(self) -> None:
        """End the call. The thread that waits with it is free at once; the caller gets the status CANCELLED."""
        self.silent_since_s = self.ends_at_s = math.inf
        self._context.cancel()


class Calls:
    """The calls under way of one server.

    Args:
        workers: The threads of the server.
        wait_s: Seconds that a caller may keep a call waiting.
        stream_limit: Most open streams (D43).
        longest_wait_s: Seconds that a call may have waited for a thread; a call that waited longer is refused.
        now_s: Monotonic clock.

    Attributes:
        load: How busy the server is with calls that have one answer.
    """

    def __init__(
        self,
        workers: Workers,
        *,
        wait_s: float = 60.0,
        stream_limit: int = 4,
        longest_wait_s: float = math.inf,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.workers, self.load = workers, LoadReport(now_s)
        self._wait_s, self._stream_limit, self._now_s = wait_s, stream_limit, now_s
        self._longest_wait_s = longest_wait_s
        self._open: set[Call] = set()
        self._streams: list[Call] = []
        self._choosing = threading.Lock()
        self._ended, self._reported_s = 0, -math.inf

    def is_late(self) -> bool:
        """Return whether the call of this thread has waited for its thread too long.

        Its caller is about to give up. Where more calls come than are handled, all would wait until nobody wants their
        answers. So each is handled soon, or refused soon, and its caller tries elsewhere.
        """
        return self.workers.waited_s() > self._longest_wait_s

    def refuse_late(self) -> NoReturn:
        """Refuse the call of this thread, which has waited too long."""
        message = f"the call waited {self.workers.waited_s():.1f} s for a thread; try again, or another server"
        raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", message, retry_after_s=OVERLOAD_RETRY_S)

    def begin(self, context: grpc.ServicerContext) -> Call:
        """Take a call into the account until its caller has the answer, or is gone."""
        call = Call(context, self._now_s)
        self._open.add(call)
        if not context.add_callback(lambda: self._open.discard(call)):
            self._open.discard(call)
        return call

    @contextmanager
    def load_counted(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Surround the handling of a call: count it in the load of the server, and send that load with the answer."""
        began_s, answered = self._now_s() - self.workers.waited_s(), False
        try:
            yield
            answered = True
        finally:
            self.load.ended(self._now_s() - began_s, answered=answered)
            self.load.attach(context)

    @contextmanager
    def stream(self, call: Call) -> Iterator[None]:
        """Give a call one of the places for streams. Where none is free, end a silent stream, or raise Refused.

        A call that is over keeps no place, although its thread may not have noticed yet: its caller knows the end, and
        may open the next stream at once.
        """
        with self._choosing:
            self._streams = [stream for stream in self._streams if stream in self._open]
            if len(self._streams) >= self._stream_limit:
                longest = self._silent_stream()
                self._streams.remove(longest)
                self._end(longest)
            self._streams.append(call)
        try:
            yield
        finally:
            with self._choosing:
                if call in self._streams:
                    self._streams.remove(call)

    def sweep(self) -> None:
        """End the calls that waited too long for their callers, and replace the threads that wait."""
        now_s = self._now_s()
        calls = list(self._open)
        silent = sorted(
            (call for call in calls if now_s - call.silent_since_s > REPLACED_AFTER_S),
            key=lambda call: call.silent_since_s,
        )
        holding = [call for call in silent if call.holds_thread]
        overdue = {call for call in silent if now_s - call.silent_since_s > self._wait_s}
        overdue.update(call for call in calls if now_s > call.ends_at_s)
        crowd = [*holding[: max(0, len(holding) - WAITING_THREADS)], *silent[: max(0, len(calls) - OPEN_CALLS)]]
        overdue.update(call for call in crowd if now_s - call.silent_since_s > YIELDS_AFTER_S)
        overdue.update(_beyond_unread(silent))
        for call in overdue:
            self._end(call)
        self._report(len(overdue), now_s)
        self.workers.resize(waiting=len(holding))

    def _end(self, call: Call) -> None:
        """End a call. It is out of the account before its caller hears of it."""
        self._open.discard(call)
        call.end()

    def _silent_stream(self) -> Call:
        """Return the stream that is silent for longest; raise Refused where none is silent for long."""
        longest = min(self._streams, key=lambda call: call.silent_since_s)
        if self._now_s() - longest.silent_since_s < STREAM_YIELDS_AFTER_S:
            message = f"{self._stream_limit} streams are open; close one"
            raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS", message)
        return longest

    def _report(self, ended: int, now_s: float) -> None:
        """Log the number of calls that were ended, every ten seconds at most. A crowd then does not fill the log."""
        self._ended += ended
        if self._ended and now_s - self._reported_s > REPORT_EVERY_S:
            log.warning("calls ended, since their callers kept them waiting: %d", self._ended)
            self._ended, self._reported_s = 0, now_s


def _beyond_unread(silent: list[Call]) -> Iterator[Call]:
    """Yield calls whose answers wait to be read, the longest first, until all other answers are within the limit."""
    excess = sum(call.unread_bytes for call in silent) - UNREAD_BYTES
    for call in silent:
        if excess <= 0:
            return
        if call.unread_bytes:
            excess -= call.unread_bytes
            yield call
