"""A machine that stood still is noticed, and one that did not is not accused."""

import threading

import pytest

from lab.load.pauses import NAP_S, PAUSE_S, PauseProbe


class Clock:
    """A clock that a test sets."""

    def __init__(self, now_s: float = 100.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        """What it shows."""
        return self.now_s


def looked(*gaps_s: float, longer_than_s: float = PAUSE_S) -> list[tuple[float, float]]:
    """Pauses found by looks that follow one another after these gaps; the wall clock counts looks."""
    monotonic, wall = Clock(0.0), Clock(1_000.0)
    probe = PauseProbe(longer_than_s=longer_than_s, monotonic=monotonic, wall=wall)
    for gap_s in gaps_s:
        monotonic.now_s += gap_s
        wall.now_s += 1
        probe.look()
    return probe.pauses


def test_looks_that_come_in_time_find_nothing() -> None:
    """Also when they are as late as a busy machine makes them."""
    assert looked(NAP_S, NAP_S + 0.04, 0.0, NAP_S) == []


def test_a_look_that_comes_late_is_a_pause() -> None:
    """It is dated by when it ended, and as long as the look was late."""
    [(ended_s, late_s)] = looked(NAP_S, NAP_S + 0.2, NAP_S)
    assert ended_s == 1_002.0
    assert late_s == pytest.approx(0.2)


def test_every_pause_is_counted_from_the_look_before() -> None:
    """Two in a row are two, the oldest first."""
    pauses = looked(NAP_S + 0.1, NAP_S + 0.3)
    assert [ended_s for ended_s, _ in pauses] == [1_001.0, 1_002.0]
    assert [late_s for _, late_s in pauses] == pytest.approx([0.1, 0.3])


def test_what_counts_as_a_pause_can_be_set() -> None:
    """In seconds beyond the nap."""
    assert len(looked(NAP_S + 0.02, longer_than_s=0.01)) == 1
    assert looked(NAP_S + 0.02, longer_than_s=0.03) == []


def test_time_before_the_context_is_no_pause() -> None:
    """The first look is compared with the moment it was entered."""
    probe = PauseProbe(monotonic=Clock(5_000.0))
    with probe as pauses:
        threading.Event().wait(3 * NAP_S)
    assert pauses == []


def test_the_context_looks_by_itself_and_ends_with_its_thread() -> None:
    """A clock that jumps while it lasts is seen; nothing looks afterwards."""
    seen, clock, wall = threading.Event(), Clock(), Clock()

    def noticed() -> float:
        seen.set()
        return wall()

    with PauseProbe(monotonic=clock, wall=noticed) as pauses:
        clock.now_s += 10.0
        assert seen.wait(10)
    assert [thread.name for thread in threading.enumerate() if thread.name == "pause-probe"] == []
    assert [late_s for _, late_s in pauses] == pytest.approx([10.0 - NAP_S])
