"""The ledger on Redis or Valkey: every step is one call of the store, most of them of a function in `functions/`.

Any process may be killed between any two steps, and no event is lost or counted twice:

* A producer that has no answer sends the batch again. The ring of its producer tells whether the batch was added
  (`functions/append.lua`).
* A worker that dies holds entries that are pending. Its next life under the same name, or another worker, reads them
  again. A commit counts an entry in the step that takes it off the pending list (`functions/commit.lua`).
* The store replays its append-only file, in which a step is there whole or not at all. A store that lost the end of
  the file is behind what it had acknowledged. Who notices marks the store, so that nobody appends to it any more, not
  even a process that started since.
"""

from typing import Final

from services.ledger.append_refusals import FORGOTTEN, FULL, ROLLED_BACK, full_error, refusal_of
from services.ledger.connection import StoreSettings
from services.ledger.delivery import Delivery
from services.ledger.errors import LedgerMisuse, StoreRolledBack
from services.ledger.known_names import KnownNames, UnsentNames
from services.ledger.records import Append, Appended, Audit, Balance, Changes, Commit, Committed, DeadLetter
from services.ledger.waiting import wait_for_store
from services.ledger.wire import (
    AppendReply,
    AuditReply,
    ChangesReply,
    Reply,
    audit_of,
    changes_of,
    commit_arguments,
    committed_of,
    dead_letter_of,
    digest_of,
)

CHANGES_PAGE_AGGREGATES: Final = 20_000
AUDIT_SLICES: Final = 100_000
"""Calls of one audit, each over up to 1,000 entries. Only a stream that grows faster than it is read needs as many."""
BACKLOG_EVENTS: Final = 1_000_000
BACKLOG_BYTES: Final = 128 << 20


def open_ledger(
    settings: StoreSettings,
    consumer: str,
    *,
    backlog_limit: int = BACKLOG_EVENTS,
    backlog_bytes: int = BACKLOG_BYTES,
    wait_s: float = 0.0,
) -> "RedisLedger":
    """Return the ledger of a bootstrapped store.

    Args:
        settings: Where the store is.
        consumer: Name of this process in the consumer group. No two processes have it at a time.
        backlog_limit: Events that may be accepted and not counted, dead letters included.
        backlog_bytes: Bytes that their entries may take in the store.
        wait_s: Seconds to wait for a store that is starting or loading its data.

    Raises:
        StoreEmpty: The store was never bootstrapped.
        LedgerError: The store cannot be reached, or denies access.
    """
    ledger = RedisLedger(settings, consumer, backlog_limit=backlog_limit, backlog_bytes=backlog_bytes)
    wait_for_store(ledger.connect, seconds=wait_s)
    return ledger


