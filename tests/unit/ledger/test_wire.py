"""Records become the arguments of the store's functions, and replies become records."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from services.contracts.aggregates import PACKED, Aggregate, AggregateBlock, Aggregation
from services.ledger.records import Append, Audit, BadEvent, Balance, BeyondRange, Commit, Committed, Entry
from services.ledger.wire import (
    AuditReply,
    ChangesReply,
    audit_of,
    changes_of,
    commit_arguments,
    committed_of,
    dead_letter_of,
    digest_of,
    entry_of,
    pairs,
)

BATCH = Append(b"p" * 16, 7, "night", 1_000_000, b"payload", 50, [b"n"])
ENTRY = Entry("5-0", "night", 1_000_000, 300, 0, b"payload", counted_bytes=263)
PACKED_AGGREGATE = PACKED.pack(2, 0, 3_000_000, 1.0, 2.0)
AGGREGATE = Aggregate(2, 3_000_000, 1.0, 2.0)


def block(*names: bytes) -> AggregateBlock:
    """Return a block with an aggregate of two events for each name."""
    return AggregateBlock(list(names), np.array([[2, 0, 3_000_000, 1.0, 2.0]] * len(names)))


@pytest.mark.parametrize(
    "change", [{"payload": b"other"}, {"run": "day"}, {"window_ns": 2_000_000}, {"run": "0000 night", "window_ns": 100}]
)
def test_another_batch_has_another_digest(change: dict[str, Any]) -> None:
    """Payload, run and width make a batch what it is."""
    assert digest_of(replace(BATCH, **change)) != digest_of(BATCH)


@pytest.mark.parametrize("change", [{"sequence": 8}, {"producer": b"q" * 16}, {"names": []}, {"traceparent": "00-1"}])
def test_a_batch_that_is_sent_again_has_the_same_digest(change: dict[str, Any]) -> None:
    """A repeat may be traced, and its names may be known by then."""
    assert digest_of(replace(BATCH, **change)) == digest_of(BATCH)


def test_a_digest_is_short_text_without_spaces() -> None:
    """The ring keeps it between a sequence and a flag, and cuts the payload's part off after 16 characters."""
    payload, _, run = digest_of(BATCH).partition(".")
    assert (len(payload), len(run)) == (16, 12)
    assert (payload + run).isalnum()


def test_a_commit_states_the_size_of_each_of_its_parts() -> None:
    """The function reads them one after the other."""
    bad = BadEvent("6-0", 3, "kills workers", b"bad")
    other = replace(ENTRY, entry_id="6-0", events=5, counted_bytes=10)
    aggregation = Aggregation(totals=block(b"a", b"b"), windows={12: block(b"a"), -3: block(b"b")})
    arguments = list(commit_arguments(Commit("night", [ENTRY, other], aggregation, [bad])))
    of_a, of_both = block(b"a").packed.tobytes(), block(b"a", b"b").packed.tobytes()
    assert arguments == [
        *(2, "5-0", "6-0", b"\x2c\x01\x05\x00", 273),
        *(1, "6-0", 3, "kills workers", b"bad"),
        *(2, of_both, b"a", b"b"),
        *(2, 12, 1, of_a, b"a", -3, 1, of_a, b"b"),
    ]


def test_a_commit_without_aggregates_states_that_there_are_none() -> None:
    """All of its events are bad."""
    arguments = list(commit_arguments(Commit("night", [replace(ENTRY, events=1)], None, [])))
    assert arguments == [1, "5-0", b"\x01\x00", 263, 0, 0, b"", 0]


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ([50, 3, 7], Committed(50, windows=7)),
        ([-1, b"5-0", b"6-0"], Committed(0, stale=("5-0", "6-0"))),
        ([-2, b"", b"a", b""], Committed(0, beyond=(BeyondRange(None, b"a", None),))),
        (
            [-2, b"-3", b"a", PACKED_AGGREGATE, b"", b"b", b""],
            Committed(0, beyond=(BeyondRange(-3, b"a", AGGREGATE), BeyondRange(None, b"b", None))),
        ),
    ],
    ids=["counted", "stale", "beyond the range", "two beyond the range"],
)
def test_the_reply_to_a_commit_tells_its_outcome(reply: list[Any], outcome: Committed) -> None:
    """Counted, or refused with what stands in the way."""
    assert committed_of(reply) == outcome


