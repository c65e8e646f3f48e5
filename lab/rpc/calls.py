"""Unary calls to a service, each with a deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from lab.errors import LabError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import grpc


class _Page(Protocol):
    """An answer that may be continued."""

    next_page_token: str


Response = TypeVar("Response")
Page = TypeVar("Page", bound=_Page)

DEADLINE_S: Final = 10.0
PAGE_ROWS: Final = 10_000
MAX_PAGES: Final = 10_000


def call(
    method: Callable[..., Response], request: object, *, attempted: str, address: str, deadline_s: float = DEADLINE_S
) -> Response:
    """Make a call, waiting for a service that is just being started again.

    Args:
        method: Of a generated stub.
        request: Its message.
        attempted: What cannot be done when this fails, in one line.
        address: Of the service, for the message.
        deadline_s: How long it may take altogether.

    Raises:
        Unavailable: Nobody answered in time, or the service cannot answer now.
        LabError: It refused.
    """
    import grpc  # noqa: PLC0415 - heavy

    try:
        return method(request, timeout=deadline_s, wait_for_ready=True)
    except grpc.RpcError as error:
        raise _fault(error, attempted=attempted, address=address, deadline_s=deadline_s) from error


def pages(ask: Callable[[str], Page], *, attempted: str) -> Iterator[Page]:
    """Every page of an answer; *ask* gets the token of the page, which is empty for the first.

    Raises:
        LabError: The pages do not end.
    """
    token = ""
    for _ in range(MAX_PAGES):
        page = ask(token)
        yield page
        token = page.next_page_token
        if not token:
            return
    raise LabError(attempted, found=f"more than {MAX_PAGES:,} pages", code="ENDLESS")


def _fault(error: grpc.RpcError, *, attempted: str, address: str, deadline_s: float) -> LabError:
    import grpc  # noqa: PLC0415 - heavy

    # Every error of a stub is a call, too; the type says so only for the synchronous ones.
    code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    said = error.details() if isinstance(error, grpc.Call) else str(error)
    if code in {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}:
        found = f"{address}: {said if code is grpc.StatusCode.UNAVAILABLE else f'no answer within {deadline_s:g} s'}"
        return Unavailable(attempted, found=found, next_step="lab status", code=code.name)
    return LabError(attempted, found=f"{address}: {said} ({code.name})", next_step="lab status", code=code.name)
