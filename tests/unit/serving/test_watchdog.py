"""A service that has work and does none of it is unhealthy first, and is ended later."""

from collections.abc import Iterable

import pytest

from services.serving.watchdog import CHECK_EVERY_S, Patience, Progress, Standstill, watch_until_given_up

PATIENCE = Patience(stalled_after_s=3.0, give_up_after_s=6.0)


class Work:
    """The work of a service, and a clock that only checks advance."""

    def __init__(self, states: Iterable[Progress]) -> None:
        self._states = list(states)
        self._checks = 0
        self.health: list[tuple[float, bool]] = []

    def now_s(self) -> float:
        """Return the time."""
        return self._checks * CHECK_EVERY_S

    def stops_within(self, _seconds: float) -> bool:
        """Advance the clock. Return True once all states were looked at."""
        self._checks += 1
        return self._checks > len(self._states)

    def progress(self) -> Progress:
        """Return the state at the time."""
        return self._states[self._checks - 1]

    def set_healthy(self, healthy: bool) -> None:  # noqa: FBT001  the watchdog's own call
        """Write down the health and the time."""
        self.health.append((self.now_s(), healthy))

    def is_given_up(self) -> bool:
        """Let the watchdog look at all states."""
        return watch_until_given_up(
            self.progress, self.set_healthy, self.stops_within, patience=PATIENCE, now_s=self.now_s
        )


def busy(*marks: object) -> list[Progress]:
    """Return a state with work for each mark."""
    return [Progress(busy=True, mark=mark) for mark in marks]


def idle(checks: int) -> list[Progress]:
    """Return so many states without work."""
    return [Progress(busy=False, mark="same")] * checks


def test_a_standstill_lasts_from_the_last_change() -> None:
    """The first look at the work is a change."""
    standstill = Standstill()
    looks = zip(busy("a", "a", "b", "b"), (10.0, 14.0, 15.0, 21.5), strict=True)
    assert [standstill.seconds(progress, now_s=now_s) for progress, now_s in looks] == [0.0, 4.0, 0.0, 6.5]


def test_time_without_work_is_no_standstill() -> None:
    """It counts from the time at which there is work."""
    standstill = Standstill()
    looks = zip((*idle(2), *busy("same", "same")), (0.0, 100.0, 101.0, 103.0), strict=True)
    assert [standstill.seconds(progress, now_s=now_s) for progress, now_s in looks] == [0.0, 0.0, 1.0, 3.0]


def test_a_service_that_stalls_is_unhealthy_and_is_given_up() -> None:
    """The mark is seen first after a second, and the standstill counts from then."""
    work = Work(busy(*"aaaaaaaaaa"))
    assert work.is_given_up()
    assert work.health == [(4.0, False)]
    assert work.now_s() == 7.0


def test_a_service_that_goes_on_is_healthy_again() -> None:
    """A stall that ends in time ends nothing."""
    work = Work(busy(*"aaaaabcdefgh"))
    assert not work.is_given_up()
    assert work.health == [(4.0, False), (6.0, True)]


@pytest.mark.parametrize("states", [busy(*range(20)), idle(20)], ids=["progress", "no work"])
def test_a_service_at_work_or_without_work_is_left_alone(states: list[Progress]) -> None:
    """Health is never touched, and the watch ends with the process."""
    work = Work(states)
    assert not work.is_given_up()
    assert work.health == []
