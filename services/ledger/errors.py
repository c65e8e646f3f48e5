"""What can go wrong with the ledger, by what a caller can do about it."""

from typing import ClassVar


class LedgerError(Exception):
    """Base of all; *reason* is the machine-readable word, the message is for people."""

    reason: ClassVar[str] = "LEDGER"


class StoreUnreachable(LedgerError):
    """The store did not answer. Whether it acted is unknown: repeat the same call."""

    reason = "STORE_UNREACHABLE"


class StoreLoading(LedgerError):
    """The store is reading its data from disk; try again soon."""

    reason = "STORE_LOADING"


class StoreFull(LedgerError):
    """The store's memory limit is reached; nothing was written."""

    reason = "STORE_FULL"


class StoreDenied(LedgerError):
    """The store refuses this user or this command."""

    reason = "STORE_DENIED"


class StoreLost(LedgerError):
    """The store is not the one it was: empty, replaced, or behind what it had confirmed."""

    reason = "STORE_LOST"


class StoreEmpty(StoreLost):
    """The store holds no ledger (any more)."""

    reason = "STORE_EMPTY"


class StoreReplaced(StoreLost):
    """Another store answers than at the start."""

    reason = "STORE_REPLACED"


class StoreRolledBack(StoreLost):
    """The store is behind what it had confirmed before."""

    reason = "STORE_ROLLBACK"


class SequenceConflict(LedgerError):
    """This sequence was accepted with another payload."""

    reason = "SEQ_CONFLICT"


class SequenceTooOld(LedgerError):
    """This sequence has left the idempotency window; its outcome is unknown."""

    reason = "SEQ_TOO_OLD"


class TooManyKeys(LedgerError):
    """The run would hold more (source, kind) pairs than it may."""

    reason = "TOO_MANY_KEYS"


class TooManyProducers(LedgerError):
    """More producers are live than the store keeps idempotency windows for."""

    reason = "TOO_MANY_PRODUCERS"


class WidthConflict(LedgerError):
    """The run has another window width."""

    reason = "WIDTH_CONFLICT"


class BacklogFull(LedgerError):
    """Accepted and unsettled events have reached the limit; wait for the workers."""

    reason = "BACKLOG_FULL"


class DeadLetterFull(LedgerError):
    """Dead letters fill the limit; replay or drop some."""

    reason = "DEAD_LETTER_FULL"


class AggregateOutOfRange(LedgerError):
    """A sum would leave the range that stays exact; nothing was written."""

    reason = "CELL_RANGE"


class LedgerMisuse(LedgerError):
    """A call broke the ledger's own rules; nothing was written. *reply* is what the store said."""

    reason = "LEDGER_MISUSE"

    def __init__(self, message: str, *, reply: str = "") -> None:
        super().__init__(message)
        self.reply = reply
