"""What cannot be counted becomes a dead letter with its reason; everything beside it is counted exactly."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import redis

from services.contracts.aggregates import PACKED
from services.contracts.batches import Columns, decode, encode
from services.contracts.key_table import name_of
from services.contracts.limits import MAX_VALUE
from services.ledger.connection import StoreSettings, open_client
from services.ledger.redis_ledger import RedisLedger, open_ledger
from tests.events import columns_of
from tests.workers import SECOND, Notes, append, append_columns, committer_of, consumer_of, drain

PREFIX = "{lab:lab}:"
PI = name_of("pi", "temp")
HUGE = 2**45 * 10**6
"""Micro-units of the largest value."""
LARGEST = 2**53 * 2**32 - 1
SMALLEST = (1 - 2**53) * 2**32


@pytest.fixture
def ledger(store: str) -> RedisLedger:
    """The ledger of the worker under test."""
    return open_ledger(StoreSettings(redis_url=store), "worker")


@pytest.fixture
def raw(store: str) -> redis.Redis:
    """A client that plants what ingest-api would never write."""
    return open_client(StoreSettings(redis_url=store))


def same(value: float, events: int, *, seconds: int = 0) -> Columns:
    """Return events of one name and one value."""
    zeros = np.zeros(events, np.uint8)
    times = np.full(events, seconds * SECOND, np.int64)
    return Columns(("pi",), ("temp",), zeros, zeros, times, np.full(events, value))


def total(ledger: RedisLedger) -> int:
    """Return the sum of the run in micro-units."""
    return ledger.changes("r", since=0).totals[PI].sum_micro


def dead_values(ledger: RedisLedger) -> list[float]:
    """Return the value of every dead letter, the oldest first."""
    return [float(decode(letter.payload).value[0]) for letter in ledger.dead_letters(count=10_000)]


def test_a_sum_of_legal_values_that_reaches_the_end_of_the_range_stays_exact(ledger: RedisLedger) -> None:
    """1.15 million events of the largest value: as many as fit are counted, every other is a dead letter of its own."""
    notes = Notes()
    committer, fits = committer_of(ledger, notes), LARGEST // HUGE
    for sequence in range(1, 231):
        append_columns(ledger, sequence, same(MAX_VALUE, 5_000))
        if sequence % 23 == 0:
            committer.commit(ledger.read(count=23, block_ms=10))

    audit = ledger.audit()
    assert (audit.balance.counted, audit.balance.dead) == (fits, 1_150_000 - fits)
    assert total(ledger) == fits * HUGE
    assert (audit.balance.residual, audit.audited_backlog, ledger.pending()) == (0, 0, [])
    assert notes.dead_lettered_events == 1_150_000 - fits
    [letter] = ledger.dead_letters(count=1)
    assert (letter.events, letter.reason) == (1, "its sum would leave the exact range")


def near_the_end(raw: redis.Redis, key: str, sum_micro: int) -> None:
    """Make the store hold a sum near the end of the range."""
    high, low = divmod(sum_micro, 2**32)
    raw.hset(PREFIX + key, PI, PACKED.pack(1.0, high, low, 0.0, 0.0))


@pytest.mark.parametrize(
    ("held", "values", "dead"),
    [
        (LARGEST - 2 * HUGE, [MAX_VALUE] * 4, [MAX_VALUE] * 2),
        (LARGEST, [1.0, -MAX_VALUE, MAX_VALUE, 1e-6], [1.0, 1e-6]),
        (SMALLEST, [-1e-6, 5.0, -5.0, -1.0], [-1e-6, -1.0]),
        (SMALLEST + HUGE, [-MAX_VALUE, -MAX_VALUE, 0.0], [-MAX_VALUE]),
    ],
    ids=["above", "above, with room made", "below, with room made", "below"],
)
@pytest.mark.parametrize("batches", [1, 4])
def test_events_are_counted_as_long_as_they_fit_in_their_order(
    ledger: RedisLedger, raw: redis.Redis, held: int, values: list[float], dead: list[float], batches: int
) -> None:
    """At both ends of the range, within one entry and over several in one round."""
    near_the_end(raw, "tot:r", held)
    for sequence, part in enumerate(np.split(np.array(values[: 4 if batches == 4 else None]), _cuts(values, batches))):
        append_columns(ledger, sequence + 1, columns_of([("pi", "temp", 0, value) for value in part.tolist()]))

    committer_of(ledger, Notes()).commit(ledger.read(count=10, block_ms=10))

    assert dead_values(ledger) == dead
    assert total(ledger) == held + round((sum(values) - sum(dead)) * 1e6)
    assert ledger.audit().balance.residual == 0


def _cuts(values: list[float], batches: int) -> list[int]:
    return list(range(1, len(values))) if batches > 1 else []


def test_a_window_at_its_end_keeps_its_events_out_of_the_total(ledger: RedisLedger, raw: redis.Redis) -> None:
    """Windows and totals are always of the same events."""
    near_the_end(raw, "agg:r:0", LARGEST)
    append_columns(ledger, 1, columns_of([("pi", "temp", 0, 1.0), ("pi", "temp", SECOND, 2.0), ("pi", "load", 0, 4.0)]))

    committer_of(ledger, Notes()).commit(ledger.read(count=10, block_ms=10))

    changes = ledger.changes("r", since=0)
    assert dead_values(ledger) == [1.0]
    assert {name: aggregate.sum_micro for name, aggregate in changes.totals.items()} == {
        PI: 2_000_000,
        name_of("pi", "load"): 4_000_000,
    }


def test_a_dead_letter_is_counted_once_there_is_room(ledger: RedisLedger, raw: redis.Redis) -> None:
    """It is replayed like any other; without room it comes back."""
    near_the_end(raw, "tot:r", LARGEST)
    append_columns(ledger, 1, same(MAX_VALUE, 1))
    committer = committer_of(ledger, Notes())
    for _ in range(2):
        committer.commit(ledger.read(count=10, block_ms=10))
        [letter] = ledger.dead_letters()
        assert ledger.requeue(letter.dead_id) == 1
    committer.commit(ledger.read(count=10, block_ms=10))
    append_columns(ledger, 2, same(-MAX_VALUE, 1))
    committer.commit(ledger.read(count=10, block_ms=10))
    [letter] = ledger.dead_letters()
    ledger.requeue(letter.dead_id)
    committer.commit(ledger.read(count=10, block_ms=10))

    assert (ledger.audit().balance.counted, ledger.audit().balance.dead) == (2, 0)
    assert total(ledger) == LARGEST


# ------------------------------------------------------------------------------------- entries that are not ours


def junk(**changes: object) -> dict[str, object]:
    """Return the fields of an entry with some of them changed."""
    payload = encode(columns_of([("pi", "temp", 0, 1.0), ("pi", "load", SECOND, 2.0)]))
    return {"n": 2, "run": "r", "w": SECOND, "t": 0, "b": 300, "d": payload, **changes}


def payload(change: Callable[[Columns], Columns]) -> bytes:
    """Return the payload of two events after a change."""
    return encode(change(columns_of([("pi", "temp", 0, 1.0), ("pi", "load", SECOND, 2.0)])))


PLANTED: dict[str, tuple[dict[str, object], str]] = {
    "not a number": (junk(d=payload(lambda c: replace(c, value=np.array([1.0, np.nan])))), "value[1]: NaN"),
    "infinite": (junk(d=payload(lambda c: replace(c, value=np.array([1.0, -np.inf])))), "value[1]: -inf"),
    "source outside": (junk(d=payload(lambda c: replace(c, source_index=np.array([0, 7])))), "source_index[1]: 7"),
    "kind outside": (junk(d=payload(lambda c: replace(c, kind_index=np.array([9, 0])))), "kind_index[0]: 9"),
    "no dictionary": (junk(d=payload(lambda c: replace(c, kinds=()))), "kind_index[0]: 0, dictionary has 0"),
    "huge window": (junk(w=2**70), "window_nanos"),
    "another number of events": (junk(n=3), "2 events, the entry says 3"),
    "no number of events": (junk(n="many"), "2 events, the entry says 0"),
    "no width": (junk(w="wide"), "the entry says 2"),
    "no payload": (junk(d=b""), "0 events, the entry says 2"),
    "text as payload": (junk(d=b"hello"), "not an EventBatch"),
}


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize(("fields", "reason"), PLANTED.values(), ids=PLANTED.keys())
def test_an_entry_that_ingest_api_did_not_write_is_a_dead_letter(
    ledger: RedisLedger, raw: redis.Redis, fields: dict[str, object], reason: str
) -> None:
    """The worker lives on, and counts the entries before and after it in the same round."""
    append(ledger, 1, ["temp", "load"])
    raw.xadd(PREFIX + "ev", fields)
    events = int(str(fields["n"])) if str(fields["n"]).isdigit() else 0
    for key in ("ledger", "run:r"):
        raw.hincrby(PREFIX + key, "accepted", events)
        raw.hincrby(PREFIX + key, "backlog", events)
    append(ledger, 2, ["temp"])

    committer_of(ledger, Notes()).commit(ledger.read(count=10, block_ms=10))

    [letter] = ledger.dead_letters()
    assert letter.reason.startswith("decode: ")
    assert reason in letter.reason
    audit = ledger.audit()
    assert (audit.balance.counted, audit.balance.dead, audit.balance.residual) == (3, events, 0)
    assert (letter.events, ledger.pending()) == (events, [])


@pytest.mark.parametrize("fields", [{"x": 1}, {"n": -5, "run": "r"}, {"run": "r", "w": "", "n": "", "t": "soon"}])
def test_an_entry_without_our_fields_is_a_dead_letter_of_no_events(
    ledger: RedisLedger, raw: redis.Redis, fields: dict[str, object]
) -> None:
    """Nobody accepted it, so that it takes no part in the account."""
    raw.xadd(PREFIX + "ev", fields)
    append(ledger, 1, ["temp"])

    drain(consumer_of(ledger, "worker", Notes()), ledger)

    audit = ledger.audit()
    assert (audit.balance.counted, audit.balance.dead, audit.balance.residual, ledger.pending()) == (1, 0, 0, [])
    [letter] = ledger.dead_letters()
    assert letter.events == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("n", "9" * 5_000), ("w", "9" * 5_000), ("t", "9" * 5_000), ("b", "9" * 5_000), ("b", 2**53), ("n", 2**40)],
    ids=["events", "width", "time", "bytes", "too many bytes", "too many events"],
)
def test_a_number_of_a_foreign_entry_stops_no_worker_and_no_producer(
    ledger: RedisLedger, raw: redis.Redis, name: str, value: object
) -> None:
    """Nobody accepted the entry. What was accepted is counted, and so is what is appended afterwards."""
    raw.xadd(PREFIX + "ev", junk(**{name: value}))
    for sequence in (1, 2):
        append(ledger, sequence, ["hum"])
        committer_of(ledger, Notes()).commit(ledger.read(count=10, block_ms=10))

    assert ledger.changes("r", since=0).totals[name_of("pi", "hum")].count == 2
    assert (ledger.pending(), len(ledger.dead_letters())) == ([], int(name in {"n", "w"}))


def test_a_foreign_entry_of_thousands_of_fields_is_a_dead_letter(ledger: RedisLedger, raw: redis.Redis) -> None:
    """Lua cannot pass on all of them. The letter has the first, and a reason of its own."""
    foreign = {"id": "mine", "why": "mine"} | {f"field-{number}": number for number in range(10_000)}
    entry_id = raw.xadd(PREFIX + "ev", foreign).decode()

    committer_of(ledger, Notes()).commit(ledger.read(count=10, block_ms=10))

    [letter] = ledger.dead_letters()
    assert (letter.entry_id, letter.index, letter.events) == (entry_id, -1, 0)
    assert letter.reason.startswith("decode: ")
    assert ledger.pending() == []


def test_a_foreign_dead_letter_hides_no_other(ledger: RedisLedger, raw: redis.Redis) -> None:
    """`lab dead list` shows both."""
    raw.xadd(PREFIX + "dead", {"x": 1})
    append(ledger, 1, ["temp"])
    [entry] = ledger.read(count=1, block_ms=10)
    ledger.dead_letter(entry.entry_id, "planted")

    assert [letter.entry_id for letter in ledger.dead_letters()] == ["", entry.entry_id]


def test_a_consumer_with_any_name_stops_no_worker(ledger: RedisLedger, raw: redis.Redis) -> None:
    """Whoever may read the stream may join the group under any bytes."""
    append(ledger, 1, ["temp"])
    raw.execute_command("XREADGROUP", "GROUP", "agg", b"\xff\xfe", "COUNT", 1, "STREAMS", PREFIX + "ev", ">")
    raw.execute_command("HSET", PREFIX + "beat", b"\xff\xfe", "often")

    [pending] = ledger.pending()

    assert pending.consumer in ledger.heartbeats()
    committer_of(ledger, Notes()).commit(ledger.claim([pending]))
    assert ledger.audit().balance.counted == 1


def test_an_error_of_the_store_is_not_blamed_on_the_entries(ledger: RedisLedger, raw: redis.Redis) -> None:
    """A foreign key stops the worker with its name; the entries stay, and are counted once it is gone."""
    append(ledger, 1, ["temp"])
    raw.set(PREFIX + "wins:r", "planted")
    entries = ledger.read(count=1, block_ms=10)

    with pytest.raises(Exception, match="wins:r is a string, not a zset"):
        committer_of(ledger, Notes()).commit(entries)

    raw.delete(PREFIX + "wins:r")
    committer_of(ledger, Notes()).commit(entries)
    assert (ledger.audit().balance.counted, ledger.dead_letters()) == (1, [])
