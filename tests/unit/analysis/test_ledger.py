"""Lost and double-counted events, by the producer ledger."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.ledger import LedgerFindings, close_ledger
from lab.model import Account, Aggregate, Balance, LoadRun
from tests.unit.analysis.builders import START_NS, load_run, samples, store, total

AGGREGATES = st.lists(st.integers(0, 30), min_size=4, max_size=4)


def aggregates(counts: list[int]) -> tuple[Aggregate, ...]:
    """Return an aggregate for each count: two windows of two kinds."""
    return tuple(total("pi", "ab"[i % 2], count, window=i // 2) for i, count in enumerate(counts) if count)


def without_windows(windows: tuple[Aggregate, ...]) -> tuple[Aggregate, ...]:
    """Return the totals of those windows."""
    kinds = sorted({aggregate.kind for aggregate in windows})
    return tuple(
        replace(
            total("pi", kind, sum(aggregate.count for aggregate in windows if aggregate.kind == kind)),
            window_start_ns=0,
        )
        for kind in kinds
    )


def report(producer_ledger: tuple[Aggregate, ...], unknown: tuple[Aggregate, ...] = ()) -> LoadRun:
    """Return what a generator with this producer ledger reports."""
    acknowledged, open_ = (sum(aggregate.count for aggregate in part) for part in (producer_ledger, unknown))
    account = Account(
        intended=acknowledged + open_, sent=acknowledged + open_, acknowledged=acknowledged, unknown=open_
    )
    return replace(load_run(samples([1.0]), producer_ledger), account=account, producer_ledger_unknown=unknown)


def close(
    producer_ledger: tuple[Aggregate, ...], answer: tuple[Aggregate, ...], unknown: tuple[Aggregate, ...] = ()
) -> LedgerFindings:
    """Return the ledger of a drained store that answers this, window by window."""
    counted = sum(aggregate.count for aggregate in answer)
    return close_ledger(
        report(producer_ledger, unknown), store(counted), totals=without_windows(answer), windows=answer
    )


@given(AGGREGATES)
def test_equal_answers_close(counts: list[int]) -> None:
    """Nothing is lost, nothing is double-counted, no sum is wrong."""
    ledger = close(aggregates(counts), aggregates(counts))
    assert (ledger.account.lost, ledger.account.double_counted, ledger.lost_at_most) == (0, 0, 0)
    assert not ledger.missing
    assert not ledger.wrong_sums
    assert ledger.producer_ledger_gap == 0


@given(AGGREGATES, AGGREGATES)
def test_lost_and_double_counted_make_up_the_difference(producer_ledger: list[int], answer: list[int]) -> None:
    """By D34; they cannot cancel out between aggregates."""
    ledger = close(aggregates(producer_ledger), aggregates(answer))
    assert ledger.account.lost == sum(max(0, j - a) for j, a in zip(producer_ledger, answer, strict=True))
    assert ledger.account.double_counted == sum(max(0, a - j) for j, a in zip(producer_ledger, answer, strict=True))


@given(AGGREGATES, AGGREGATES, AGGREGATES)
def test_unknown_batches_explain_extra_events_up_to_their_number(
    producer_ledger: list[int], unknown: list[int], answer: list[int]
) -> None:
    """An event that may have been accepted is not double-counted; the events it may hide bound the lost ones."""
    ledger = close(aggregates(producer_ledger), aggregates(answer), aggregates(unknown))
    triples = list(zip(producer_ledger, unknown, answer, strict=True))
    assert ledger.account.double_counted <= sum(max(0, a - j - u) for j, u, a in triples) + sum(unknown)
    assert ledger.account.double_counted >= sum(max(0, a - j - u) for j, u, a in triples)
    assert ledger.account.lost <= ledger.lost_at_most <= ledger.account.lost + sum(unknown)


def test_events_of_one_window_that_are_counted_in_another_are_found() -> None:
    """The totals agree, the windows do not."""
    ledger = close(aggregates([5, 0, 5, 0]), aggregates([4, 0, 6, 0]))
    assert (ledger.account.lost, ledger.account.double_counted) == (1, 1)
    assert ledger.missing[0].key.window_start_ns == START_NS


def test_a_total_that_is_short_is_found_beside_windows_that_are_whole() -> None:
    """Both levels are compared."""
    windows = aggregates([5, 0, 5, 0])
    short = (replace(total("pi", "a", 9), window_start_ns=0),)
    assert close_ledger(report(windows), store(10), totals=short, windows=windows).account.lost == 1


def test_without_windows_the_totals_are_compared() -> None:
    """Pruned windows leave nothing to compare window by window."""
    producer_ledger = aggregates([5, 3, 5, 0])
    ledger = close_ledger(report(producer_ledger), store(13), totals=without_windows(producer_ledger))
    assert (ledger.account.lost, ledger.account.double_counted) == (0, 0)


def test_dead_letters_are_not_lost() -> None:
    """A dead-lettered event is accounted for."""
    view = replace(store(9), balance=Balance(accepted=10, counted=9, dead=1))
    ledger = close_ledger(
        report((total("pi", "a", 10),)), view, totals=(replace(total("pi", "a", 9), window_start_ns=0),)
    )
    assert (ledger.account.lost, ledger.account.dead, ledger.account.residual) == (0, 1, 0)
    assert ledger.missing[0].producer_ledger.events == 10


def test_a_right_count_with_a_wrong_sum_is_a_fault_of_its_own() -> None:
    """Neither lost nor double-counted, and not passed over."""
    producer_ledger = (total("pi", "a", 3, 6_000_001),)
    answer = (replace(total("pi", "a", 3, 6_000_000), window_start_ns=0),)
    ledger = close_ledger(report(producer_ledger), store(3), totals=answer)
    assert (ledger.account.lost, ledger.account.double_counted) == (0, 0)
    assert [aggregate.answer.micro for aggregate in ledger.wrong_sums] == [6_000_000]


def test_a_producer_ledger_without_some_acknowledged_events_is_noticed() -> None:
    """Lost could not be trusted otherwise."""
    producer_ledger = (total("pi", "a", 3),)
    whole = report(producer_ledger)
    torn = replace(whole, account=replace(whole.account, acknowledged=5))
    assert close_ledger(torn, store(3), totals=producer_ledger).producer_ledger_gap == 2


def test_the_account_shows_every_word() -> None:
    """From the generator and from the store."""
    account = close(aggregates([5, 0, 5, 0]), aggregates([5, 0, 5, 0])).account
    assert (account.intended, account.sent, account.acknowledged, account.accepted, account.counted) == (10,) * 5
