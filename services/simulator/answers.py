"""Decides what a failed attempt to send a batch means. Pure."""

from dataclasses import dataclass
from typing import Final

import grpc

from services.serving.status import Refused

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
"""Statuses after which a retry cannot help."""
NOT_REACHED: Final = "failed to connect"
"""Text with which gRPC says that nothing was sent."""
SURELY_REFUSED: Final = frozenset({"STORE_LOADING", "STORE_FULL", "BACKLOG_FULL", "DEAD_LETTER_FULL", "STORE_DENIED"})
"""Our reasons for refusals that come before the store takes anything."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that was not acknowledged.

    Attributes:
        may_be_stored: Whether the store may have taken the batch.
        retry_after_s: Seconds until the next attempt; None where a retry cannot help.
        reason: Code for spans.
    """

    may_be_stored: bool
    retry_after_s: float | None
    reason: str


def failure_of(refused: Refused, *, backoff_s: float) -> Failure:
    """Return what a failed attempt means.

    Args:
        refused: What the service, or gRPC itself, answered.
        backoff_s: Seconds until the next attempt where the service names none.

    >>> failure_of(Refused(grpc.StatusCode.UNAVAILABLE, "", "Socket closed"), backoff_s=0.1)
    Failure(may_be_stored=True, retry_after_s=0.1, reason='UNAVAILABLE')
    """
    reason, retry_after_s = refused.reason or refused.code.name, refused.retry_after_s or None
    if refused.code in FINAL:
        return Failure(may_be_stored=False, retry_after_s=None, reason=reason)
    if refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return Failure(may_be_stored=False, retry_after_s=retry_after_s, reason=reason)
    never_stored = refused.reason in SURELY_REFUSED or NOT_REACHED in str(refused)
    return Failure(may_be_stored=not never_stored, retry_after_s=retry_after_s or backoff_s, reason=reason)
