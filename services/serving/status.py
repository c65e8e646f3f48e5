"""Translates errors of the services to gRPC statuses and back."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final, Literal

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from services.ledger import errors
from services.serving.invalid import InvalidData, InvalidRequest

DOMAIN: Final = "lab"
DETAILS_KEY: Final = "grpc-status-details-bin"
MOST_BYTES: Final = 600
"""Bytes of a message. A status travels in headers, encoded three times, and a caller takes 8 KiB of headers."""
BACKLOG_RETRY_S: Final = 0.2
STORE_RETRY_S: Final = 0.5
CROWD_RETRY_S: Final = 60.0
"""Producers are forgotten an hour after their last append, one by one."""

About = Literal["request", "data"]
"""What is at fault: the request itself, or the data of a file that the request names or sends."""

LEDGER_STATUS: Final[dict[type[errors.LedgerError], tuple[grpc.StatusCode, float]]] = {
    errors.StoreUnreachable: (grpc.StatusCode.UNAVAILABLE, STORE_RETRY_S),
    errors.StoreLoading: (grpc.StatusCode.UNAVAILABLE, STORE_RETRY_S),
    errors.StoreDenied: (grpc.StatusCode.UNAVAILABLE, 0.0),
    errors.StoreFull: (grpc.StatusCode.RESOURCE_EXHAUSTED, STORE_RETRY_S),
    errors.BacklogFull: (grpc.StatusCode.RESOURCE_EXHAUSTED, BACKLOG_RETRY_S),
    errors.DeadLetterFull: (grpc.StatusCode.RESOURCE_EXHAUSTED, 0.0),
    errors.TooManyProducers: (grpc.StatusCode.RESOURCE_EXHAUSTED, CROWD_RETRY_S),
    errors.SequenceConflict: (grpc.StatusCode.FAILED_PRECONDITION, 0.0),
    errors.SequenceTooOld: (grpc.StatusCode.FAILED_PRECONDITION, 0.0),
    errors.TooManyKeys: (grpc.StatusCode.FAILED_PRECONDITION, 0.0),
    errors.WidthConflict: (grpc.StatusCode.FAILED_PRECONDITION, 0.0),
    errors.StoreLost: (grpc.StatusCode.DATA_LOSS, 0.0),
}
"""Error → status, and seconds after which a retry may succeed (0: waiting does not help)."""


class Refused(Exception):
    """A call is refused.

    A message that quotes a long text of the caller is cut.

    Attributes:
        code: Status, for programs.
        reason: Code of ours, for programs; empty where the status came without one.
        retry_after_s: Seconds after which a retry may succeed; 0 where waiting does not help.
        field: The part of the request at fault, or empty.
        about: Whether the request is at fault, or the data of a file.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        *,
        retry_after_s: float = 0.0,
        field: str = "",
        about: About = "request",
    ) -> None:
        super().__init__(_cut(message))
        self.code, self.reason, self.retry_after_s = code, reason, retry_after_s
        self.field, self.about = field, about


def _cut(message: str) -> str:
    encoded = message.encode(errors="replace")
    return message if len(encoded) <= MOST_BYTES else f"{encoded[:MOST_BYTES].decode(errors='ignore')}…"


def refusal_of(error: Exception) -> Refused:
    """Return what a caller is told about an error. The text of a foreign error stays inside.

    >>> refusal_of(InvalidRequest("BAD_LOAD", "run", "1 to 80 bytes are needed"))
    Refused('run: 1 to 80 bytes are needed')
    """
    if isinstance(error, Refused):
        return error
    if isinstance(error, InvalidRequest):
        return Refused(grpc.StatusCode.INVALID_ARGUMENT, error.reason, str(error), field=error.field)
    if isinstance(error, InvalidData):
        code = grpc.StatusCode.NOT_FOUND if error.is_missing else grpc.StatusCode.INVALID_ARGUMENT
        return Refused(code, error.reason, str(error), about="data")
    for kind in type(error).__mro__:
        if kind in LEDGER_STATUS and isinstance(error, errors.LedgerError):
            code, retry_after_s = LEDGER_STATUS[kind]
            return Refused(code, error.reason, str(error), retry_after_s=retry_after_s)
    return Refused(grpc.StatusCode.INTERNAL, "INTERNAL", "an internal error; the service's log has it")


def status_of(refused: Refused) -> grpc.Status:
    """Return the rich status of a refusal: ErrorInfo always, BadRequest and RetryInfo where they apply."""
    info = error_details_pb2.ErrorInfo(reason=refused.reason, domain=DOMAIN, metadata={"about": refused.about})
    details = [info]
    if refused.field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=refused.field, description=str(refused))
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if refused.retry_after_s:
        delay = Duration()
        delay.FromTimedelta(timedelta(seconds=refused.retry_after_s))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = [any_pb2.Any() for _ in details]
    for target, detail in zip(packed, details, strict=True):
        target.Pack(detail)
    code, _ = refused.code.value
    return rpc_status.to_status(status_pb2.Status(code=code, message=str(refused), details=packed))


def refusal_from(error: grpc.aio.AioRpcError) -> Refused:
    """Return the refusal that a failed call of a client carries."""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for detail in _details(error):
        detail.Unpack(info)
        detail.Unpack(retry)
    return Refused(
        error.code(),
        info.reason,
        error.details() or "",
        retry_after_s=retry.retry_delay.ToTimedelta().total_seconds(),
        about="data" if info.metadata.get("about") == "data" else "request",
    )


def _details(error: grpc.aio.AioRpcError) -> Iterable[any_pb2.Any]:
    """Return the details of a rich status; nothing for another status."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY:
            return tuple(status_pb2.Status.FromString(value).details)
    return ()
