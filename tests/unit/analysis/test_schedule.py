"""Who made a batch late: the generator, the system, or the machine."""

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.schedule import Schedule, own_delay_ns, schedule_of
from lab.model import Samples
from tests.unit.analysis.builders import START_S, samples

MS = 1_000_000


def sent(delay_ms: np.ndarray, *, blocked_ms: np.ndarray | None = None) -> Samples:
    """Return batches, a hundred a second, that left this late after waiting this long for a slot."""
    measured = samples(delay_ms + 3.0)
    blocked = np.zeros(len(measured)) if blocked_ms is None else blocked_ms
    sent_ns = measured.intended_ns + np.round(delay_ms * MS).astype(np.int64)
    return replace(measured, sent_ns=sent_ns, blocked_ns=np.round(blocked * MS).astype(np.int64))


def stopped_for(seconds: float, *, at_s: float = 4.0, catching_up_ms: float = 1.0) -> np.ndarray:
    """Return the delays of 1,000 batches whose sender stands still once, and then sends a batch every millisecond."""
    intended_s, end_s, queue = np.arange(1_000) / 100, at_s + seconds, 0
    delay_ms = np.zeros(1_000)
    for row, due_s in enumerate(intended_s):
        free_s = end_s + queue * catching_up_ms / 1e3
        if at_s <= due_s < free_s:
            delay_ms[row], queue = 1e3 * (free_s - due_s), queue + 1
    return delay_ms


def test_a_schedule_that_is_kept() -> None:
    """Nothing is late, nothing was full."""
    schedule = schedule_of(sent(np.full(1_000, 5.0)))
    assert schedule == Schedule(1_000, 0, 0, 0.0)
    assert schedule.share == 1.0


def test_a_frozen_generator_is_to_blame() -> None:
    """Two of ten seconds: about a fifth of the events leave late, although every one is sent in the end."""
    schedule = schedule_of(sent(stopped_for(2.0)))
    assert schedule.late == pytest.approx(210, abs=15)
    assert schedule.share < 0.82


def test_full_slots_are_the_systems() -> None:
    """The first batch of the chain waits for a slot; those behind it inherit the delay, and the catching up, too."""
    delay_ms = stopped_for(2.0, catching_up_ms=2.0)
    first = int(np.flatnonzero(delay_ms)[0])
    blocked_ms = np.zeros(1_000)
    blocked_ms[first] = delay_ms[first]
    schedule = schedule_of(sent(delay_ms, blocked_ms=blocked_ms))
    assert (schedule.late, schedule.share) == (0, 1.0)
    assert schedule.held_back > 180
    assert schedule.full_s == pytest.approx(2.0)


def test_the_machine_may_stand_still() -> None:
    """A stall that the lab measured on the same machine is nobody's fault; a shorter one excuses only as much."""
    frozen = sent(stopped_for(2.0))
    assert schedule_of(frozen, [(START_S + 6.0, 2.0)]).late == 0
    assert schedule_of(frozen, [(START_S + 6.0, 0.5)]).late == pytest.approx(160, abs=15)


def test_a_slow_generator_is_not_excused_by_one_short_stall() -> None:
    """It falls behind without end; what stopped it for 100 ms explains 100 ms of each delay."""
    slow = sent(np.arange(1_000) * 2.0)
    own_ms = own_delay_ns(slow, [(START_S + 1.0, 0.1)]) / MS
    assert own_ms[-1] == pytest.approx(1_998 - 100)
    assert schedule_of(slow, [(START_S + 1.0, 0.1)]).share < 0.2


def test_a_freeze_before_the_slots_fill_is_the_generators() -> None:
    """It then sends everything at once, and the slots fill because of that."""
    delay_ms = stopped_for(2.0)
    last = int(np.flatnonzero(delay_ms)[-1])
    blocked_ms = np.zeros(1_000)
    blocked_ms[last] = min(150.0, delay_ms[last])
    schedule = schedule_of(sent(delay_ms, blocked_ms=blocked_ms))
    assert schedule.late > 150


def test_no_batch_has_no_delay() -> None:
    """And no share below 1."""
    assert own_delay_ns(samples([])).tolist() == []
    assert schedule_of(samples([])).share == 1.0


def test_a_machine_without_a_free_cpu_is_not_the_generators_fault() -> None:
    """The kernel says how long the sender was ready and got no CPU; the catching up is excused with it."""
    delay_ms = stopped_for(2.0)
    starved_ns = np.zeros(1_000, np.int64)
    starved_ns[int(np.flatnonzero(delay_ms)[0])] = 2_000 * MS
    schedule = schedule_of(replace(sent(delay_ms), starved_ns=starved_ns))
    assert (schedule.late, schedule.share) == (0, 1.0)
    assert schedule.held_back > 180
    assert schedule.starved_s == pytest.approx(2.0)


def test_a_wait_for_a_cpu_excuses_no_more_than_it_took() -> None:
    """Half a second of waiting explains half a second of a freeze of two."""
    delay_ms = stopped_for(2.0)
    starved_ns = np.zeros(1_000, np.int64)
    starved_ns[int(np.flatnonzero(delay_ms)[0])] = 500 * MS
    assert schedule_of(replace(sent(delay_ms), starved_ns=starved_ns)).late == pytest.approx(160, abs=15)
