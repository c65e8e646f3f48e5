"""Surrounds one call, whose errors become statuses."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc

from services.serving.status import Refused, refusal_of, status_of

CALLER_GONE: Final = Refused(grpc.StatusCode.CANCELLED, "CALLER_GONE", "the caller went away")

log = logging.getLogger(__name__)


def not_served() -> Refused:
    """Return the refusal of a method that the service does not offer."""
    return Refused(grpc.StatusCode.UNIMPLEMENTED, "NOT_SERVED", "this service does not offer the method")


class Answering:
    """Turns the errors of one method into statuses.

    Args:
        method: Name of the method, `package.Service/Method`.
    """

    def __init__(self, method: str) -> None:
        self.method = method

    @contextmanager
    def around(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Surround one call of this method."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  the caller gets a status of ours for every error
            refused = self.refusal(error, context)
        else:
            return
        context.abort_with_status(status_of(refused))

    def refusal(self, error: Exception, context: grpc.ServicerContext) -> Refused:
        """Return what the caller is told. An error that nobody expects is logged."""
        if isinstance(error, grpc.RpcError) and not context.is_active():
            return CALLER_GONE
        if isinstance(error, NotImplementedError):  # Generated servicers raise it for methods that ours lack.
            return not_served()
        refused = refusal_of(error)
        if refused.code is grpc.StatusCode.INTERNAL:
            log.error("%s failed", self.method, exc_info=error)
        return refused