class RedisLedger(Delivery):
    """The account of every event. Safe to use from several threads.

    Every change is one atomic step of the store. Every method raises the errors of `services.ledger.errors`.
    Delivery to workers is at least once; the checks of `commit` make the effect exactly once.
    """

    def __init__(
        self,
        settings: StoreSettings,
        consumer: str,
        *,
        backlog_limit: int = BACKLOG_EVENTS,
        backlog_bytes: int = BACKLOG_BYTES,
    ) -> None:
        super().__init__(settings, consumer)
        self._limits = (backlog_limit, backlog_bytes)
        self._seen_accepted = 0
        self._known = KnownNames()

    # ------------------------------------------------------------------------------------------------ producer side

    def append(self, batch: Append) -> Appended:
        """Add a batch once.

        Raises:
            BacklogFull: Too many events, or too many bytes, wait to be counted.
            DeadLetterFull: Dead letters fill the limit.
            SequenceConflict: The sequence was accepted with another payload, in another run or with another width.
            SequenceTooOld: The sequence left the idempotency window.
            TooManyKeys: The run would hold too many (source, kind) pairs.
            TooManyProducers: Too many producers appended within an hour.
            WidthConflict: The run has another window width.
            LedgerError: The store is full, away, or not the store of the start.
        """
        unsent = self._known.unsent(batch.run, batch.names)
        reply = self._try_append(batch, unsent)
        if reply[0] == FORGOTTEN:
            # Nothing was written. The run begins anew, and needs all names of the batch.
            unsent = UnsentNames(list(dict.fromkeys(batch.names)))
            reply = self._try_append(batch, unsent)
        if reply[0] in FULL:
            raise full_error(reply)
        appended = AppendReply(*reply)
        if appended.born:
            self._known.add(batch.run, unsent.names, born=appended.born)
        self._seen_accepted = max(self._seen_accepted, int(appended.accepted))
        return Appended(appended.outcome == b"DUP", appended.entry_id.decode(), int(appended.accepted))

    def _try_append(self, batch: Append, unsent: UnsentNames) -> Reply:
        """Send a batch with names that the store may not hold. Raises the errors of `append` for a reply of refusal."""
        try:
            return self._call(
                "append", self._epoch, batch.producer.hex(), batch.sequence, digest_of(batch), batch.events, batch.run,
                batch.window_ns, *self._limits, self._seen_accepted, unsent.born, batch.traceparent, batch.payload,
                *unsent.names,
            )  # fmt: skip
        except LedgerMisuse as error:
            raise refusal_of(batch, error) from error.__cause__

    # -------------------------------------------------------------------------------------------------- worker side

    def commit(self, commit: Commit) -> Committed:
        """Remove entries from the stream and add their events to the aggregates.

        Where an entry is stale, or a sum would leave the exact range, nothing happens, and the outcome says which.
        """
        reply = self._call("commit", self._epoch, commit.run, self._consumer, *commit_arguments(commit))
        return committed_of(reply)

    def dead_letter(self, entry_id: str, reason: str) -> int:
        """Make a whole entry a dead letter. Return the number of its events; 0 where the entry was committed before."""
        return int(self._call("dead_letter", self._epoch, entry_id, reason))

    def requeue(self, dead_id: str) -> int:
        """Put a dead letter back into the stream. Return the number of its events; 0 where the letter is gone."""
        return int(self._call("requeue", self._epoch, dead_id))

    def prune(self, run: str, *, keep_windows: int) -> int:
        """Remove a run's oldest windows beyond *keep_windows*, at most 500. Return their number. The totals stay."""
        return int(self._call("prune", self._epoch, run, keep_windows))

    def forget_runs(self, *, keep_runs: int) -> bool:
        """Forget old runs, some of them in each call. Return False where there are none to forget.

        The *keep_runs* runs that were used last are kept. So is a run that was used within two hours, or that holds
        events that are not counted.
        """
        return bool(self._call("forget_runs", self._epoch, keep_runs))

    # --------------------------------------------------------------------------------------------------- query side

    def changes(self, run: str, *, since: int) -> Changes:
        """Return the changes of a run after version *since*. An empty *run* gives the store's balance alone.

        Raises:
            StoreRolledBack: The store has accepted fewer events than it had before.
        """
        seen = self._seen_accepted
        reply = ChangesReply(*self._call("changes", run, since, CHANGES_PAGE_AGGREGATES, read_only=True))
        if reply.epoch == self._epoch:
            self._check_accepted(int(reply.accepted), seen=seen)
        return changes_of(reply)

    def _check_accepted(self, accepted: int, *, seen: int) -> None:
        """Raise StoreRolledBack where the store has accepted fewer events than before, and mark the store.

        Args:
            accepted: Events that the store has accepted, as it says now.
            seen: The most that it was known to have accepted before this call.
        """
        if accepted < seen:
            self._call("mark_loss", self._epoch, seen)
            raise StoreRolledBack(ROLLED_BACK.format(accepted, seen))
        self._seen_accepted = max(self._seen_accepted, accepted)

    def balance(self) -> Balance:
        """Return the account of the whole store."""
        return self.changes("", since=0).balance

    def dead_letters(self, *, after: str = "", count: int = 100) -> list[DeadLetter]:
        """Return the dead letters that follow the id *after*, the oldest first."""
        reply = self._call("dead_letters", after, count, read_only=True)
        return [dead_letter_of(dead_id, fields) for dead_id, fields in reply]

    def audit(self) -> Audit:
        """Return the account, and the backlog recomputed from the stream.

        The stream is read in slices, so that no other call waits for long. The figures are those of one moment, the
        last slice, whatever is appended and committed between the slices.
        """
        for number in range(AUDIT_SLICES):
            reply = self._call("audit", self._epoch, int(number == 0))
            if reply:
                return audit_of(AuditReply(*reply))
        raise LedgerMisuse(f"redis {self._where}: an audit of {AUDIT_SLICES:,} slices did not reach the stream's end")
