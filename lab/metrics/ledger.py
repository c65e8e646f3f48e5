"""The ledger of the services, read from query-api."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.model import Aggregate, Balance, StoreView
from lab.rpc.aggregates import aggregate_of
from lab.rpc.calls import DEADLINE_S, ServiceClient
from lab.rpc.channels import plaintext
from services.contracts.generated.lab.query.v1 import query_pb2 as pb
from services.contracts.generated.lab.query.v1.query_pb2_grpc import QueryServiceStub

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.rpc.channels import Connect


class QueryLedger:
    """Reads the ledger from one query-api over one channel, which `close` closes; satisfies `LedgerSource`.

    Args:
        address: host:port of query-api.
        connect: Opens a channel to an address; plaintext unless given.
        deadline_s: How many seconds one answer may take, a restart of query-api included.
    """

    def __init__(self, address: str, *, connect: Connect = plaintext, deadline_s: float = DEADLINE_S) -> None:
        self._client = ServiceClient(address, connect=connect, deadline_s=deadline_s)

    def view(self, run: str, *, audit: bool = False) -> StoreView:
        """Return the account of one run; of the whole store where *run* is empty.

        Raises:
            LabError: query-api does not answer, or refuses, for example because the store lost events.
        """
        request = pb.GetLedgerRequest(run=run, audit=audit)
        response: pb.GetLedgerResponse = self._client.call(self._stub().GetLedger, request, attempted=_attempted(run))
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
        request = pb.ListTotalsRequest(run=run)
        pages: Iterator[pb.ListTotalsResponse] = self._client.pages(
            self._stub().ListTotals, request, attempted=_attempted(run)
        )
        return tuple(_aggregate(aggregate) for page in pages for aggregate in page.aggregates)

    def windows(self, run: str) -> Sequence[Aggregate]:
        """See `LedgerSource.windows`."""
        request = pb.ListWindowsRequest(run=run)
        pages: Iterator[pb.ListWindowsResponse] = self._client.pages(
            self._stub().ListWindows, request, attempted=_attempted(run)
        )
        aggregates: list[Aggregate] = []
        for page in pages:
            if page.known and not page.complete:
                return ()
            aggregates += map(_aggregate, page.aggregates)
        return tuple(aggregates)

    def close(self) -> None:
        """See `LedgerSource.close`."""
        self._client.close()

    def _stub(self) -> QueryServiceStub:
        return QueryServiceStub(self._client.channel)


def _attempted(run: str) -> str:
    return f"cannot read the ledger of {run or 'the store'}"


def _balance(ledger: pb.Ledger) -> Balance:
    return Balance(ledger.accepted, ledger.counted, ledger.dead, ledger.backlog, ledger.duplicates)


def _aggregate(aggregate: pb.Aggregate) -> Aggregate:
    return aggregate_of(aggregate, window_start_ns=aggregate.window_start_unix_nano)
