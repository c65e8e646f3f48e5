"""Which entries are claimable."""

from services.ledger.records import Pending
from services.process_worker.takeover import Takeover

HELD = [Pending("1-0", "other", 1)]


def test_entries_of_a_consumer_without_a_heartbeat_become_claimable() -> None:
    """Only after its heartbeat has stood still for the idle time, by our own clock."""
    takeover = Takeover("me", idle_s=5.0)

    assert takeover.claimable(HELD, {"other": 7}, now_s=100.0) == []
    assert takeover.claimable(HELD, {"other": 7}, now_s=104.9) == []
    assert takeover.claimable(HELD, {"other": 7}, now_s=105.0) == HELD


def test_a_consumer_with_a_heartbeat_keeps_its_entries() -> None:
    """However long it works on them."""
    takeover = Takeover("me", idle_s=5.0)

    assert [takeover.claimable(HELD, {"other": heartbeat}, now_s=10.0 * heartbeat) for heartbeat in range(5)] == [
        []
    ] * 5


def test_a_consumer_that_never_had_a_heartbeat_is_treated_the_same() -> None:
    """It may have died before its first heartbeat."""
    takeover = Takeover("me", idle_s=5.0)
    takeover.claimable(HELD, {}, now_s=0.0)

    assert takeover.claimable(HELD, {}, now_s=5.0) == HELD


def test_own_entries_are_never_taken_over() -> None:
    """This worker commits its own entries without a claim."""
    takeover = Takeover("other", idle_s=5.0)
    takeover.claimable(HELD, {}, now_s=0.0)

    assert takeover.claimable(HELD, {}, now_s=500.0) == []


def test_a_dead_consumer_without_entries_is_forgotten() -> None:
    """After ten idle times, and only once it holds no entries."""
    takeover = Takeover("me", idle_s=5.0)
    takeover.claimable([], {"gone": 1, "me": 4}, now_s=0.0)
    takeover.claimable([], {"gone": 1, "me": 9}, now_s=50.0)

    assert takeover.dead([], now_s=50.0) == ["gone"]
    assert takeover.dead([Pending("1-0", "gone", 1)], now_s=50.0) == []
