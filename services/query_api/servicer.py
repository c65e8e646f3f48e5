"""Translates queries into reads of the mirror, and what was read into answers."""

import threading
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import grpc

from services.contracts import signals
from services.contracts.cells import LIMB, Cell
from services.contracts.generated.lab.query.v1 import query_pb2 as pb
from services.contracts.generated.lab.query.v1.query_pb2_grpc import QueryServiceServicer
from services.ledger.port import Balance, Ledger
from services.query_api.cache import Key, Row, RunState, WindowFilter
from services.query_api.mirror import Mirror, Seen
from services.query_api.paging import key_of, page_size, token_of
from services.serving.status import Refused
from services.telemetry.instruments import Instruments

SERVICE: Final = "lab.query.v1.QueryService"
METHODS: Final = ("GetLedger", "ListWindows", "ListTotals", "ListTopKeys", "ListDeadLetters", "Watch")
DEFAULT_PAGE: Final = 1_000
DEFAULT_LETTERS: Final = 100
DEFAULT_TOP: Final = 10
DEFAULT_INTERVAL_MS: Final = 500
INTERVAL_MS: Final = range(50, 60_001)
STOP_LOOK_S: Final = 0.25
"""How long a watch may overlook that the process is stopping."""
RANKINGS: Final = {
    pb.RANKING_UNSPECIFIED: "count",
    pb.RANKING_COUNT: "count",
    pb.RANKING_SUM: "sum",
    pb.RANKING_MAXIMUM: "maximum",
}


class Parts(NamedTuple):
    """What the servicer is made with."""

    mirror: Mirror
    ledger: Ledger
    instruments: Instruments
    durability: str
    stopping: threading.Event


class QueryServicer(QueryServiceServicer):
    """`lab.query.v1.QueryService`."""

    def __init__(self, parts: Parts) -> None:
        self._mirror, self._ledger, self._instruments, self._durability, self._stopping = parts
        for method in METHODS:
            self._instruments.declare(signals.QUERY_REQUESTS, _labels(method))

    def GetLedger(  # noqa: N802  the names are the proto's
        self, request: pb.GetLedgerRequest, _context: grpc.ServicerContext
    ) -> pb.GetLedgerResponse:
        """The account of one run, or of the whole store."""
        audited = self._ledger.audit().audited_backlog if request.audit else None
        seen = self._mirror.look(request.run)
        self._answered("GetLedger")
        return pb.GetLedgerResponse(
            ledger=_ledger(seen.state.balance),
            known=seen.state.known,
            instances=[
                pb.InstanceCount(instance_id=name, counted=n) for name, n in sorted(seen.state.instances.items())
            ],
            audited_backlog=audited,
            last_commit_unix_nano=seen.state.last_commit_ns,
            freshness=self._freshness(seen),
        )

    def ListWindows(  # noqa: N802
        self, request: pb.ListWindowsRequest, _context: grpc.ServicerContext
    ) -> pb.ListWindowsResponse:
        """Cells of the windows that begin in a range of time."""
        question = (request.run, request.from_unix_nano, request.to_unix_nano, request.source, request.kind)
        after, size = key_of(question, request.page_token), page_size(request.page_size, default=DEFAULT_PAGE)
        _check_range(request.from_unix_nano, request.to_unix_nano)
        seen, rows = self._mirror.read(
            request.run,
            lambda cache, state: cache.windows(request.run, _filter(request, state), after=after, limit=size),
        )
        self._answered("ListWindows")
        return pb.ListWindowsResponse(
            cells=_cells(rows, seen.state.window_ns),
            known=seen.state.known,
            window_nanos=seen.state.window_ns,
            complete=_is_complete(request, seen.state),
            next_page_token=_next(question, rows, size),
            freshness=self._freshness(seen),
        )

    def ListTotals(  # noqa: N802
        self, request: pb.ListTotalsRequest, _context: grpc.ServicerContext
    ) -> pb.ListTotalsResponse:
        """Aggregates over the whole run."""
        question = ("totals", request.run)
        after, size = key_of(question, request.page_token), page_size(request.page_size, default=DEFAULT_PAGE)
        seen, rows = self._mirror.read(
            request.run, lambda cache, _state: cache.totals(request.run, after=after, limit=size)
        )
        self._answered("ListTotals")
        return pb.ListTotalsResponse(
            cells=_cells(rows, 0),
            known=seen.state.known,
            next_page_token=_next(question, rows, size),
            freshness=self._freshness(seen),
        )

    def ListTopKeys(  # noqa: N802
        self, request: pb.ListTopKeysRequest, _context: grpc.ServicerContext
    ) -> pb.ListTopKeysResponse:
        """The largest totals of a run."""
        size = page_size(request.limit, default=DEFAULT_TOP, field="limit")
        if request.ranking not in RANKINGS:
            message = f"ranking: {request.ranking} is none of count, sum, maximum"
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "BAD_RANGE", message, field="ranking")
        ranking = RANKINGS[request.ranking]
        seen, rows = self._mirror.read(request.run, lambda cache, _state: cache.top(request.run, ranking, limit=size))
        self._answered("ListTopKeys")
        return pb.ListTopKeysResponse(cells=_cells(rows, 0), known=seen.state.known, freshness=self._freshness(seen))

    def ListDeadLetters(  # noqa: N802
        self, request: pb.ListDeadLettersRequest, _context: grpc.ServicerContext
    ) -> pb.ListDeadLettersResponse:
        """Dead letters in order of burial."""
        size = page_size(request.page_size, default=DEFAULT_LETTERS)
        letters = self._ledger.dead_letters(after=request.page_token, count=size)
        seen = self._mirror.look("")
        self._answered("ListDeadLetters")
        return pb.ListDeadLettersResponse(
            dead_letters=[
                pb.DeadLetter(
                    id=letter.dead_id,
                    run=letter.run,
                    entry_id=letter.entry_id,
                    index=letter.index,
                    reason=letter.reason,
                    event_count=letter.events,
                )
                for letter in letters
            ],
            next_page_token=letters[-1].dead_id if len(letters) == size else "",
            freshness=self._freshness(seen),
        )

    def Watch(self, request: pb.WatchRequest, context: grpc.ServicerContext) -> Iterator[pb.WatchResponse]:  # noqa: N802
        """The account now, then whenever it changed, until the caller goes or the process stops."""
        interval_ms = request.interval_ms or DEFAULT_INTERVAL_MS
        if interval_ms not in INTERVAL_MS:
            message = f"interval_ms: {interval_ms}, must be {INTERVAL_MS.start}..{INTERVAL_MS.stop - 1}"
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "BAD_RANGE", message, field="interval_ms")
        self._answered("Watch")
        over, last = threading.Event(), None
        context.add_callback(over.set)
        while not over.is_set():
            seen = self._mirror.look(request.run)
            if seen.state != last:
                last = seen.state
                yield pb.WatchResponse(ledger=_ledger(last.balance), known=last.known, freshness=self._freshness(seen))
            self._pause(over, interval_ms / 1e3)

    def _pause(self, over: threading.Event, seconds: float) -> None:
        """Wait so long; a process that stops ends it."""
        while seconds > 0 and not over.wait(min(seconds, STOP_LOOK_S)):
            seconds -= STOP_LOOK_S
            if self._stopping.is_set():
                over.set()

    def _answered(self, method: str) -> None:
        self._instruments.add(signals.QUERY_REQUESTS, 1, _labels(method))

    def _freshness(self, seen: Seen) -> pb.Freshness:
        return pb.Freshness(
            epoch=seen.epoch,
            version=seen.state.version,
            staleness_ms=seen.staleness_ms,
            durability=self._durability,
            degraded=seen.degraded,
        )


