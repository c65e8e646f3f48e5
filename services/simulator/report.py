"""What a play has to say: progress while it lasts, then samples, journal, result."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.cells import LIMB, Cell
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.histogram import SUBDIVISIONS, Histogram
from services.simulator.journal import JournalKey, pages
from services.simulator.player import NANOS, Player

SAMPLE_ROWS: Final = 10_000
JOURNAL_ROWS: Final = 2_000


def progress(player: Player, elapsed_ns: int) -> pb.Progress:
    """How far a play is; rates over the last second."""
    account, recent_ns = player.account, max(0, elapsed_ns - NANOS)
    over_s = max(elapsed_ns - recent_ns, 1) / NANOS
    acknowledged_ns = np.where(account.outcome == pb.OUTCOME_ACKNOWLEDGED, account.completed_ns, -1)
    p50, p99 = _quantiles_ms(account.recent_latency_ms())
    return pb.Progress(
        elapsed_seconds=max(elapsed_ns, 0) / NANOS,
        account=account.totals(intended=account.events_between(account.intended_ns, -1, elapsed_ns)),
        offered_rate=account.events_between(account.intended_ns, recent_ns, elapsed_ns) / over_s,
        acknowledged_rate=account.events_between(acknowledged_ns, recent_ns, elapsed_ns) / over_s,
        in_flight=player.in_flight,
        p50_ms=p50,
        p99_ms=p99,
    )


def closing(player: Player, *, stopped: bool) -> Iterator[pb.PlayResponse]:
    """Everything that is told at the end."""
    for samples in _samples(player):
        yield pb.PlayResponse(samples=samples)
    for journal, unknown in ((player.acknowledged, False), (player.unknown, True)):
        for page in pages(list(journal.cells()), rows=JOURNAL_ROWS):
            cells = [_cell(key, cell) for key, cell in page]
            yield pb.PlayResponse(journal=pb.JournalPage(cells=cells, unknown=unknown))
    yield pb.PlayResponse(result=_result(player, stopped=stopped))


def _samples(player: Player) -> Iterator[pb.Samples]:
    account = player.account
    sent = np.flatnonzero(account.was_sent)
    for first in range(0, len(sent), SAMPLE_ROWS):
        rows = sent[first : first + SAMPLE_ROWS]
        yield pb.Samples(
            started_unix_nano=player.started_unix_ns,
            intended_nanos=account.intended_ns[rows].tolist(),
            sent_nanos=account.sent_ns[rows].tolist(),
            completed_nanos=account.completed_ns[rows].tolist(),
            events=account.events[rows].tolist(),
            outcome=account.outcome[rows].tolist(),
        )


def _result(player: Player, *, stopped: bool) -> pb.Result:
    account, source = player.account, player.source
    sent = account.was_sent
    done = account.outcome == pb.OUTCOME_ACKNOWLEDGED
    intended = int(account.events[sent].sum()) if stopped else int(account.events.sum())
    ended_ns = int(account.completed_ns[sent].max(initial=0))
    return pb.Result(
        account=account.totals(intended=intended),
        started_unix_nano=player.started_unix_ns,
        ended_unix_nano=player.started_unix_ns + ended_ns,
        latency=_histogram(account.completed_ns[done] - account.intended_ns[done]),
        service_time=_histogram(account.completed_ns[done] - account.sent_ns[done]),
        schedule_delay=_histogram(account.sent_ns[sent] - account.intended_ns[sent]),
        window_nanos=player.order.window_ns,
        skipped_rows=source.skipped_rows,
        skipped=[pb.SkippedRow(line=row.line, reason=row.reason) for row in source.skipped],
        stopped=stopped,
        notes=source.notes,
        producer_id=player.producer.hex(),
    )


def _histogram(nanos: NDArray[np.int64]) -> pb.Histogram:
    found = Histogram.of(nanos / NANOS)
    return pb.Histogram(
        subdivisions=SUBDIVISIONS,
        bucket=found.bucket.tolist(),
        count=found.count.tolist(),
        minimum_seconds=found.minimum_s,
        maximum_seconds=found.maximum_s,
        sum_seconds=found.sum_s,
    )


def _cell(key: JournalKey, cell: Cell) -> pb.JournalCell:
    high, low = divmod(cell.sum_micro, LIMB)
    number, source, kind = key
    return pb.JournalCell(
        window=number,
        source=source,
        kind=kind,
        count=cell.count,
        sum_high=high,
        sum_low=low,
        minimum=cell.minimum,
        maximum=cell.maximum,
    )


def _quantiles_ms(latency_ms: NDArray[np.float64]) -> tuple[float, float]:
    if not len(latency_ms):
        return 0.0, 0.0
    p50, p99 = np.quantile(latency_ms, (0.5, 0.99))
    return float(p50), float(p99)
