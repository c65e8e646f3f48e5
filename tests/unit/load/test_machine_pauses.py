"""A pause of the machine is noticed, and a busy machine is not taken for one."""

import threading

import pytest

from lab.load.machine_pauses import NAP_S, PAUSE_S, PauseProbe
from lab.load.port import Stall


class Clock:
    """A clock that a test sets."""

    def __init__(self, now_s: float = 100.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        """Return the time that was set."""
        return self.now_s


def pauses_after(*gaps_s: float, longer_than_s: float = PAUSE_S) -> list[Stall]:
    """Return the pauses that readings with these gaps find; the wall clock counts readings."""
    monotonic, wall = Clock(0.0), Clock(1_000.0)
    probe = PauseProbe(longer_than_s=longer_than_s, monotonic=monotonic, wall=wall)
    for gap_s in gaps_s:
        monotonic.now_s += gap_s
        wall.now_s += 1
        probe.read_clock()
    return probe.pauses


def test_readings_in_time_find_no_pause() -> None:
    """A busy machine makes them late, and that is no pause."""
    assert pauses_after(NAP_S, NAP_S + 0.04, 0.0, NAP_S) == []


def test_a_late_reading_is_a_pause() -> None:
    """The pause has the date of its end, and is as long as the reading was late."""
    [(ended_s, late_s)] = pauses_after(NAP_S, NAP_S + 0.2, NAP_S)
    assert ended_s == 1_002.0
    assert late_s == pytest.approx(0.2)


def test_every_pause_is_counted_from_the_reading_before() -> None:
    """Two pauses in a row are two pauses, the oldest first."""
    pauses = pauses_after(NAP_S + 0.1, NAP_S + 0.3)
    assert [ended_s for ended_s, _ in pauses] == [1_001.0, 1_002.0]
    assert [late_s for _, late_s in pauses] == pytest.approx([0.1, 0.3])


def test_what_counts_as_a_pause_can_be_set() -> None:
    """The limit is in seconds beyond the nap."""
    assert len(pauses_after(NAP_S + 0.02, longer_than_s=0.01)) == 1
    assert pauses_after(NAP_S + 0.02, longer_than_s=0.03) == []


def test_time_before_the_context_is_no_pause() -> None:
    """The first reading is compared with the moment when the context was entered."""
    probe = PauseProbe(monotonic=Clock(5_000.0))
    with probe as pauses:
        threading.Event().wait(3 * NAP_S)
    assert pauses == []


def test_the_context_reads_by_itself_and_ends_with_its_thread() -> None:
    """A jump of the clock meanwhile is a pause; afterwards no thread is left."""
    noticed, clock, wall = threading.Event(), Clock(), Clock()

    def date() -> float:
        noticed.set()
        return wall()

    with PauseProbe(monotonic=clock, wall=date) as pauses:
        clock.now_s += 10.0
        assert noticed.wait(10)
    assert [thread.name for thread in threading.enumerate() if thread.name == "pause-probe"] == []
    assert [late_s for _, late_s in pauses] == pytest.approx([10.0 - NAP_S])
