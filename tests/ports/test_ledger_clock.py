"""A step of the store's clock changes nothing that a producer was told."""

import pytest
import redis

from services.contracts.store_keys import prefix_of
from services.ledger import errors
from services.ledger.redis_ledger import RedisLedger
from tests.ports.entries import append_of, batch

PREFIX = prefix_of("lab")
DAY_S = 24 * 3_600
US = 1_000_000


def step_clock(raw: redis.Redis, seconds: float) -> None:
    """Set the store's clock forward, or back, as seen from its data.

    Keys that expire by the clock until then are gone, and the clock of the last append lies as much further back.
    """
    for key in raw.keys(PREFIX + "*"):
        if 0 <= raw.pttl(key) <= seconds * 1e3:
            raw.delete(key)
    wall = raw.hget(PREFIX + "ledger", "wall")
    if wall is not None:
        raw.hset(PREFIX + "ledger", "wall", int(wall) - round(seconds * US))


@pytest.mark.parametrize("days", [7.5, 400, 56 * 365, -56 * 365])
def test_a_retry_after_a_clock_step_is_recognised(ledger: RedisLedger, raw: redis.Redis, days: float) -> None:
    """Boards without a battery start in 1970 and step by decades when the time server answers."""
    append = append_of(batch(1), 1)
    ledger.append(append)
    step_clock(raw, days * DAY_S)
    # Another producer appends first: its ring is new, so that the store looks for rings that have ended.
    ledger.append(append_of(batch(2), 1, producer=b"q" * 16))

    assert ledger.append(append).duplicate
    assert ledger.audit().balance.accepted == 100


def test_many_clock_steps_in_a_row_end_no_ring(ledger: RedisLedger, raw: redis.Redis) -> None:
    """A clock that jumps back and forth at every restart, a dozen restarts within the time of a retry."""
    append = append_of(batch(1), 1)
    ledger.append(append)
    for number in range(12):
        step_clock(raw, 30 * DAY_S * (-1) ** number)
        ledger.append(append_of(batch(2), 1, producer=bytes([number]) * 16))

    assert ledger.append(append).duplicate


def test_a_ring_that_an_earlier_version_made_no_longer_ends_by_the_clock(ledger: RedisLedger, raw: redis.Redis) -> None:
    """It had an expiry of seven days, which the next append of its producer removes."""
    ring = f"{PREFIX}p:{(b'p' * 16).hex()}"
    ledger.append(append_of(batch(1), 1))
    raw.expire(ring, 7 * DAY_S)
    ledger.append(append_of(batch(2), 2))

    assert raw.ttl(ring) == -1


def live_through(ledger: RedisLedger, raw: redis.Redis, hours: range) -> None:
    """Let hours pass: a busy producer appends once an hour."""
    for hour in hours:
        step_clock(raw, 3_600)
        ledger.append(append_of(batch(1, events=1), hour, producer=b"busy" * 4))


def producers_with_a_ring(raw: redis.Redis) -> set[bytes]:
    """Return the first four bytes of every producer that the store has a ring of."""
    return {bytes.fromhex(key.decode().rpartition(":")[2])[:4] for key in raw.keys(PREFIX + "p:*")}


def test_the_ring_of_a_producer_that_is_gone_for_a_week_ends(ledger: RedisLedger, raw: redis.Redis) -> None:
    """Rings do not pile up: the next new producer removes those that nobody used for seven days."""
    ledger.append(append_of(batch(1), 1, producer=b"gone" * 4))
    live_through(ledger, raw, range(1, 167))
    ledger.append(append_of(batch(1), 1, producer=b"late" * 4))
    assert producers_with_a_ring(raw) == {b"gone", b"busy", b"late"}

    live_through(ledger, raw, range(167, 171))
    ledger.append(append_of(batch(1), 1, producer=b"new!" * 4))

    assert producers_with_a_ring(raw) == {b"busy", b"late", b"new!"}


