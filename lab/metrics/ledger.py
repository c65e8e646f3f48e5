"""The services' own account, asked of query-api."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from lab.model import Aggregate, Balance, StoreView
from lab.rpc import calls
from lab.rpc.channels import plaintext

if TYPE_CHECKING:
    from collections.abc import Sequence

    import grpc

    from lab.rpc.channels import Connect
    from services.contracts.generated.lab.query.v1 import query_pb2
    from services.contracts.generated.lab.query.v1.query_pb2 import (
        GetLedgerResponse,
        Ledger,
        ListTotalsResponse,
        ListWindowsResponse,
    )

LIMB_BITS: Final = 32


class QueryLedger:
    """Asks one query-api; satisfies `LedgerSource`.

    Args:
        address: Its host:port.
        connect: How a channel to an address is made; plaintext unless given.
        deadline_s: How long one answer may take, a restart of the service included.
    """

    def __init__(
        self,
        address: str,
        *,
        connect: Connect = plaintext,
        deadline_s: float = calls.DEADLINE_S,
    ) -> None:
        self._address, self._connect, self._deadline_s = address, connect, deadline_s
        self._channel: grpc.Channel | None = None

    def view(self, run: str, *, audit: bool = False) -> StoreView:
        """The account of one run; of the whole store when *run* is empty.

        Raises:
            LabError: query-api cannot be asked, or refuses to answer, for example because the store lost events.
        """
        from services.contracts.generated.lab.query.v1 import query_pb2  # noqa: PLC0415 - heavy

        answer: GetLedgerResponse = self._call("GetLedger", query_pb2.GetLedgerRequest(run=run, audit=audit), run)
        return StoreView(
            balance=_balance(answer.ledger),
            known=answer.known,
            instances={one.instance_id: one.counted for one in answer.instances},
            last_commit_ns=answer.last_commit_unix_nano,
            audited_backlog=answer.audited_backlog if answer.HasField("audited_backlog") else None,
            epoch=answer.freshness.epoch,
            version=answer.freshness.version,
            staleness_ms=answer.freshness.staleness_ms,
            durability=answer.freshness.durability,
            degraded=answer.freshness.degraded,
        )

    def totals(self, run: str) -> Sequence[Aggregate]:
        """Aggregates over the whole run."""
        from services.contracts.generated.lab.query.v1 import query_pb2  # noqa: PLC0415 - heavy

        def ask(token: str) -> ListTotalsResponse:
            request = query_pb2.ListTotalsRequest(run=run, page_size=calls.PAGE_ROWS, page_token=token)
            answer: ListTotalsResponse = self._call("ListTotals", request, run)
            return answer

        return tuple(
            _total(aggregate) for page in calls.pages(ask, attempted=_attempted(run)) for aggregate in page.aggregates
        )

    def windows(self, run: str) -> Sequence[Aggregate]:
        """Aggregates per window; empty where some were removed, since what is left then proves nothing."""
        from services.contracts.generated.lab.query.v1 import query_pb2  # noqa: PLC0415 - heavy

        def ask(token: str) -> ListWindowsResponse:
            request = query_pb2.ListWindowsRequest(run=run, page_size=calls.PAGE_ROWS, page_token=token)
            answer: ListWindowsResponse = self._call("ListWindows", request, run)
            return answer

        aggregates: list[Aggregate] = []
        for page in calls.pages(ask, attempted=_attempted(run)):
            if page.known and not page.complete:
                return ()
            aggregates += map(_total, page.aggregates)
        return tuple(aggregates)

    def close(self) -> None:
        """Give the connection back."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _call(self, name: Literal["GetLedger", "ListTotals", "ListWindows"], request: object, run: str) -> Any:  # noqa: ANN401 - each caller names the message it expects
        from services.contracts.generated.lab.query.v1.query_pb2_grpc import QueryServiceStub  # noqa: PLC0415 - heavy

        if self._channel is None:
            self._channel = self._connect(self._address)
        method = getattr(QueryServiceStub(self._channel), name)
        return calls.call(
            method, request, attempted=_attempted(run), address=self._address, deadline_s=self._deadline_s
        )


def _attempted(run: str) -> str:
    return f"cannot read the ledger of {run or 'the store'}"


def _balance(ledger: Ledger) -> Balance:
    return Balance(ledger.accepted, ledger.counted, ledger.dead, ledger.backlog, ledger.duplicates)


def _total(aggregate: query_pb2.Aggregate) -> Aggregate:
    return Aggregate(
        source=aggregate.source,
        kind=aggregate.kind,
        count=aggregate.count,
        sum_micro=(aggregate.sum_high << LIMB_BITS) + aggregate.sum_low,
        minimum=aggregate.minimum,
        maximum=aggregate.maximum,
        window_start_ns=aggregate.window_start_unix_nano,
    )
