"""The account of every event of a run, closed against the producer's journal (`ARCHITECTURE.md` D34).

The journal says what was acknowledged, cell by cell; the answer says what was counted. An acknowledged event that is
neither counted nor dead nor in the backlog is lost; an event that is counted beyond what was acknowledged, and beyond
what an unknown batch could have brought, was counted twice. No law inside the store can see either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lab.model import LedgerAccount

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lab.model import Played, StoreView, Total


class Key(NamedTuple):
    """Names a cell; `window_start_ns` is 0 in totals."""

    window_start_ns: int
    source: str
    kind: str


class Sum(NamedTuple):
    """How many events, and the exact sum of their values in micro-units."""

    events: int
    micro: int

    def plus(self, other: Sum) -> Sum:
        """Both together."""
        return Sum(self.events + other.events, self.micro + other.micro)


NOTHING = Sum(0, 0)


class CellFinding(NamedTuple):
    """A cell whose answer differs from the journal.

    Attributes:
        key: Which one.
        journal: What was acknowledged.
        unknown: What may have been accepted without anybody learning of it.
        answer: What query-api says.
    """

    key: Key
    journal: Sum
    unknown: Sum
    answer: Sum


@dataclass(frozen=True, slots=True)
class LedgerFindings:
    """The account, and what stands behind it.

    Attributes:
        account: As it is shown.
        lost_at_most: `account.lost`, had every unknown batch been accepted.
        missing: Cells with fewer events than were acknowledged; dead and backlogged events are among them.
        extra: Cells with more events than acknowledged and unknown batches together.
        wrong_sums: Cells with the right count and a wrong exact sum.
        journal_gap: Events by which the journal differs from the generator's own account; anything but 0 is a fault of
            the generator.
    """

    account: LedgerAccount
    lost_at_most: int
    missing: tuple[CellFinding, ...]
    extra: tuple[CellFinding, ...]
    wrong_sums: tuple[CellFinding, ...]
    journal_gap: int


def close_ledger(
    played: Played, store: StoreView, *, totals: Sequence[Total], windows: Sequence[Total] = ()
) -> LedgerFindings:
    """Compare what was acknowledged with what is answered.

    Args:
        played: The generator's account and journal.
        store: The store's account.
        totals: Aggregates over the run.
        windows: Aggregates per window; empty where some were pruned, and then the totals alone are compared.
    """
    by_totals = _compare(played, totals, with_window=False)
    by_windows = _compare(played, windows, with_window=True) if windows else by_totals
    levels = (by_windows, by_totals) if windows else (by_totals,)
    accounted = store.balance.dead + store.balance.backlog
    lost = max(max(0, sum(map(_missing, cells)) - accounted) for cells in levels)
    return LedgerFindings(
        account=_account(played, store, lost=lost, twice=max(sum(map(_extra, cells)) for cells in levels)),
        lost_at_most=max(lost, sum(map(_missing_at_most, by_windows)) - accounted),
        missing=tuple(cell for cell in by_windows if _missing(cell)),
        extra=tuple(cell for cell in by_windows if _extra(cell)),
        wrong_sums=tuple(cell for cells in levels for cell in cells if _has_wrong_sum(cell)),
        journal_gap=_journal_gap(played),
    )


def _compare(played: Played, answer: Iterable[Total], *, with_window: bool) -> list[CellFinding]:
    """Every cell that the journal or the answer knows, in order."""
    journal, unknown, answered = (
        _sums(cells, with_window=with_window) for cells in (played.journal, played.journal_unknown, answer)
    )
    return [
        CellFinding(key, journal.get(key, NOTHING), unknown.get(key, NOTHING), answered.get(key, NOTHING))
        for key in sorted(journal.keys() | unknown.keys() | answered.keys())
    ]


def _sums(cells: Iterable[Total], *, with_window: bool) -> Mapping[Key, Sum]:
    sums: dict[Key, Sum] = {}
    for cell in cells:
        key = Key(cell.window_start_ns if with_window else 0, cell.source, cell.kind)
        sums[key] = sums.get(key, NOTHING).plus(Sum(cell.count, cell.sum_micro))
    return sums


def _missing(cell: CellFinding) -> int:
    return max(0, cell.journal.events - cell.answer.events)


def _missing_at_most(cell: CellFinding) -> int:
    """An unknown batch that was accepted can hide as many lost events."""
    return min(cell.journal.events, max(0, cell.journal.events + cell.unknown.events - cell.answer.events))


def _extra(cell: CellFinding) -> int:
    return max(0, cell.answer.events - cell.journal.events - cell.unknown.events)


def _has_wrong_sum(cell: CellFinding) -> bool:
    """Whether none or all of the unknown events are counted, and yet the sum is another."""
    possible = (cell.journal, cell.journal.plus(cell.unknown))
    fitting = [expected for expected in possible if expected.events == cell.answer.events]
    return bool(fitting) and cell.answer not in fitting


def _journal_gap(played: Played) -> int:
    acknowledged = sum(cell.count for cell in played.journal)
    unknown = sum(cell.count for cell in played.journal_unknown)
    return abs(acknowledged - played.account.acknowledged) + abs(unknown - played.account.unknown)


def _account(played: Played, store: StoreView, *, lost: int, twice: int) -> LedgerAccount:
    account, balance = played.account, store.balance
    return LedgerAccount(
        intended=account.intended,
        sent=account.sent,
        acknowledged=account.acknowledged,
        unknown=account.unknown,
        refused=account.refused,
        accepted=balance.accepted,
        duplicates=balance.duplicates,
        counted=balance.counted,
        dead=balance.dead,
        backlog=balance.backlog,
        residual=balance.residual,
        lost=lost,
        twice=twice,
    )
