"""Tries seeded schedules of faults on several stacks at a time, and says what must hold after each of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import Queue
from typing import TypeVar

from lab.analysis.judge import Judgement
from lab.model import Evidence

Place = TypeVar("Place")
Outcome = TypeVar("Outcome")


@contextmanager
def trying(
    seeds: Iterable[int], places: Sequence[Place], try_seed: Callable[[int, Place], Outcome]
) -> Iterator[Mapping[int, Future[Outcome]]]:
    """Try every seed in the background, each on a place that no other seed uses meanwhile; yield seed → outcome."""
    free = Queue[Place]()
    for place in places:
        free.put(place)

    def try_on_a_free_place(seed: int) -> Outcome:
        place = free.get()
        try:
            return try_seed(seed, place)
        finally:
            free.put(place)

    with ThreadPoolExecutor(len(places)) as pool:
        yield {seed: pool.submit(try_on_a_free_place, seed) for seed in seeds}
        pool.shutdown(cancel_futures=True)


def assert_exact(evidence: Evidence, judgement: Judgement) -> None:
    """Assert that nothing is lost or double-counted, every sum is right, and every missing metric has a reason."""
    ledger = judgement.ledger
    assert (ledger.lost, ledger.double_counted, ledger.residual, ledger.backlog, ledger.dead) == (0, 0, 0, 0, 0), ledger
    assert evidence.store.audited_backlog == 0
    assert ledger.acknowledged <= ledger.counted <= ledger.acknowledged + ledger.unknown
    wrong = {"ledger-open", "journal-gap", "sums-differ", "store-lost", "telemetry-disagrees", "unsettled"}
    assert not wrong & {reason.code for reason in judgement.validity.reasons}, judgement.validity
