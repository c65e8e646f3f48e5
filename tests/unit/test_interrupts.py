"""Signals that ask a program to end: raised, deferred, counted; a program keeps handlers of its own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from lab.interrupts import ASKING, DEFERRED, Interrupted, Interrupts, exit_code_of, handled_by, raised, received


@pytest.fixture(autouse=True)
def _handlers_stay() -> Iterator[None]:
    """Whatever happens, the handlers are those from before."""
    before = [signal.getsignal(number) for number in ASKING]
    yield
    assert [signal.getsignal(number) for number in ASKING] == before


def _receive(number: int, *, answered: bool) -> None:
    """Receive a signal while something is kept, and look at it or not."""
    with received() as interrupts:
        interrupts.defer()
        os.kill(os.getpid(), number)
        assert not answered or interrupts.came()


@pytest.mark.parametrize("number", ASKING)
def test_a_signal_is_raised_before_anything_must_be_kept(number: signal.Signals) -> None:
    """The exit code of the program is the one that shells expect."""
    interrupts = Interrupts()
    with pytest.raises(Interrupted) as interrupt:
        interrupts.receive(number)
    assert (interrupt.value.number, exit_code_of(interrupt.value)) == (number, 128 + number)


def test_what_a_signal_ends_is_ended_well() -> None:
    """The next signals are only counted; more of them end that, too."""
    interrupts = Interrupts()
    with pytest.raises(Interrupted):
        interrupts.receive(signal.SIGINT)
    for _ in range(DEFERRED):
        interrupts.receive(signal.SIGINT)
    with pytest.raises(Interrupted):
        interrupts.receive(signal.SIGTERM)


def test_deferred_signals_end_one_phase_each() -> None:
    """The phase that is under way when they arrive."""
    interrupts = Interrupts()
    interrupts.defer()
    assert not interrupts.hurried
    interrupts.receive(signal.SIGINT)
    assert interrupts.hurried
    interrupts.next_phase()
    assert not interrupts.hurried
    interrupts.receive(signal.SIGINT)
    assert interrupts.hurried


def test_a_signal_that_nobody_answered_is_raised_at_the_end() -> None:
    """One that came after the record said how the trial ended."""
    interrupts = Interrupts()
    interrupts.defer()
    interrupts.check()
    interrupts.receive(signal.SIGINT)
    assert interrupts.came()
    interrupts.check()
    interrupts.receive(signal.SIGHUP)
    with pytest.raises(Interrupted, match="SIGHUP"):
        interrupts.check()


def test_a_pause_ends_early_for_somebody_in_a_hurry() -> None:
    """A process that is stopped on purpose goes on at once."""
    interrupts = Interrupts()
    interrupts.defer()
    interrupts.receive(signal.SIGINT)
    began_s = time.monotonic()
    interrupts.let_pass(60.0)
    assert time.monotonic() - began_s < 30.0


def test_a_real_signal_arrives() -> None:
    """Ctrl-C, once; it was meant for what the context does."""
    with received() as interrupts:
        interrupts.defer()
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.numbers == [signal.SIGINT]
        assert interrupts.came()


def test_an_unanswered_signal_leaves_the_context() -> None:
    """As KeyboardInterrupt does."""
    with pytest.raises(KeyboardInterrupt):
        _receive(signal.SIGINT, answered=False)


def test_a_request_to_end_this_program_is_delivered_after_its_work() -> None:
    """To the handler that was there before: here that of `raised`, elsewhere the end of the process."""
    with raised(), pytest.raises(Interrupted, match="SIGTERM"):
        _receive(signal.SIGTERM, answered=True)


def test_a_program_keeps_its_own_handlers() -> None:
    """And signals that it ignores stay ignored."""
    arrived: list[int] = []
    own = signal.signal(signal.SIGTERM, lambda number, _: arrived.append(number)), signal.SIGTERM
    ignored = signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.SIGHUP
    try:
        with received() as interrupts:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGHUP)
        assert (arrived, interrupts.numbers) == ([signal.SIGTERM], [])
    finally:
        for handler, number in (own, ignored):
            signal.signal(number, handler)


def test_another_thread_receives_no_signals() -> None:
    """Only the main thread may handle them, and a trial in another thread goes on."""
    numbers: list[list[int]] = []

    def work() -> None:
        with received() as interrupts, handled_by(interrupts.receive):
            numbers.append(interrupts.numbers)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert numbers == [[]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_script_ends_by_the_signal_once_its_work_is_recorded(number: signal.Signals) -> None:
    """Its caller sees how it ended."""
    code = f"""
import os
from lab.interrupts import received
with received() as interrupts:
    interrupts.defer()
    os.kill(os.getpid(), {int(number)})
    print("recorded", interrupts.came(), flush=True)
print("not reached")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("recorded True\n", -number)
