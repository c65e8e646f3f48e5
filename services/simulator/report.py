"""Reports a load run: progress while it lasts; samples, producer ledger and result at its end."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.aggregates import Aggregate, split_sum
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.limits import NANOS
from services.simulator.generator import LoadGenerator
from services.simulator.producer_ledger import ProducerKey, pages

SAMPLE_ROWS: Final = 10_000
PRODUCER_LEDGER_ROWS: Final = 2_000


def progress(generator: LoadGenerator, elapsed_ns: int) -> pb.Progress:
    """Return the progress of a load run, with rates over the last second."""
    account, recent_ns = generator.account, max(0, elapsed_ns - NANOS)
    over_s = max(elapsed_ns - recent_ns, 1) / NANOS
    acknowledged_ns = np.where(account.outcome == pb.OUTCOME_ACKNOWLEDGED, account.completed_ns, -1)
    p50, p99 = _quantiles_ms(account.recent_latency_ms())
    return pb.Progress(
        elapsed_seconds=max(elapsed_ns, 0) / NANOS,
        account=account.totals(intended=account.events_between(account.intended_ns, -1, elapsed_ns)),
        offered_rate=account.events_between(account.intended_ns, recent_ns, elapsed_ns) / over_s,
        acknowledged_rate=account.events_between(acknowledged_ns, recent_ns, elapsed_ns) / over_s,
        in_flight=generator.in_flight,
        p50_ms=p50,
        p99_ms=p99,
    )


def results(generator: LoadGenerator) -> Iterator[pb.RunLoadResponse]:
    """Yield the parts of the report of a load run that is over, the result last."""
    for samples in _samples(generator):
        yield pb.RunLoadResponse(samples=samples)
    for producer_ledger, unknown in ((generator.acknowledged, False), (generator.unknown, True)):
        for page in pages(list(producer_ledger.aggregates()), rows=PRODUCER_LEDGER_ROWS):
            aggregates = [_aggregate(key, aggregate) for key, aggregate in page]
            yield pb.RunLoadResponse(producer_ledger=pb.ProducerLedgerPage(aggregates=aggregates, unknown=unknown))
    yield pb.RunLoadResponse(result=_result(generator))


def _samples(generator: LoadGenerator) -> Iterator[pb.Samples]:
    account = generator.account
    sent = np.flatnonzero(account.was_sent)
    for first in range(0, len(sent), SAMPLE_ROWS):
        rows = sent[first : first + SAMPLE_ROWS]
        yield pb.Samples(
            started_unix_nano=generator.started_unix_ns,
            intended_nanos=account.intended_ns[rows].tolist(),
            sent_nanos=account.sent_ns[rows].tolist(),
            completed_nanos=account.completed_ns[rows].tolist(),
            events=account.events[rows].tolist(),
            outcome=account.outcome[rows].tolist(),
            blocked_nanos=account.blocked_ns[rows].tolist(),
            starved_nanos=account.starved_ns[rows].tolist(),
        )


def _result(generator: LoadGenerator) -> pb.Result:
    account, source = generator.account, generator.source
    sent = account.was_sent
    # A load run that ended early intended only the batches it sent.
    stopped = not bool(sent.all())
    intended = int(account.events[sent].sum())
    ended_ns = int(account.completed_ns[sent].max(initial=0))
    return pb.Result(
        account=account.totals(intended=intended),
        started_unix_nano=generator.started_unix_ns,
        ended_unix_nano=generator.started_unix_ns + ended_ns,
        window_nanos=generator.request.window_ns,
        skipped_rows=source.skipped_rows,
        skipped=[pb.SkippedRow(line=row.line, reason=row.reason) for row in source.skipped],
        stopped=stopped,
        notes=source.notes,
        clock_step_nanos=generator.clock_step_ns,
        refusals=[
            pb.Refusal(reason=reason, events=refusal.events, message=refusal.message)
            for reason, refusal in account.refusals
        ],
    )


def _aggregate(key: ProducerKey, aggregate: Aggregate) -> pb.ProducerAggregate:
    high, low = split_sum(aggregate.sum_micro)
    number, source, kind = key
    return pb.ProducerAggregate(
        window=number,
        source=source,
        kind=kind,
        count=aggregate.count,
        sum_high=high,
        sum_low=low,
        minimum=aggregate.minimum,
        maximum=aggregate.maximum,
    )


def _quantiles_ms(latency_ms: NDArray[np.float64]) -> tuple[float, float]:
    if not len(latency_ms):
        return 0.0, 0.0
    p50, p99 = np.quantile(latency_ms, (0.5, 0.99))
    return float(p50), float(p99)
