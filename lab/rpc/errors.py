"""Translates errors of gRPC into errors of the lab; the only place that does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from lab.errors import DataFault, LabError, Unavailable, UsageFault

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_ANSWERING: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
ABOUT: Final = "about"
DATA: Final = "data"
"""Value of the metadata `about`: the file that was sent is at fault, not the call."""


class CallStatus(NamedTuple):
    """The status of a call that failed.

    Attributes:
        code: gRPC's code.
        details: The sentence of the service, or of gRPC where no service answered.
        reason: The reason of the ErrorInfo that came with the status; the name of the code where none came.
        metadata: The metadata of that ErrorInfo.
    """

    code: grpc.StatusCode
    details: str
    reason: str
    metadata: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.code.name}: {self.details}"


def status_of(error: grpc.RpcError) -> CallStatus:
    """Return the status of a call that failed."""
    if not isinstance(error, grpc.Call):  # every error of a stub is a call; its type does not say so
        return CallStatus(grpc.StatusCode.UNKNOWN, str(error), grpc.StatusCode.UNKNOWN.name, {})
    info = _info(error)
    return CallStatus(error.code(), error.details() or "", info.reason or error.code().name, dict(info.metadata))


def translated(
    error: grpc.RpcError,
    *,
    attempted: str,
    service: str,
    deadline_s: float = 0.0,
    next_step: str = "lab diagnose",
    otherwise: type[LabError] = LabError,
) -> LabError:
    """Return the lab's error for a call that failed; its `reason` is the status's reason.

    Args:
        error: The error of gRPC.
        attempted: The attempt, in one line.
        service: The service that was called, for example `127.0.0.1:7000`.
        deadline_s: How long the caller waited, for the message; 0 leaves that out.
        next_step: What to do where the call was not at fault.
        otherwise: Class of the error where the service answered, and neither the file nor the request is at fault.
    """
    status = status_of(error)
    if status.metadata.get(ABOUT) == DATA:
        return DataFault(attempted, found=status.details, code=status.reason)
    if status.code is grpc.StatusCode.INVALID_ARGUMENT:
        return UsageFault(attempted, found=status.details, code=status.reason)
    kind = Unavailable if status.code in NOT_ANSWERING else otherwise
    is_late = deadline_s and status.code is grpc.StatusCode.DEADLINE_EXCEEDED
    details = f"no answer within {deadline_s:g} s" if is_late else status.details
    answer = f"{service}: {details} ({status.code.name})"
    return kind(attempted, found=answer, next_step=next_step, code=status.reason)


def _info(call: grpc.Call) -> ErrorInfo:
    """Return the ErrorInfo that came with a status; an empty ErrorInfo where none came, or where it is not valid."""
    info = ErrorInfo()
    try:
        status = rpc_status.from_call(call)
        for detail in status.details if status is not None else ():
            if detail.Unpack(info):
                break
    except (ValueError, DecodeError):
        # For example, a proxy has rewritten the status, and left its details as they were.
        return ErrorInfo()
    return info
