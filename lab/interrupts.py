"""Receives the signals that ask a program to end, so that what was begun is ended well."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

ASKING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, `kill`, a terminal that is closed."""
SHELL_BASE: Final = 128
"""A shell reports a program that a signal ended by 128 and the number of the signal."""
DEFERRED: Final = 2
"""Signals that are only counted while something must be kept; the next one is raised."""
LOOK_S: Final = 0.05
"""Seconds between two looks at whether a phase shall end."""
REPLACED: Final = frozenset({__name__, "ipykernel.ipkernel"})
"""Modules whose handlers may be replaced for a while; those of anybody else stay."""

Handler = Callable[[int, FrameType | None], object]


class Interrupted(KeyboardInterrupt):
    """A signal asked this program to end.

    Args:
        number: The signal.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__(f"by {signal.Signals(number).name}")
        self.number = number


def exit_code_of(error: BaseException) -> int:
    """Return the exit code of a program that an interrupt ended.

    >>> exit_code_of(KeyboardInterrupt()), exit_code_of(Interrupted(signal.SIGTERM))
    (130, 143)
    """
    return SHELL_BASE + int(getattr(error, "number", signal.SIGINT))


class Interrupts:
    """The signals that arrived while something is under way that has phases; see `received`.

    A signal raises Interrupted in the main thread. After `defer` it is only counted, and the phase that is under way
    looks at `hurried` to end early; what was measured is then still collected and recorded.
    """

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self._before = self._deferred = self._answered = 0

    @property
    def hurried(self) -> bool:
        """Whether a signal arrived since this phase began."""
        return len(self.numbers) > self._before

    def let_pass(self, seconds: float) -> None:
        """Return after so many seconds, earlier where this phase shall end."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            threading.Event().wait(min(left, LOOK_S))
            if self.hurried:
                return

    def next_phase(self) -> None:
        """Begin the next phase; the signals that ended earlier phases do not end this one."""
        self._before = len(self.numbers)

    def defer(self) -> None:
        """Only count the next signals, `DEFERRED` of them."""
        self._deferred = DEFERRED

    def came(self) -> bool:
        """Return whether any signal has arrived; the caller answers it, by what is recorded."""
        self._answered = len(self.numbers)
        return bool(self.numbers)

    def check(self) -> None:
        """Raise where a signal has arrived that nobody answered.

        Raises:
            Interrupted: Such a signal has arrived.
        """
        if len(self.numbers) > self._answered:
            raise Interrupted(self.numbers[-1])

    def receive(self, number: int, _frame: FrameType | None = None) -> None:
        """Count a signal; raise unless it is deferred. What ends because of it is ended well: the next are deferred."""
        self.numbers.append(number)
        self._deferred -= 1
        if self._deferred < 0:
            self.defer()
            self._answered = len(self.numbers)
            raise Interrupted(number)


@contextmanager
def received() -> Iterator[Interrupts]:
    """Yield the interrupts that arrive while the context lasts; SIGTERM and SIGHUP are then delivered once more.

    Outside of the main thread, which alone receives signals, none arrive. A signal that this program ignores, or
    handles itself, is left alone.

    Raises:
        Interrupted: A signal arrived that nobody answered.
    """
    interrupts = Interrupts()
    try:
        with handled_by(interrupts.receive):
            yield interrupts
    finally:
        for number in set(interrupts.numbers) - {signal.SIGINT}:
            signal.raise_signal(number)
    interrupts.check()


@contextmanager
def raised() -> Iterator[None]:
    """Raise Interrupted for a signal that arrives while the context lasts, as Python does for Ctrl-C alone."""
    with handled_by(_raise):
        yield


@contextmanager
def handled_by(handler: Handler) -> Iterator[None]:
    """Handle the signals that ask this program to end, as far as it does not ignore or handle them itself."""
    before = {number: signal.getsignal(number) for number in ASKING if _may_be_replaced(signal.getsignal(number))}
    if threading.current_thread() is not threading.main_thread():
        before = {}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def _raise(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(number)


def _may_be_replaced(handler: object) -> bool:
    is_default = handler in {signal.SIG_DFL, signal.default_int_handler}
    return is_default or getattr(handler, "__module__", "") in REPLACED