def _labels(method: str) -> dict[str, str]:
    return {signals.RPC_METHOD: f"{SERVICE}/{method}"}


def _ledger(balance: Balance) -> pb.Ledger:
    return pb.Ledger(
        accepted=balance.accepted,
        counted=balance.counted,
        dead=balance.dead,
        backlog=balance.backlog,
        duplicates=balance.duplicates,
    )


def _instances(state: RunState) -> Iterator[pb.InstanceCount]:
    return (pb.InstanceCount(instance_id=name, counted=count) for name, count in sorted(state.instances.items()))


def _cells(rows: Sequence[Row], window_ns: int) -> Iterator[pb.Cell]:
    return (_cell(key, cell, window_ns) for key, cell in rows)


def _cell(key: Key, cell: Cell, window_ns: int) -> pb.Cell:
    high, low = divmod(cell.sum_micro, LIMB)
    return pb.Cell(
        window_start_unix_nano=key.number * window_ns,
        source=key.source,
        kind=key.kind,
        count=cell.count,
        sum_high=high,
        sum_low=low,
        minimum=cell.minimum,
        maximum=cell.maximum,
    )


def _next(question: object, rows: Sequence[Row], size: int) -> str:
    return token_of(question, rows[-1][0]) if len(rows) == size else ""


def _check_range(from_ns: int, to_ns: int) -> None:
    if from_ns > to_ns:
        message = f"from {from_ns} is after to {to_ns} (nanoseconds since the epoch, UTC; from inclusive, to exclusive)"
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "BAD_RANGE", message, field="from_unix_nano")


def _filter(request: pb.ListWindowsRequest, state: RunState) -> WindowFilter:
    """The windows that begin in the asked range, by number."""
    if _is_everything(request) or not state.window_ns:
        return WindowFilter(source=request.source, kind=request.kind)
    first, end = (-(-bound // state.window_ns) for bound in (request.from_unix_nano, request.to_unix_nano))
    return WindowFilter(first, end, request.source, request.kind)


def _is_everything(request: pb.ListWindowsRequest) -> bool:
    return request.from_unix_nano == 0 == request.to_unix_nano


def _is_complete(request: pb.ListWindowsRequest, state: RunState) -> bool:
    """Whether no window of the asked range was removed from the store."""
    if state.low_window is None:
        return True
    return not _is_everything(request) and request.from_unix_nano >= state.low_window * state.window_ns
