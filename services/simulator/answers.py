"""What an answer to a batch means: done, try again, or give up; and whether the store may have it all the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import grpc
import grpc.aio
from google.rpc import status_pb2
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo

FINAL: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""Trying again cannot help."""
DETAILS_KEY: Final = "grpc-status-details-bin"
NOT_REACHED: Final = "failed to connect"
"""How gRPC says that nothing was sent."""
SURELY_REFUSED: Final = frozenset({"STORE_LOADING", "STORE_FULL", "BACKLOG_FULL", "DEAD_LETTER_FULL", "STORE_DENIED"})
"""Reasons of ours that are given before the store takes anything."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that was not acknowledged.

    Attributes:
        may_be_stored: Whether the store may have taken the batch.
        retry_after_s: When to try again; None where that cannot help.
        reason: One word, for spans.
    """

    may_be_stored: bool
    retry_after_s: float | None
    reason: str


def failure_of(error: grpc.aio.AioRpcError, *, backoff_s: float) -> Failure:
    """What a failed attempt means; *backoff_s* is used where the service names no time."""
    code, reason, retry_after_s = error.code(), "", None
    for detail in _details(error):
        info, retry = ErrorInfo(), RetryInfo()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()
    word = reason or code.name
    if code in FINAL:
        return Failure(may_be_stored=False, retry_after_s=None, reason=word)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return Failure(may_be_stored=False, retry_after_s=retry_after_s, reason=word)
    refused = reason in SURELY_REFUSED or NOT_REACHED in (error.details() or "")
    return Failure(may_be_stored=not refused, retry_after_s=retry_after_s or backoff_s, reason=word)


def _details(error: grpc.aio.AioRpcError) -> Iterable[Any]:
    """The details of a rich status; none where it is not one of ours."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY:
            status: Any = status_pb2.Status.FromString(value)
            return tuple(status.details)
    return ()
