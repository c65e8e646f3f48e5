"""A refused batch becomes an error that tells the producer what to do."""

import pytest

from services.ledger import errors
from services.ledger.append_refusals import APPEND_ERRORS, full_error, refusal_of
from services.ledger.records import Append

BATCH = Append(bytes(16), 7, "night", 1_000_000, b"payload", 50, [])


CASES = [
    ("LABCONFLICT 0a1b", errors.SequenceConflict, "seq 7 was accepted with another payload.*0a1b.*use a new seq"),
    ("LABTOOOLD 2000", errors.SequenceTooOld, "seq 7 is 1024 or more behind 2000.*use a larger seq"),
    ("LABFOLDED 10000", errors.SequenceTooOld, "seq 7 .*10000 others.*use a larger seq"),
    ("LABKEYS 10000", errors.TooManyKeys, "run night .*10000.*send fewer"),
    ("LABPRODUCERS 500000", errors.TooManyProducers, "500000 producers.*keep one producer_id"),
    ("LABWIDTH 5000", errors.WidthConflict, "run night has windows of 5000 ns, not 1000000; use that width"),
    ("LABROLLBACK 50 100", errors.StoreRolledBack, "from 100 to 50"),
]
"""Error reply of the function `append`, our error, pattern of its message."""


@pytest.mark.parametrize(("reply", "error", "words"), CASES, ids=[reply.split()[0] for reply, _, _ in CASES])
def test_a_refusal_names_the_batch_and_the_next_step(reply: str, error: type[errors.LedgerError], words: str) -> None:
    """Figures of the store and figures of the batch stand in their places."""
    ours = refusal_of(BATCH, errors.LedgerMisuse("redis db: refused", reply=reply))

    assert type(ours) is error
    with pytest.raises(error, match=words):
        raise ours


def test_every_refusal_of_the_table_is_tested_above() -> None:
    """A new code needs a case."""
    assert {reply.split()[0] for reply, _, _ in CASES} == set(APPEND_ERRORS)


@pytest.mark.parametrize("reply", ["", "LABARG seq is out of range", "ERR no such command"])
def test_another_misuse_is_left_as_it_is(reply: str) -> None:
    """It is a fault of ours, not of the batch."""
    misuse = errors.LedgerMisuse("redis db: refused", reply=reply)

    assert refusal_of(BATCH, misuse) is misuse


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        ((b"BUSY", b"1200", b"1000", b"events"), errors.BacklogFull, "backlog 1,200 of 1,000 events; retry when "),
        ((b"BUSY", b"2048", b"1024", b"bytes"), errors.BacklogFull, "backlog 2,048 of 1,024 bytes; retry when "),
        (
            (b"DEAD", b"1000", b"1000", b"events"),
            errors.DeadLetterFull,
            "1,000 dead letters fill the limit",
        ),
        ((b"DEAD", b"2048", b"1024", b"bytes"), errors.DeadLetterFull, "dead letters take 2,048 of 1,024 bytes; see: "),
    ],
)
def test_a_full_store_says_what_fills_it(
    reply: tuple[bytes, ...], error: type[errors.LedgerError], message: str
) -> None:
    """Waiting helps against a backlog, and not against dead letters."""
    ours = full_error(reply)

    assert type(ours) is error
    assert str(ours).startswith(message)
