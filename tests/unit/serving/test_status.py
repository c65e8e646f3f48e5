"""Errors become rich statuses, which a client reads as the same refusal."""

from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import status_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from services.ledger.errors import BacklogFull, StoreReplaced
from services.serving.invalid import InvalidData, InvalidRequest
from services.serving.paging import page_size
from services.serving.status import DETAILS_KEY, Refused, refusal_from, refusal_of, status_of
from services.simulator.source import NO_FILE, SourceFault


def as_seen_by_a_client(refused: Refused) -> grpc.aio.AioRpcError:
    """Return the error that a client gets for a refusal."""
    status = status_of(refused)
    trailing = grpc.aio.Metadata(*(status.trailing_metadata or ()))
    return grpc.aio.AioRpcError(refused.code, grpc.aio.Metadata(), trailing, details=str(refused))


@pytest.mark.parametrize(
    "refused",
    [
        Refused(grpc.StatusCode.INVALID_ARGUMENT, "BAD_LOAD", "run: 1 to 80 bytes are needed", field="run"),
        Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "BUSY", "later", retry_after_s=1.25),
        refusal_of(InvalidData("NO_ROWS", "x.csv holds no rows")),
    ],
    ids=lambda refused: refused.reason,
)
def test_a_client_reads_the_refusal_of_the_service(refused: Refused) -> None:
    """Status, reason, message, time for a retry, and what is at fault."""
    read = refusal_from(as_seen_by_a_client(refused))
    assert (read.code, read.reason, str(read)) == (refused.code, refused.reason, str(refused))
    assert (read.retry_after_s, read.about) == (refused.retry_after_s, refused.about)


@pytest.mark.parametrize(
    ("refused", "about"),
    [
        (Refused(grpc.StatusCode.INVALID_ARGUMENT, "BAD_LOAD", "no"), "request"),
        (refusal_of(InvalidData("NO_ROWS", "x.csv holds no rows")), "data"),
    ],
)
def test_error_info_tells_what_is_at_fault(refused: Refused, about: str) -> None:
    """The data of a file, or the request itself."""
    [(key, value)] = status_of(refused).trailing_metadata or ()
    assert key == DETAILS_KEY
    status: Any = status_pb2.Status.FromString(value)
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, dict(info.metadata)) == (refused.reason, {"about": about})


def test_a_status_without_details_is_a_refusal_without_a_reason() -> None:
    """Such a status comes from gRPC itself."""
    error = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details="gone")
    read = refusal_from(error)
    assert (read.code, read.reason, str(read), read.retry_after_s) == (grpc.StatusCode.UNAVAILABLE, "", "gone", 0.0)


def test_errors_of_the_ledger_have_statuses_of_their_own() -> None:
    """A class without an entry in the table has the status of its parent."""
    full, replaced = refusal_of(BacklogFull("full")), refusal_of(StoreReplaced("another"))
    assert (full.code, full.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "BACKLOG_FULL")
    assert full.retry_after_s > 0
    assert (replaced.code, replaced.reason) == (grpc.StatusCode.DATA_LOSS, "STORE_REPLACED")


def test_the_text_of_a_foreign_error_stays_inside() -> None:
    """It may hold a path or a secret."""
    refused = refusal_of(RuntimeError("/etc/secret"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in str(refused)


def test_an_invalid_request_becomes_a_bad_request_with_its_field() -> None:
    """Pure modules raise it, and know nothing of statuses."""
    refused = refusal_of(InvalidRequest("BAD_LOAD", "run", "1 to 80 bytes are needed"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_LOAD")
    assert str(refused) == "run: 1 to 80 bytes are needed"
    [(_, value)] = status_of(refused).trailing_metadata or ()
    status: Any = status_pb2.Status.FromString(value)
    bad = BadRequest()
    assert status.details[1].Unpack(bad)
    assert [violation.field for violation in bad.field_violations] == ["run"]


@pytest.mark.parametrize(
    ("reason", "code"),
    [(NO_FILE, grpc.StatusCode.NOT_FOUND), ("NO_ROWS", grpc.StatusCode.INVALID_ARGUMENT)],
)
def test_a_fault_of_a_file_becomes_a_refusal_about_data(reason: str, code: grpc.StatusCode) -> None:
    """The readers of files know nothing of statuses. A long message is cut where it becomes a status."""
    refused = refusal_of(SourceFault(reason, "x.csv: " + "x" * 5_000))
    assert (refused.code, refused.reason, refused.about) == (code, reason, "data")
    assert str(refused).startswith("x.csv: ")
    assert len(str(refused)) < 1_000


@pytest.mark.parametrize(("requested", "rows"), [(0, 100), (1, 1), (10_000, 10_000)])
def test_a_page_has_the_rows_that_were_asked_for(requested: int, rows: int) -> None:
    """0 means the default of the call."""
    assert page_size(requested, default=100) == rows


def test_a_page_beyond_the_limit_is_refused() -> None:
    """The message names the limit."""
    with pytest.raises(InvalidRequest, match="page_size: 10001, limit 10000"):
        page_size(10_001, default=100)


@pytest.mark.parametrize("letter", ["x", "é", "\N{PILE OF POO}"])
def test_a_status_is_small_whatever_a_caller_sent(letter: str) -> None:
    """A caller takes headers of 8 KiB. The beginning of the message is left."""
    refused = Refused(grpc.StatusCode.INVALID_ARGUMENT, "NO", letter * 5_000, field="path")
    [(_, details)] = status_of(refused).trailing_metadata or ()
    in_headers = 3 * len(str(refused).encode()) + len(details) * 4 / 3
    assert in_headers < 4_096
    assert str(refused).startswith(letter * 100)
