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


class _PageRequest(Protocol):
    """A request whose answer comes in pages."""

    page_size: int
    page_token: str


class _Page(Protocol):
    """A page of an answer; the token is empty in the last page."""

    next_page_token: str


Response = TypeVar("Response")
Page = TypeVar("Page", bound=_Page)

DEADLINE_S: Final = 10.0
PAGE_ROWS: Final = 10_000
MAX_PAGES: Final = 10_000


class ServiceClient:
    """Calls one service over one channel, which `close` closes.

    Args:
        address: Its host:port.
        connect: Opens a channel to an address; plaintext unless given.
        deadline_s: How many seconds one answer may take, a restart of the service included.
    """

    def __init__(self, address: str, *, connect: Connect = plaintext, deadline_s: float = DEADLINE_S) -> None:
        self._address, self._connect, self._deadline_s = address, connect, deadline_s
        self._opened: grpc.Channel | None = None

    @property
    def channel(self) -> grpc.Channel:
        """The open channel, for a generated stub; it is opened where none is open."""
        if self._opened is None:
            self._opened = self._connect(self._address)
        return self._opened

    def close(self) -> None:
        """Close the channel; do nothing where none is open. The next use opens another."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def call(self, method: Callable[..., Response], request: object, *, attempted: str) -> Response:
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

    def pages(self, method: Callable[..., Page], request: _PageRequest, *, attempted: str) -> Iterator[Page]:
        """Yield every page of an answer; each page is a call.

        Args:
            method: Method of a generated stub.
            request: Message of the method; each call sets the size and the token of its page.
            attempted: The attempt, in one line, for the error.

        Raises:
            Unavailable: The service does not answer in time.
            LabError: The service refuses, or the pages do not end.
        """
        request.page_size = PAGE_ROWS
        for _ in range(MAX_PAGES):
            page = self.call(method, request, attempted=attempted)
            yield page
            request.page_token = page.next_page_token
            if not request.page_token:
                return
        raise LabError(attempted, found=f"more than {MAX_PAGES:,} pages", next_step="lab diagnose", code="ENDLESS")
