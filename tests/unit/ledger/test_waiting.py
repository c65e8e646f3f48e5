"""How long, and for what, a store is waited for."""

from collections.abc import Callable

import pytest

from services.ledger import errors
from services.ledger.connection import StoreSettings
from services.ledger.waiting import PAUSE_S, wait_for_store


class Clock:
    """A clock that only pauses advance."""

    def __init__(self) -> None:
        self.time_s = 100.0

    def now(self) -> float:
        """Return the time."""
        return self.time_s

    def pause(self, seconds: float) -> None:
        """Advance the time."""
        self.time_s += seconds


class Store:
    """Fails with these errors, one for each attempt, the last of them for ever; answers after None."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self._outcomes = list(outcomes)
        self.attempts = 0

    def ask(self) -> None:
        """Make one attempt."""
        self.attempts += 1
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        if outcome is not None:
            raise outcome


def wait(store: Store, seconds: float) -> float:
    """Wait for a store on a clock of its own. Return the seconds that this took."""
    clock = Clock()
    wait_for_store(store.ask, seconds=seconds, now=clock.now, pause=clock.pause)
    return clock.time_s - 100.0


def test_a_store_that_starts_and_then_loads_is_waited_for() -> None:
    """Both pass by themselves."""
    store = Store(errors.StoreUnreachable("away"), errors.StoreLoading("loading"), None)

    assert wait(store, 10.0) == pytest.approx(2 * PAUSE_S)
    assert store.attempts == 3


@pytest.mark.parametrize("error", [errors.StoreDenied, errors.StoreEmpty, errors.LedgerMisuse, errors.StoreFull])
def test_an_error_that_waiting_does_not_mend_is_raised_at_once(error: Callable[[str], Exception]) -> None:
    """A wrong login stays wrong."""
    store = Store(error("no"))

    with pytest.raises(errors.LedgerError, match="no"):
        wait(store, 10.0)

    assert store.attempts == 1


def test_the_last_error_is_raised_when_the_time_is_over() -> None:
    """It says in what state the store was left."""
    clock = Clock()
    store = Store(errors.StoreUnreachable("away"), errors.StoreLoading("loading"))

    with pytest.raises(errors.StoreLoading):
        wait_for_store(store.ask, seconds=1.0, now=clock.now, pause=clock.pause)

    assert clock.time_s == pytest.approx(101.0, abs=2 * PAUSE_S)


def test_without_a_wait_there_is_one_attempt() -> None:
    """The default of `open_ledger`."""
    store = Store(errors.StoreUnreachable("away"))

    with pytest.raises(errors.StoreUnreachable):
        wait(store, 0.0)

    assert store.attempts == 1


@pytest.mark.parametrize(
    "url", ["redis://db:6380/0", "rediss://db:6380/2", "redis://user:secret@db:6380/0", "redis://:secret@db:6380"]
)
def test_the_address_in_messages_holds_neither_scheme_nor_login(url: str) -> None:
    """Messages put the word redis before it."""
    assert StoreSettings(redis_url=url).where == "db:6380"
