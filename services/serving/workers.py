"""Runs the calls of a server on a few threads; on more of them while some wait for callers."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Final, ParamSpec, TypeVar

SPARE_THREADS: Final = 128
"""Most threads that stand in for threads that wait. A waiting thread takes about 50 kB."""
GROWTH: Final = 4
"""Threads that stand in for each thread that waits, so that a few steps suffice for a crowd of silent callers."""
CANARY_EVERY_S: Final = 1.0

P = ParamSpec("P")
T = TypeVar("T")


class Workers(ThreadPoolExecutor):
    """A pool of threads that grows while its threads wait for callers, and shrinks afterwards.

    gRPC gives a call a thread when the call's headers arrive; the thread then waits for the message. In a pool of fixed
    size, as many silent callers as there are threads would stop a server. gRPC calls `submit` alone, and asks for this
    base class.

    Args:
        size: Threads while no thread waits.
        name: First part of the threads' names.
    """

    def __init__(self, size: int, name: str) -> None:
        super().__init__(size, thread_name_prefix=name)
        self._size, self._name = size, name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._resizing = threading.Lock()
        self._under_way = threading.local()
        self._alive = self._wanted = 0
        self.resize(waiting=0)
        self._canary, self._canary_s = self.submit(bool), time.monotonic()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a function on the next free thread."""
        future: Future[T] = Future()
        submitted_s = time.monotonic()

        def run() -> None:
            self._under_way.waited_s = time.monotonic() - submitted_s
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001  the future carries it
                future.set_exception(error)
            else:
                future.set_result(result)

        self._calls.put(run)
        return future

    def resize(self, *, waiting: int) -> None:
        """Adapt the pool to the number of its threads that wait for callers."""
        with self._resizing:
            before, self._wanted = self._wanted, self._size + min(GROWTH * waiting, SPARE_THREADS)
            while self._alive < self._wanted and self._grows():
                self._alive += 1
            self._wake(before - self._wanted)

    def waited_s(self) -> float:
        """Return the seconds for which the call of this thread had waited for the thread."""
        waited_s: float = getattr(self._under_way, "waited_s", 0.0)
        return waited_s

    def canary_delay_s(self) -> float:
        """Return the seconds that the last canary has waited for a thread; 0 where it got one. Then send another.

        A canary is a call that does nothing. One is sent every second at most.
        """
        now_s = time.monotonic()
        if not self._canary.done():
            return now_s - self._canary_s
        if now_s - self._canary_s >= CANARY_EVERY_S:
            self._canary, self._canary_s = self.submit(bool), now_s
        return 0.0

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  the base's
        """End the threads as they become free."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        with self._resizing:
            self._wanted = 0
            self._wake(self._alive)

    def _grows(self) -> bool:
        """Start a thread. Return False where the system allows no more of them, as in a container with a limit."""
        try:
            threading.Thread(target=self._work, name=f"{self._name}-{self._alive}", daemon=True).start()
        except RuntimeError:
            if not self._alive:
                raise
            return False
        return True

    def _wake(self, threads: int) -> None:
        """Let idle threads look whether they are still wanted."""
        for _ in range(threads):
            self._calls.put(None)

    def _work(self) -> None:
        while self._alive <= self._wanted or not self._may_leave():
            call = self._calls.get()
            if call is not None:
                call()
            # A reference would keep the last call's data for as long as the thread is idle.
            del call

    def _may_leave(self) -> bool:
        with self._resizing:
            if self._alive <= self._wanted:
                return False
            self._alive -= 1
            return True
