"""Errors of the ledger, one class for each possible reaction of a caller."""

from typing import ClassVar


class LedgerError(Exception):
    """Base of all errors; *reason* is a code for programs, the message is for people."""

    reason: ClassVar[str] = "LEDGER"


class StoreUnreachable(LedgerError):
    """The store did not answer. Whether it acted is unknown; repeat the same call."""

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
    """The store is empty, was replaced, or is behind what it had acknowledged."""

    reason = "STORE_LOST"


class StoreEmpty(StoreLost):
    """The store holds no ledger."""

    reason = "STORE_EMPTY"


class StoreReplaced(StoreLost):
    """The store is another one than at the start."""

    reason = "STORE_REPLACED"


class StoreRolledBack(StoreLost):
    """The store is behind what it had acknowledged."""

    reason = "STORE_ROLLBACK"


class SequenceConflict(LedgerError):
    """The sequence was accepted with another payload."""

    reason = "SEQ_CONFLICT"


class SequenceTooOld(LedgerError):
    """The sequence has left the idempotency window; its outcome is unknown."""

    reason = "SEQ_TOO_OLD"


class TooManyKeys(LedgerError):
    """The run would hold more (source, kind) pairs than allowed."""

    reason = "TOO_MANY_KEYS"


class TooManyProducers(LedgerError):
    """More producers appended within an hour than the store remembers."""

    reason = "TOO_MANY_PRODUCERS"


class WidthConflict(LedgerError):
    """The run has another window width."""

    reason = "WIDTH_CONFLICT"


class BacklogFull(LedgerError):
    """The backlog has reached the limit; wait for the workers."""

    reason = "BACKLOG_FULL"


class DeadLetterFull(LedgerError):
    """Dead letters fill the limit; replay some."""

    reason = "DEAD_LETTER_FULL"


class LedgerMisuse(LedgerError):
    """A call broke the ledger's rules; nothing was written. *reply* is the store's error reply."""

    reason = "LEDGER_MISUSE"

    def __init__(self, message: str, *, reply: str = "") -> None:
        super().__init__(message)
        self.reply = reply