def test_an_entry_is_read_with_all_its_fields() -> None:
    """Times of the store are in microseconds."""
    fields = {b"n": b"50", b"run": b"night", b"w": b"1000", b"t": b"7", b"b": b"263", b"tp": b"00-1", b"d": b"payload"}
    assert entry_of(b"5-0", fields) == Entry("5-0", "night", 1_000, 50, 7_000, b"payload", "00-1", 1, 263)
    assert entry_of(b"5-0", fields, {"5-0": 4}).deliveries == 4


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {b"n": b"-5", b"w": b"", b"t": b"1e9", b"b": b"2.5"},
        {b"n": b"\xff", b"run": b"\xff"},
        {b"n": b" 5"},
        dict.fromkeys((b"n", b"w", b"t", b"b"), b"9" * 5_000),
        {b"n": b"65536", b"t": str(2**60).encode(), b"b": str(2**53).encode()},
        {b"n": "٣".encode()},
    ],
    ids=["nothing", "no counts", "no text", "spaces", "no end", "beyond the limits", "other digits"],
)
def test_a_foreign_entry_is_read_without_events(fields: dict[bytes, bytes]) -> None:
    """Whoever can write to the stream may have written anything."""
    entry = entry_of(b"5-0", fields)
    assert (entry.events, entry.window_ns, entry.appended_ns, entry.counted_bytes, entry.payload) == (0, 0, 0, 0, b"")


def test_a_dead_letter_is_read_from_names_and_values() -> None:
    """The index of a whole batch is -1; a foreign batch has neither run nor events."""
    letter = dead_letter_of(b"9-0", [b"id", b"5-0", b"i", b"-1", b"why", b"no b\xffatch"])
    assert (letter.dead_id, letter.entry_id, letter.index, letter.reason) == ("9-0", "5-0", -1, "no b\ufffdatch")
    assert (letter.run, letter.events, letter.payload) == ("", 0, b"")


@pytest.mark.parametrize(
    "flat",
    [
        [b"x", b"1"],
        [b"id", b"\xff", b"i", b"first", b"why", b"\xff", b"n", b"9" * 5_000],
        [b"id", b"5-0", b"i", b"9" * 5_000, b"why", b""],
    ],
    ids=["no field of ours", "no numbers", "no end"],
)
def test_a_foreign_dead_letter_is_read_without_events(flat: list[bytes]) -> None:
    """One letter that nobody can read would hide all others."""
    letter = dead_letter_of(b"9-0", flat)
    assert (letter.dead_id, letter.index, letter.events, letter.payload) == ("9-0", 0, 0, b"")


def test_an_entry_does_not_change_what_its_dead_letter_says() -> None:
    """A foreign entry may have fields of a letter's names, which follow the letter's own."""
    letter = dead_letter_of(b"9-0", [b"id", b"5-0", b"i", b"-1", b"why", b"junk", b"id", b"", b"i", b"7", b"why", b""])
    assert (letter.entry_id, letter.index, letter.reason) == ("5-0", -1, "junk")


def test_changes_are_read_from_their_reply() -> None:
    """An account that lacks a count has 0 there."""
    reply = ChangesReply(
        b"epoch", 1, b"9", [b"50", b"40", None, b"10", b"2"], b"1000", b"-4", b"7", 1,
        [(b"-3", [b"a", PACKED_AGGREGATE]), (b"12", [])], [b"a", PACKED_AGGREGATE], [b"worker", b"40"], b"5", b"90",
    )  # fmt: skip
    changes = changes_of(reply)
    assert (changes.epoch, changes.known, changes.version, changes.more) == ("epoch", True, 9, True)
    assert changes.balance == Balance(50, 40, 0, 10, 2)
    assert changes.windows == {-3: {b"a": AGGREGATE}, 12: {}}
    assert (changes.totals, changes.instances) == ({b"a": AGGREGATE}, {"worker": 40})
    assert (changes.window_ns, changes.low_window, changes.last_commit_ns, changes.born) == (1_000, -4, 7_000, 5)


def test_a_run_that_is_not_known_has_no_changes() -> None:
    """No window of it was removed."""
    changes = changes_of(ChangesReply(b"epoch", 0, b"0", [None] * 5, b"0", b"", b"0", 0, [], [], [], b"0", b"90"))
    assert (changes.known, changes.low_window, changes.balance, changes.windows) == (False, None, Balance(), {})


def test_an_audit_has_the_account_and_the_backlog_of_the_stream() -> None:
    """The second is a number of the store's own."""
    assert audit_of(AuditReply([b"50", b"40", b"0", b"10", None], 10)) == Audit(
        Balance(50, 40, 0, 10), audited_backlog=10
    )


def test_a_flat_reply_that_lacks_a_value_is_a_fault() -> None:
    """Nothing is left out in silence."""
    with pytest.raises(ValueError, match="shorter"):
        list(pairs([b"n", b"50", b"run"]))
