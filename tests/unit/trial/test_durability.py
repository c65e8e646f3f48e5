"""The durability of the store is looked at before, while and after events are sent."""

import threading
from dataclasses import replace
from itertools import count, groupby

import pytest

from lab.errors import Unavailable
from lab.model import DurabilityLook, StoreView
from lab.trials.durability import durability_watched
from tests.fakes.ledger import FakeLedger

AWAY = Unavailable("query-api does not answer")
NEVER_S = 3_600.0
DEADLINE_S = 20.0


class Told(FakeLedger):
    """A ledger that gives one answer after the other; the last answer stays.

    Args:
        answers: Durability classes, or why the ledger cannot be read.
    """

    def __init__(self, *answers: str | Unavailable) -> None:
        super().__init__()
        self._answers = list(answers)
        self.has_given_all = threading.Event()

    def view(self, run: str, *, audit: bool = False) -> StoreView:
        """See `LedgerSource.view`."""
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if len(self._answers) == 1:
            self.has_given_all.set()
        if isinstance(answer, Unavailable):
            raise answer
        return replace(super().view(run, audit=audit), durability=answer)


@pytest.mark.parametrize(
    ("answers", "looks"),
    [
        (("durable", "durable"), [(0, "durable"), (1, "durable")]),
        (("durable", "volatile"), [(0, "durable"), (1, "volatile")]),
        (("window", "durable"), [(0, "window"), (1, "durable")]),
        (("unknown",), [(0, "unknown"), (1, "unknown")]),
        ((AWAY, "durable"), [(1, "durable")]),
        (("durable", AWAY), [(0, "durable")]),
        ((AWAY,), []),
    ],
)
def test_there_is_a_look_at_both_ends(answers: tuple[str | Unavailable, ...], looks: list[tuple[int, str]]) -> None:
    """Dated before the ledger is read; there is none where it cannot be read."""
    with durability_watched(Told(*answers), every_s=NEVER_S, now_ns=count().__next__) as seen:
        pass
    assert seen == [DurabilityLook(at_ns, durability) for at_ns, durability in looks]


@pytest.mark.parametrize(
    ("answers", "classes"),
    [
        (("durable", "window", "durable"), ["durable", "window", "durable"]),
        (("durable", "volatile", "unknown", "durable"), ["durable", "volatile", "unknown", "durable"]),
        (("durable", AWAY, AWAY, "window"), ["durable", "window"]),
        ((AWAY, "durable", AWAY), ["durable"]),
    ],
)
def test_a_store_that_loses_durability_and_gets_it_back_is_seen(
    answers: tuple[str | Unavailable, ...], classes: list[str]
) -> None:
    """Between both ends, in order; a look that fails ends no watch."""
    ledger = Told(*answers)
    with durability_watched(ledger, every_s=0.001, now_ns=count().__next__) as seen:
        assert ledger.has_given_all.wait(DEADLINE_S)
    assert [durability for durability, _ in groupby(look.durability for look in seen)] == classes
    assert [look.at_ns for look in seen] == sorted({look.at_ns for look in seen})


def test_a_load_that_fails_ends_the_watch() -> None:
    """The last look is made, and no thread is left."""
    with (
        pytest.raises(ZeroDivisionError),
        durability_watched(Told("durable", "volatile"), every_s=NEVER_S) as looks,
    ):
        raise ZeroDivisionError
    assert [look.durability for look in looks] == ["durable", "volatile"]
    assert [thread.name for thread in threading.enumerate() if thread.name == "durability"] == []
