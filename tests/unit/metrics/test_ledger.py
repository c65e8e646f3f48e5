"""The aggregates of a run are read page by page, through a real server; windows that are incomplete are none."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, Final

import grpc
import pytest

from lab.metrics.ledger import QueryLedger
from services.contracts.generated.lab.query.v1 import query_pb2 as pb
from tests.grpc_server import served

SERVICE: Final = "lab.query.v1.QueryService"


@contextmanager
def answering(name: str, request: Any, pages: dict[str, Any]) -> Iterator[QueryLedger]:
    """Yield the ledger of a query-api that answers one method: token → page."""
    handler: Any = grpc.unary_unary_rpc_method_handler(
        lambda message, _context: pages[message.page_token],
        request_deserializer=request.FromString,
        response_serializer=lambda page: page.SerializeToString(),
    )
    with (
        served(SERVICE, {name: handler}, ThreadPoolExecutor(1)) as address,
        closing(QueryLedger(address)) as ledger,
    ):
        yield ledger


def aggregate(source: str, start_ns: int = 0) -> pb.Aggregate:
    """Return an aggregate of one event."""
    return pb.Aggregate(source=source, kind="k", count=1, window_start_unix_nano=start_ns)


def test_totals_are_those_of_all_pages() -> None:
    """In the order of the pages."""
    pages = {
        "": pb.ListTotalsResponse(aggregates=[aggregate("a"), aggregate("b")], known=True, next_page_token="next"),
        "next": pb.ListTotalsResponse(aggregates=[aggregate("c")], known=True),
    }
    with answering("ListTotals", pb.ListTotalsRequest, pages) as ledger:
        assert [total.source for total in ledger.totals("r")] == ["a", "b", "c"]


@pytest.mark.parametrize(("complete", "starts_ns"), [(True, [1, 2]), (False, [])])
def test_windows_are_all_of_them_or_none(*, complete: bool, starts_ns: list[int]) -> None:
    """The rest proves nothing where query-api removed some, even if the last page says so."""
    pages = {
        "": pb.ListWindowsResponse(aggregates=[aggregate("a", 1)], known=True, complete=True, next_page_token="next"),
        "next": pb.ListWindowsResponse(aggregates=[aggregate("a", 2)], known=True, complete=complete),
    }
    with answering("ListWindows", pb.ListWindowsRequest, pages) as ledger:
        assert [window.window_start_ns for window in ledger.windows("r")] == starts_ns
