"""Our errors as gRPC statuses, in one table."""

from typing import Final

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from services.ledger import errors

DOMAIN: Final = "lab"
BACKLOG_RETRY_S: Final = 0.2
STORE_RETRY_S: Final = 0.5

LEDGER_STATUS: Final[dict[type[errors.LedgerError], tuple[grpc.StatusCode, float]]] = {
    errors.StoreUnreachable: (grpc.StatusCode.UNAVAILABLE, STORE_RETRY_S),
    errors.StoreLoading: (grpc.StatusCode.UNAVAILABLE, STORE_RETRY_S),
    errors.StoreDenied: (grpc.StatusCode.UNAVAILABLE, 0.0),
    errors.StoreFull: (grpc.StatusCode.RESOURCE_EXHAUSTED, STORE_RETRY_S),
    errors.BacklogFull: (grpc.StatusCode.RESOURCE_EXHAUSTED, BACKLOG_RETRY_S),
    errors.DeadLetterFull: (grpc.StatusCode.RESOURCE_EXHAUSTED, 0.0),
    errors.TooManyProducers: (grpc.StatusCode.RESOURCE_EXHAUSTED, 0.0),
    errors.SequenceConflict: (grpc.StatusCode.FAILED_PRECONDITION, 0.0),
    errors.SequenceTooOld: (grpc.StatusCode.FAILED_PRECONDITION, 0.0),
    errors.TooManyKeys: (grpc.StatusCode.FAILED_PRECONDITION, 0.0),
    errors.WidthConflict: (grpc.StatusCode.FAILED_PRECONDITION, 0.0),
    errors.StoreLost: (grpc.StatusCode.DATA_LOSS, 0.0),
}
"""Error → status, and seconds after which a retry may succeed (0: waiting does not help)."""


class Refused(Exception):
    """A call is turned away: a status for programs, a reason for programs, a message for people."""

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        *,
        retry_after_s: float = 0.0,
        field: str = "",
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.retry_after_s, self.field = code, reason, retry_after_s, field


def refusal_of(error: Exception) -> Refused:
    """What a caller is told of an error: ours by name, foreign ones without their text."""
    if isinstance(error, Refused):
        return error
    for kind in type(error).__mro__:
        if kind in LEDGER_STATUS and isinstance(error, errors.LedgerError):
            code, retry_after_s = LEDGER_STATUS[kind]
            return Refused(code, error.reason, str(error), retry_after_s=retry_after_s)
    return Refused(grpc.StatusCode.INTERNAL, "INTERNAL", "an internal error; the service's log has it")


def status_of(refused: Refused) -> grpc.Status:
    """The status with its details: ErrorInfo always, BadRequest and RetryInfo where they apply."""
    details = [error_details_pb2.ErrorInfo(reason=refused.reason, domain=DOMAIN)]
    if refused.field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=refused.field, description=str(refused))
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if refused.retry_after_s:
        delay = Duration(nanos=round(refused.retry_after_s * 1e9) % 10**9, seconds=int(refused.retry_after_s))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = [Any() for _ in details]
    for target, detail in zip(packed, details, strict=True):
        target.Pack(detail)
    code, _ = refused.code.value
    return rpc_status.to_status(status_pb2.Status(code=code, message=str(refused), details=packed))
