"""Translates load orders into messages of the simulator, and its messages into the lab's values."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from lab.load.port import Progress
from lab.model import (
    NANOS,
    Account,
    Aggregate,
    Burst,
    Constant,
    Host,
    LoadRun,
    Poisson,
    Ramp,
    Refusal,
    Replay,
    Samples,
    SkippedRow,
    Step,
    Synthetic,
    Trace,
    Window,
)
from lab.rpc.aggregates import aggregate_of
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from lab.load.port import LoadOrder
    from lab.model import Shape, Source

Kind = TypeVar("Kind", bound=np.generic)


def run_load_request(order: LoadOrder, *, ingest_address: str) -> pb.RunLoadRequest:
    """Return the request for a load order."""
    request = pb.RunLoadRequest(
        run=order.run,
        window_nanos=order.window_ns,
        window_fits_file=order.window_ns == 0 and isinstance(order.load.source, Replay),
        profile=pb.Profile(duration_seconds=order.duration_s, batch_events=order.load.batch_events),
        deadline_ms=order.deadline_ms,
        ingest_address=ingest_address,
    )
    if order.load.shape is not None:
        _add_shape(request.profile, order.load.shape)
    _add_source(request, order.load.source)
    return request


def progress_of(message: pb.Progress) -> Progress:
    """Return the state of a load run."""
    return Progress(
        elapsed_s=message.elapsed_seconds,
        account=account_of(message.account),
        offered_rate=message.offered_rate,
        acknowledged_rate=message.acknowledged_rate,
        in_flight=message.in_flight,
        p50_ms=message.p50_ms,
        p99_ms=message.p99_ms,
    )


def account_of(message: pb.Account) -> Account:
    """Return the number of events by outcome."""
    return Account(
        message.intended,
        message.sent,
        message.acknowledged,
        message.unknown,
        message.refused,
        message.duplicates,
        message.attempts,
    )


class Report:
    """Assembles the report of a load run from its parts."""

    def __init__(self) -> None:
        self.result: pb.Result | None = None
        self._samples: list[pb.Samples] = []
        self._producer_ledger: list[pb.ProducerLedgerPage] = []

    def take(self, part: pb.RunLoadResponse) -> Progress | str | None:
        """Keep a part of the report; return what is shown at once: a progress, or what was understood of a file."""
        match part.WhichOneof("part"):
            case "file":
                return part.file
            case "progress":
                return progress_of(part.progress)
            case "samples":
                self._samples.append(part.samples)
            case "producer_ledger":
                self._producer_ledger.append(part.producer_ledger)
            case "result":
                self.result = part.result
        return None

    def load_run(self, result: pb.Result) -> LoadRun:
        """Return the whole report; *result* is its last part."""
        width_ns = result.window_nanos or NANOS
        return LoadRun(
            account=account_of(result.account),
            window=Window(result.started_unix_nano, result.ended_unix_nano),
            samples=samples_of(self._samples, started_ns=result.started_unix_nano),
            producer_ledger=_aggregates((page for page in self._producer_ledger if not page.unknown), width_ns),
            producer_ledger_unknown=_aggregates((page for page in self._producer_ledger if page.unknown), width_ns),
            window_ns=width_ns,
            skipped_rows=result.skipped_rows,
            skipped=tuple(SkippedRow(row.line, row.reason) for row in result.skipped),
            notes=tuple(result.notes),
            stopped=result.stopped,
            clock_step_ns=result.clock_step_nanos,
            refusals=tuple(Refusal(refusal.reason, refusal.events, refusal.message) for refusal in result.refusals),
        )


def samples_of(parts: Sequence[pb.Samples], *, started_ns: int) -> Samples:
    """Return the samples of all parts as one table, in the order of their intended time."""
    started = parts[0].started_unix_nano if parts else started_ns
    shifts = [part.started_unix_nano - started for part in parts]

    def times(column: Callable[[pb.Samples], Iterable[int]]) -> NDArray[np.int64]:
        shifted = (np.fromiter(column(part), np.int64) + by for part, by in zip(parts, shifts, strict=True))
        return np.concatenate([np.empty(0, np.int64), *shifted])

    intended = times(lambda part: part.intended_nanos)
    order = np.argsort(intended, kind="stable")
    return Samples(
        started_ns=started,
        intended_ns=intended[order],
        sent_ns=times(lambda part: part.sent_nanos)[order],
        completed_ns=times(lambda part: part.completed_nanos)[order],
        events=_column(parts, lambda part: part.events, np.int64)[order],
        outcome=_column(parts, lambda part: part.outcome, np.int8)[order],
        blocked_ns=_column(parts, lambda part: part.blocked_nanos or _zeros(part), np.int64)[order],
        starved_ns=_column(parts, lambda part: part.starved_nanos or _zeros(part), np.int64)[order],
    )


def _column(
    parts: Sequence[pb.Samples], column: Callable[[pb.Samples], Iterable[int]], kind: type[Kind]
) -> NDArray[Kind]:
    """Return one column of all parts."""
    return np.concatenate([np.empty(0, kind), *(np.fromiter(column(part), kind) for part in parts)])


def _zeros(part: pb.Samples) -> Iterable[int]:
    """Return a column for what an older simulator does not say."""
    return [0] * len(part.intended_nanos)


def _add_shape(profile: pb.Profile, shape: Shape) -> None:
    match shape:
        case Constant(rate):
            profile.constant.rate = rate
        case Poisson(rate, seed):
            profile.poisson.CopyFrom(pb.PoissonShape(rate=rate, seed=seed))
        case Step(rates):
            profile.step.rates.extend(rates)
        case Ramp(from_rate, to_rate):
            profile.ramp.CopyFrom(pb.RampShape(from_rate=from_rate, to_rate=to_rate))
        case Burst(base_rate, peak_rate, period_s, burst_s):
            profile.burst.CopyFrom(
                pb.BurstShape(base_rate=base_rate, peak_rate=peak_rate, period_seconds=period_s, burst_seconds=burst_s)
            )
        case Trace(offsets_s):
            profile.trace.offset_seconds.extend(offsets_s)


def _add_source(request: pb.RunLoadRequest, source: Source) -> None:
    match source:
        case Synthetic(seed, sources, kinds):
            request.synthetic.CopyFrom(pb.SyntheticSource(seed=seed, sources=sources, kinds=kinds))
        case Host():
            request.host.SetInParent()
        case Replay(path, columns, speed):
            request.replay.CopyFrom(pb.ReplaySource(path=path, columns=columns, speed=speed))


def _aggregates(pages: Iterable[pb.ProducerLedgerPage], width_ns: int) -> tuple[Aggregate, ...]:
    return tuple(
        aggregate_of(aggregate, window_start_ns=aggregate.window * width_ns)
        for page in pages
        for aggregate in page.aggregates
    )