def test_a_slow_producer_beside_a_busy_one_keeps_its_ring(ledger: RedisLedger, raw: redis.Redis) -> None:
    """Its appends are never those with which the ledger's time moves on; they count as use all the same."""
    slow = [append_of(batch(1), sequence, producer=b"slow" * 4) for sequence in range(1, 10)]
    for day, append in enumerate(slow):
        live_through(ledger, raw, range(24 * day + 1, 24 * day + 25))
        ledger.append(append)
    ledger.append(append_of(batch(1), 1, producer=b"new!" * 4))

    assert producers_with_a_ring(raw) == {b"slow", b"busy", b"new!"}
    assert ledger.append(slow[-1]).duplicate


def crowd(raw: redis.Redis, producers: int) -> None:
    """Let the store know many more producers, who append a second from now. A minute passes."""
    time = int(raw.hget(PREFIX + "ledger", "time")) + US
    for first in range(0, producers, 50_000):
        numbers = range(first, min(first + 50_000, producers))
        raw.zadd(PREFIX + "producers", {f"{number:032x}": time for number in numbers})
    step_clock(raw, 60)


def test_ten_thousand_producers_keep_no_new_one_out(ledger: RedisLedger, raw: redis.Redis) -> None:
    """The ring that is unused for longest is folded. A repeat of its producer is refused, and no event added twice."""
    for sequence in (1, 2, 3):
        ledger.append(append_of(batch(sequence), sequence))
    crowd(raw, 9_999)

    for name in (b"q", b"r"):
        assert not ledger.append(append_of(batch(1), 1, producer=name * 16)).duplicate
    accepted = ledger.balance().accepted
    for sequence in (1, 3):
        with pytest.raises(errors.SequenceTooOld, match="its outcome is unknown"):
            ledger.append(append_of(batch(sequence), sequence))
    assert ledger.balance().accepted == accepted


def test_a_producer_whose_ring_was_folded_goes_on(ledger: RedisLedger, raw: redis.Redis) -> None:
    """With larger sequences, whose repeats are recognised as before."""
    ledger.append(append_of(batch(3), 3))
    crowd(raw, 9_999)
    ledger.append(append_of(batch(1), 1, producer=b"q" * 16))

    assert not ledger.append(append_of(batch(4), 4)).duplicate
    assert ledger.append(append_of(batch(4), 4)).duplicate
    with pytest.raises(errors.SequenceTooOld):
        ledger.append(append_of(batch(3), 3))
    assert ledger.append(append_of(batch(1), 1, producer=b"q" * 16)).duplicate


def test_the_rings_that_are_kept_are_ten_thousand(ledger: RedisLedger, raw: redis.Redis) -> None:
    """Every other ring holds its highest sequence alone."""
    for number in range(8):
        for sequence in (1, 2):
            ledger.append(append_of(batch(sequence), sequence, producer=bytes([100 + number]) * 16))
    crowd(raw, 9_992)
    for number in range(4):
        ledger.append(append_of(batch(1), 1, producer=bytes([200 + number]) * 16))

    whole = [key for key in raw.keys(PREFIX + "p:*") if raw.hlen(key) == 2]
    folded = [key for key in raw.keys(PREFIX + "p:*") if raw.hkeys(key) == [b"folded"]]
    assert (len(whole), len(folded)) == (4, 4)


def test_half_a_million_producers_are_remembered_for_an_hour(ledger: RedisLedger, raw: redis.Redis) -> None:
    """A new one is refused until one of them is unused for an hour: it could repeat a batch of theirs unnoticed."""
    ledger.append(append_of(batch(1), 1))
    crowd(raw, 499_999)

    ledger.append(append_of(batch(1), 2))
    with pytest.raises(errors.TooManyProducers, match="500000 producers"):
        ledger.append(append_of(batch(2), 1, producer=b"q" * 16))
    raw.zadd(PREFIX + "producers", {f"{1:032x}": int(raw.hget(PREFIX + "ledger", "time")) - 3_601 * US})

    assert not ledger.append(append_of(batch(2), 1, producer=b"q" * 16)).duplicate
