"""Unary calls to a service, each with a deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import grpc

from lab.errors import LabError
from lab.rpc.channels import plaintext
from lab.rpc.errors import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.rpc.channels import Connect


class _Page(Protocol):
    """An answer that may be continued."""

    next_page_token: str


Response = TypeVar("Response")
Page = TypeVar("Page", bound=_Page)

DEADLINE_S: Final = 10.0
PAGE_ROWS: Final = 10_000
MAX_PAGES: Final = 10_000


class ServiceClient:
    """Calls one service.

    Args:
        address: Its host:port.
        connect: Opens a channel to an address; plaintext unless given.
        deadline_s: How long one answer may take, a restart of the service included.
    """

    def __init__(self, address: str, *, connect: Connect = plaintext, deadline_s: float = DEADLINE_S) -> None:
        self._address, self._connect, self._deadline_s = address, connect, deadline_s

    def _call(self, method: Callable[..., Response], request: object, *, attempted: str) -> Response:
        """Make a call; wait for a service that is just being restarted.

        Args:
            method: Method of a generated stub.
            request: Message of the method.
            attempted: The attempt, in one line, for the error.

        Raises:
            Unavailable: The service does not answer in time.
            LabError: The service refuses.
        """
        try:
            return method(request, timeout=self._deadline_s, wait_for_ready=True)
        except grpc.RpcError as error:
            raise translated(error, attempted=attempted, service=self._address, deadline_s=self._deadline_s) from error


def pages(ask: Callable[[str], Page], *, attempted: str) -> Iterator[Page]:
    """Yield every page of an answer; *ask* gets the token of the page, which is empty for the first page.

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
