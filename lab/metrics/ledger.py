"""The ledger of the services, read from query-api."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.model import Aggregate, Balance, StoreView
from lab.rpc import calls
from lab.rpc.aggregates import aggregate_of
from services.contracts.generated.lab.query.v1 import query_pb2 as pb
from services.contracts.generated.lab.query.v1.query_pb2_grpc import QueryServiceStub

if TYPE_CHECKING:
    from collections.abc import Sequence

    import grpc


class QueryLedger(calls.ServiceClient):
    """Reads the ledger from one query-api over one channel, which `close` closes; satisfies `LedgerSource`."""

    _channel: grpc.Channel | None = None

    def view(self, run: str, *, audit: bool = False) -> StoreView:
        """Return the account of one run; of the whole store where *run* is empty.

        Raises:
            LabError: query-api does not answer, or refuses, for example because the store lost events.
        """
        request = pb.GetLedgerRequest(run=run, audit=audit)
        response: pb.GetLedgerResponse = self._call(self._stub().GetLedger, request, attempted=_attempted(run))
        return StoreView(
            balance=_balance(response.ledger),
            known=response.known,
            instances={instance.instance_id: instance.counted for instance in response.instances},
            last_commit_ns=response.last_commit_unix_nano,
            audited_backlog=response.audited_backlog if response.HasField("audited_backlog") else None,
            epoch=response.freshness.epoch,
            version=response.freshness.version,
            staleness_ms=response.freshness.staleness_ms,
            durability=response.freshness.durability,
            degraded=response.freshness.degraded,
        )

    def totals(self, run: str) -> Sequence[Aggregate]:
        """See `LedgerSource.totals`."""
        attempted = _attempted(run)

        def page_at(token: str) -> pb.ListTotalsResponse:
            request = pb.ListTotalsRequest(run=run, page_size=calls.PAGE_ROWS, page_token=token)
            page: pb.ListTotalsResponse = self._call(self._stub().ListTotals, request, attempted=attempted)
            return page

        return tuple(
            _total(aggregate) for page in calls.pages(page_at, attempted=attempted) for aggregate in page.aggregates
        )

    def windows(self, run: str) -> Sequence[Aggregate]:
        """See `LedgerSource.windows`."""
        attempted = _attempted(run)

        def page_at(token: str) -> pb.ListWindowsResponse:
            request = pb.ListWindowsRequest(run=run, page_size=calls.PAGE_ROWS, page_token=token)
            page: pb.ListWindowsResponse = self._call(self._stub().ListWindows, request, attempted=attempted)
            return page

        aggregates: list[Aggregate] = []
        for page in calls.pages(page_at, attempted=attempted):
            if page.known and not page.complete:
                return ()
            aggregates += map(_total, page.aggregates)
        return tuple(aggregates)

    def close(self) -> None:
        """See `LedgerSource.close`."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _stub(self) -> QueryServiceStub:
        if self._channel is None:
            self._channel = self._connect(self._address)
        return QueryServiceStub(self._channel)


def _attempted(run: str) -> str:
    return f"cannot read the ledger of {run or 'the store'}"


def _balance(ledger: pb.Ledger) -> Balance:
    return Balance(ledger.accepted, ledger.counted, ledger.dead, ledger.backlog, ledger.duplicates)


def _total(aggregate: pb.Aggregate) -> Aggregate:
    return aggregate_of(aggregate, window_start_ns=aggregate.window_start_unix_nano)
