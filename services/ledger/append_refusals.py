"""Why a batch is not appended: replies of the function `append` to errors of ours."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.ledger.errors import (
    BacklogFull,
    DeadLetterFull,
    LedgerError,
    LedgerMisuse,
    SequenceConflict,
    SequenceTooOld,
    StoreRolledBack,
    TooManyKeys,
    TooManyProducers,
    WidthConflict,
)
from services.ledger.records import Append

FULL: Final = frozenset({b"BUSY", b"DEAD"})
"""First elements of a reply that says that there is no room."""
FORGOTTEN: Final = b"FORGOTTEN"
"""First element of a reply that says that the store has forgotten the run that held the known names."""
ROLLED_BACK: Final = (
    "accepted went from {1} to {0} in this store; acknowledged events are gone\n"
    "start a new store, or choose another LAB_STORE_NAMESPACE"
)
APPEND_ERRORS: Final[Mapping[str, tuple[type[LedgerError], str]]] = {
    "LABCONFLICT": (
        SequenceConflict,
        "seq {seq} was accepted with another payload, run or window width (digest {0}); use a new seq",
    ),
    "LABTOOOLD": (SequenceTooOld, "seq {seq} is 1024 or more behind {0}; its outcome is unknown, use a larger seq"),
    "LABKEYS": (
        TooManyKeys,
        "run {run} would hold more than {0} (source, kind) pairs; send fewer, or begin another run",
    ),
    "LABFOLDED": (
        SequenceTooOld,
        "seq {seq} may have been accepted before {0} others appended; its outcome is unknown, use a larger seq",
    ),
    "LABPRODUCERS": (TooManyProducers, "{0} producers appended within an hour; keep one producer_id per process"),
    "LABWIDTH": (WidthConflict, "run {run} has windows of {0} ns, not {width}; use that width, or another run"),
    "LABROLLBACK": (StoreRolledBack, ROLLED_BACK),
}
"""Error code of the function `append` → our error, its message."""


def refusal_of(batch: Append, misuse: LedgerMisuse) -> LedgerError:
    """Return our error for an error reply to an append; *misuse* itself where the table lacks its code."""
    code, *details = misuse.reply.split() or [""]
    if code not in APPEND_ERRORS:
        return misuse
    error, message = APPEND_ERRORS[code]
    return error(message.format(*details, seq=batch.sequence, run=batch.run, width=batch.window_ns))


def full_error(reply: Sequence[bytes]) -> BacklogFull | DeadLetterFull:
    """Return the error for a reply {BUSY or DEAD, held, limit, unit}.

    >>> full_error([b"BUSY", b"1000", b"1000", b"events"])
    BacklogFull('backlog 1,000 of 1,000 events; retry when the workers have caught up')
    """
    outcome, held, limit, unit = reply[0], int(reply[1]), int(reply[2]), reply[3].decode()
    if outcome == b"BUSY":
        return BacklogFull(f"backlog {held:,} of {limit:,} {unit}; retry when the workers have caught up")
    what = f"{held:,} dead letters fill the limit of {limit:,} events"
    if unit == "bytes":
        what = f"dead letters take {held:,} of {limit:,} bytes"
    return DeadLetterFull(f"{what}; see: lab dead list")
