"""Serves queries: reads the mirror, answers with messages."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import grpc

from services.contracts import signals
from services.contracts.aggregates import Aggregate, split_sum
from services.contracts.generated.lab.query.v1 import query_pb2 as pb
from services.contracts.generated.lab.query.v1.query_pb2_grpc import QueryServiceServicer
from services.contracts.limits import MAX_NAME_BYTES, MAX_RUN_BYTES
from services.ledger.records import Balance
from services.ledger.redis_ledger import RedisLedger
from services.query_api.cache import Key, Row, RunState, WindowFilter
from services.query_api.mirror import Mirror, Seen
from services.query_api.paging import key_of, token_of
from services.serving.invalid import InvalidRequest
from services.serving.paging import page_size
from services.serving.status import Refused
from services.telemetry.instruments import Instruments

SERVICE: Final = "lab.query.v1.QueryService"
METHODS: Final = ("GetLedger", "ListWindows", "ListTotals")
DEFAULT_PAGE: Final = 1_000


class QueryServicer(QueryServiceServicer):
    """`lab.query.v1.QueryService`."""

    def __init__(
        self, mirror: Mirror, ledger: RedisLedger, instruments: Instruments, *, durability: Callable[[], str]
    ) -> None:
        self._mirror, self._ledger, self._instruments, self._durability = mirror, ledger, instruments, durability
        for method in METHODS:
            self._instruments.declare(signals.QUERY_REQUESTS, _labels(method))

    def GetLedger(  # noqa: N802  the names are the proto's
        self, request: pb.GetLedgerRequest, _context: grpc.ServicerContext
    ) -> pb.GetLedgerResponse:
        """Return the account of one run, or of the whole store."""
        _check_names(request.run)
        audited = self._ledger.audit().audited_backlog if request.audit else None
        seen = self._mirror.refresh(request.run)
        self._count("GetLedger")
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
        """List the aggregates of the windows that begin in a range of time."""
        _check_names(request.run, source=request.source, kind=request.kind)
        query = (request.run, request.from_unix_nano, request.to_unix_nano, request.source, request.kind)
        after, size = key_of(query, request.page_token), page_size(request.page_size, default=DEFAULT_PAGE)
        _check_range(request.from_unix_nano, request.to_unix_nano)
        seen, rows = self._mirror.read(
            request.run,
            lambda cache, state: cache.windows(request.run, _filter(request, state), after=after, limit=size),
        )
        self._count("ListWindows")
        return pb.ListWindowsResponse(
            aggregates=_aggregates(rows, seen.state.window_ns),
            known=seen.state.known,
            window_nanos=seen.state.window_ns,
            complete=_is_complete(request, seen.state),
            next_page_token=_next_token(query, rows, size),
            freshness=self._freshness(seen),
        )

    def ListTotals(  # noqa: N802
        self, request: pb.ListTotalsRequest, _context: grpc.ServicerContext
    ) -> pb.ListTotalsResponse:
        """List the aggregates over the whole run."""
        _check_names(request.run)
        query = ("totals", request.run)
        after, size = key_of(query, request.page_token), page_size(request.page_size, default=DEFAULT_PAGE)
        seen, rows = self._mirror.read(
            request.run, lambda cache, _state: cache.totals(request.run, after=after, limit=size)
        )
        self._count("ListTotals")
        return pb.ListTotalsResponse(
            aggregates=_aggregates(rows, 0),
            known=seen.state.known,
            next_page_token=_next_token(query, rows, size),
            freshness=self._freshness(seen),
        )

    def _count(self, method: str) -> None:
        self._instruments.add(signals.QUERY_REQUESTS, 1, _labels(method))

    def _freshness(self, seen: Seen) -> pb.Freshness:
        return pb.Freshness(
            epoch=seen.epoch,
            version=seen.state.version,
            staleness_ms=seen.staleness_ms,
            durability=self._durability(),
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


def _aggregates(rows: Sequence[Row], window_ns: int) -> Iterator[pb.Aggregate]:
    return (_aggregate(key, aggregate, window_ns) for key, aggregate in rows)


def _aggregate(key: Key, aggregate: Aggregate, window_ns: int) -> pb.Aggregate:
    high, low = split_sum(aggregate.sum_micro)
    return pb.Aggregate(
        window_start_unix_nano=key.number * window_ns,
        source=key.source,
        kind=key.kind,
        count=aggregate.count,
        sum_high=high,
        sum_low=low,
        minimum=aggregate.minimum,
        maximum=aggregate.maximum,
    )


def _next_token(query: object, rows: Sequence[Row], size: int) -> str:
    return token_of(query, rows[-1][0]) if len(rows) == size else ""


def _check_names(run: str, *, source: str = "", kind: str = "") -> None:
    """Refuse names that are longer than any that the store holds."""
    for field, name, limit in (
        ("run", run, MAX_RUN_BYTES),
        ("source", source, MAX_NAME_BYTES),
        ("kind", kind, MAX_NAME_BYTES),
    ):
        if len(name.encode()) > limit:
            raise InvalidRequest("NAME_TOO_LONG", field, f"{len(name.encode()):,} bytes, limit {limit}")


def _check_range(from_ns: int, to_ns: int) -> None:
    if from_ns > to_ns:
        message = f"from {from_ns} is after to {to_ns} (nanoseconds since the epoch, UTC; from inclusive, to exclusive)"
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "BAD_RANGE", message, field="from_unix_nano")


def _filter(request: pb.ListWindowsRequest, state: RunState) -> WindowFilter:
    """Return the numbers of the windows that begin in the requested range."""
    if _is_everything(request) or not state.window_ns:
        return WindowFilter(source=request.source, kind=request.kind)
    first, end = (-(-bound // state.window_ns) for bound in (request.from_unix_nano, request.to_unix_nano))
    return WindowFilter(first, end, request.source, request.kind)


def _is_everything(request: pb.ListWindowsRequest) -> bool:
    return request.from_unix_nano == 0 == request.to_unix_nano


def _is_complete(request: pb.ListWindowsRequest, state: RunState) -> bool:
    """Return whether no window of the requested range was removed from the store."""
    if state.low_window is None:
        return True
    return not _is_everything(request) and request.from_unix_nano >= state.low_window * state.window_ns
