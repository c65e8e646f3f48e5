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

    from lab.model import Aggregate, LoadRun, StoreView


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


class AggregateFinding(NamedTuple):
    """A cell whose answer differs from the journal.

    Attributes:
        key: Which one.
        journal: What was acknowledged.
        unknown: What may have been accepted without anybody learning of it.
        answer: What query-api says.
    """

    key: Key
    producer_ledger: Sum
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
    missing: tuple[AggregateFinding, ...]
    extra: tuple[AggregateFinding, ...]
    wrong_sums: tuple[AggregateFinding, ...]
    producer_ledger_gap: int


def close_ledger(
    load_run: LoadRun, store: StoreView, *, totals: Sequence[Aggregate], windows: Sequence[Aggregate] = ()
) -> LedgerFindings:
    """Compare what was acknowledged with what is answered.

    Args:
        played: The generator's account and journal.
        store: The store's account.
        totals: Aggregates over the run.
        windows: Aggregates per window; empty where some were pruned, and then the totals alone are compared.
    """
    by_totals = _compare(load_run, totals, with_window=False)
    by_windows = _compare(load_run, windows, with_window=True) if windows else by_totals
    levels = (by_windows, by_totals) if windows else (by_totals,)
    accounted = store.balance.dead + store.balance.backlog
    lost = max(max(0, sum(map(_missing, aggregates)) - accounted) for aggregates in levels)
    return LedgerFindings(
        account=_account(
            load_run, store, lost=lost, double_counted=max(sum(map(_extra, aggregates)) for aggregates in levels)
        ),
        lost_at_most=max(lost, sum(map(_missing_at_most, by_windows)) - accounted),
        missing=tuple(aggregate for aggregate in by_windows if _missing(aggregate)),
        extra=tuple(aggregate for aggregate in by_windows if _extra(aggregate)),
        wrong_sums=tuple(aggregate for aggregates in levels for aggregate in aggregates if _has_wrong_sum(aggregate)),
        producer_ledger_gap=_producer_ledger_gap(load_run),
    )


def _compare(load_run: LoadRun, answer: Iterable[Aggregate], *, with_window: bool) -> list[AggregateFinding]:
    """Every cell that the journal or the answer knows, in order."""
    producer_ledger, unknown, answered = (
        _sums(aggregates, with_window=with_window)
        for aggregates in (load_run.producer_ledger, load_run.producer_ledger_unknown, answer)
    )
    return [
        AggregateFinding(key, producer_ledger.get(key, NOTHING), unknown.get(key, NOTHING), answered.get(key, NOTHING))
        for key in sorted(producer_ledger.keys() | unknown.keys() | answered.keys())
    ]


def _sums(aggregates: Iterable[Aggregate], *, with_window: bool) -> Mapping[Key, Sum]:
    sums: dict[Key, Sum] = {}
    for aggregate in aggregates:
        key = Key(aggregate.window_start_ns if with_window else 0, aggregate.source, aggregate.kind)
        sums[key] = sums.get(key, NOTHING).plus(Sum(aggregate.count, aggregate.sum_micro))
    return sums


def _missing(aggregate: AggregateFinding) -> int:
    return max(0, aggregate.producer_ledger.events - aggregate.answer.events)


def _missing_at_most(aggregate: AggregateFinding) -> int:
    """An unknown batch that was accepted can hide as many lost events."""
    return min(
        aggregate.producer_ledger.events,
        max(0, aggregate.producer_ledger.events + aggregate.unknown.events - aggregate.answer.events),
    )


def _extra(aggregate: AggregateFinding) -> int:
    return max(0, aggregate.answer.events - aggregate.producer_ledger.events - aggregate.unknown.events)


def _has_wrong_sum(aggregate: AggregateFinding) -> bool:
    """Whether none or all of the unknown events are counted, and yet the sum is another."""
    possible = (aggregate.producer_ledger, aggregate.producer_ledger.plus(aggregate.unknown))
    fitting = [expected for expected in possible if expected.events == aggregate.answer.events]
    return bool(fitting) and aggregate.answer not in fitting


def _producer_ledger_gap(load_run: LoadRun) -> int:
    acknowledged = sum(aggregate.count for aggregate in load_run.producer_ledger)
    unknown = sum(aggregate.count for aggregate in load_run.producer_ledger_unknown)
    return abs(acknowledged - load_run.account.acknowledged) + abs(unknown - load_run.account.unknown)


def _account(load_run: LoadRun, store: StoreView, *, lost: int, double_counted: int) -> LedgerAccount:
    account, balance = load_run.account, store.balance
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
        double_counted=double_counted,
    )
