"""The account of every event of a run, closed against the producer ledger (`ARCHITECTURE.md` D34).

The load generator writes down the acknowledged events, aggregate by aggregate: this is the producer ledger. The answer
of query-api is what was counted. An acknowledged event that is neither counted nor dead nor in the backlog is lost. An
event that is counted beyond the acknowledged ones, and beyond those that an unknown batch could have brought, is
double-counted. No rule inside the store can see either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lab.analysis.estimate import Estimate
from lab.model import LedgerAccount

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lab.model import Aggregate, LoadRun, StoreView


class Key(NamedTuple):
    """Names an aggregate; `window_start_ns` is 0 in totals."""

    window_start_ns: int
    source: str
    kind: str


class Sum(NamedTuple):
    """How many events, and the exact sum of their values in micro-units."""

    events: int
    micro: int

    def plus(self, addend: Sum) -> Sum:
        """Return both together."""
        return Sum(self.events + addend.events, self.micro + addend.micro)


NOTHING = Sum(0, 0)
NO_PRODUCER_LEDGER = Estimate(None, note="the generator left no producer ledger")
NOTHING_ACKNOWLEDGED = Estimate(None, note="no event was acknowledged")


class AggregateFinding(NamedTuple):
    """One aggregate as the producer ledger has it, and as query-api answered it.

    Attributes:
        key: Its name.
        producer_ledger: Acknowledged events.
        unknown: Events whose outcome the generator never learnt; the store may have accepted them.
        answer: Counted events.
    """

    key: Key
    producer_ledger: Sum
    unknown: Sum
    answer: Sum


@dataclass(frozen=True, slots=True)
class LedgerFindings:
    """The account, and the differences behind it.

    Attributes:
        account: The account as it is shown.
        lost_at_most: `account.lost`, had every unknown batch been accepted.
        double_counted_at_most: `account.double_counted`, had no unknown batch been accepted.
        missing: Aggregates with fewer events than were acknowledged; dead and backlogged events are among them.
        wrong_sums: Aggregates with the right count and a wrong exact sum.
        producer_ledger_gap: Events by which the producer ledger differs from the generator's own account; anything but
            0 is a fault of the generator.
        has_producer_ledger: Whether the generator left a producer ledger; lost and double-counted mean nothing without.
    """

    account: LedgerAccount
    lost_at_most: int
    double_counted_at_most: int
    missing: tuple[AggregateFinding, ...]
    wrong_sums: tuple[AggregateFinding, ...]
    producer_ledger_gap: int
    has_producer_ledger: bool


def close_ledger(
    load_run: LoadRun, store: StoreView, *, totals: Sequence[Aggregate], windows: Sequence[Aggregate] = ()
) -> LedgerFindings:
    """Compare what was acknowledged with what was counted.

    Args:
        load_run: The generator's account and producer ledger.
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
        double_counted_at_most=max(sum(map(_extra_at_most, aggregates)) for aggregates in levels),
        missing=tuple(aggregate for aggregate in by_windows if _missing(aggregate)),
        wrong_sums=tuple(aggregate for aggregates in levels for aggregate in aggregates if _has_wrong_sum(aggregate)),
        producer_ledger_gap=_producer_ledger_gap(load_run),
        has_producer_ledger=bool(load_run.producer_ledger),
    )


def events_lost(ledger: LedgerFindings) -> Estimate:
    """Return how many events were lost, and how many could have been.

    An unknown event may have been accepted, and then hides an event that was lost. An event in the backlog may still be
    counted.
    """
    account, at_most = ledger.account, ledger.lost_at_most
    if not ledger.has_producer_ledger:
        return NO_PRODUCER_LEDGER if account.acknowledged else NOTHING_ACKNOWLEDGED
    note = f"of {account.acknowledged:,} acknowledged"
    if account.backlog:
        at_most = max(at_most, account.lost + account.backlog)
        note += f"; {account.backlog:,} are still in the backlog"
    if at_most == account.lost:
        return Estimate(account.lost, note=note)
    if account.unknown:
        note += f"; at most {at_most:,}, had all {account.unknown:,} unknown events been accepted"
    return Estimate(account.lost, account.lost, at_most, note)


def events_double_counted(ledger: LedgerFindings) -> Estimate:
    """Return how many events were counted twice, and how many could have been, had no unknown event been accepted."""
    account, at_most = ledger.account, ledger.double_counted_at_most
    if not ledger.has_producer_ledger:
        return NO_PRODUCER_LEDGER if account.acknowledged else NOTHING_ACKNOWLEDGED
    note = f"of {account.counted:,} counted"
    if at_most == account.double_counted:
        return Estimate(account.double_counted, note=note)
    note += f"; at most {at_most:,}, had none of {account.unknown:,} unknown events been accepted"
    return Estimate(account.double_counted, account.double_counted, at_most, note)


def events_refused(load_run: LoadRun) -> Estimate:
    """Return the share of the intended events that were refused for good, in percent; the note names the reasons."""
    account = load_run.account
    if not account.intended:
        return Estimate(None, note="no event was intended")
    reasons = (f"{refusal.events:,} {refusal.reason}" for refusal in load_run.refusals)
    note = "; ".join((f"{account.refused:,} of {account.intended:,}", *reasons))
    return Estimate(100 * account.refused / account.intended, note=note, samples=account.intended)


def _compare(load_run: LoadRun, answer: Iterable[Aggregate], *, with_window: bool) -> list[AggregateFinding]:
    """Return every aggregate that the producer ledger or the answer has, in order."""
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
    """Return the missing events, had the unknown ones been accepted: those can hide as many."""
    return min(
        aggregate.producer_ledger.events,
        max(0, aggregate.producer_ledger.events + aggregate.unknown.events - aggregate.answer.events),
    )


def _extra(aggregate: AggregateFinding) -> int:
    return max(0, aggregate.answer.events - aggregate.producer_ledger.events - aggregate.unknown.events)


def _extra_at_most(aggregate: AggregateFinding) -> int:
    """Return the events that were counted in excess, had none of the unknown ones been accepted."""
    return max(0, aggregate.answer.events - aggregate.producer_ledger.events)


def _has_wrong_sum(aggregate: AggregateFinding) -> bool:
    """Return whether the count fits none or all of the unknown events, and the sum does not."""
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
