"""Callers of several servers send most calls to the fast ones, shown on gRPC's own client."""

import asyncio
import contextlib
import threading
from typing import Any, Final

import grpc
import grpc.aio
import pytest

from services.serving.calls import Calls
from services.serving.channel import open_aio_channel
from services.serving.interceptors import CallInterceptor
from services.serving.settings import ServiceSettings
from services.serving.workers import Workers
from tests.grpc_server import served

SERVICE: Final = "test.v1.Test"
CALLS_IN_A_SECOND: Final = 100


class Server:
    """A server that answers after some time.

    Attributes:
        handled: Calls that it has handled.
    """

    def __init__(self, answer_s: float) -> None:
        self.handled = 0
        self._answer_s, self._never = answer_s, threading.Event()

    def serving(self) -> contextlib.AbstractContextManager[str]:
        """Serve for as long as the context lasts; yield host:port."""
        workers = Workers(8, "rpc")
        methods: dict[str, Any] = {"Call": grpc.unary_unary_rpc_method_handler(self._handle)}
        return served(SERVICE, methods, workers, [CallInterceptor(Calls(workers))])

    def _handle(self, _request: bytes, _context: grpc.ServicerContext) -> bytes:
        self.handled += 1
        self._never.wait(self._answer_s)
        return b"answer"


def shares_of_first(first: Server, second: Server, *, wanted: float, seconds: int) -> list[float]:
    """Call both servers until the first gets the wanted share of the calls, or the seconds are over."""
    with first.serving() as first_address, second.serving() as second_address:
        return asyncio.run(
            shares_second_by_second(first, f"ipv4:{first_address},{second_address}", wanted=wanted, seconds=seconds)
        )


async def shares_second_by_second(server: Server, addresses: str, *, wanted: float, seconds: int) -> list[float]:
    """Return the share of the calls that a server gets, second by second."""
    shares: list[float] = []
    async with open_aio_channel(addresses, ServiceSettings()) as channel:
        call: Any = channel.unary_unary(f"/{SERVICE}/Call")
        while len(shares) < seconds and not (shares and shares[-1] >= wanted):
            before, calls = server.handled, []
            for _ in range(CALLS_IN_A_SECOND):
                calls.append(call(b"", timeout=10))
                await asyncio.sleep(1 / CALLS_IN_A_SECOND)
            await asyncio.gather(*calls)
            shares.append((server.handled - before) / CALLS_IN_A_SECOND)
    return shares


@pytest.mark.timeout(90)
def test_the_faster_of_two_servers_gets_most_calls() -> None:
    """Beside a server that takes 60 ms, a server that takes 5 ms gets more than 4 of 5 calls; at first it gets less."""
    fast, slow = Server(0.005), Server(0.06)
    shares = shares_of_first(fast, slow, wanted=0.8, seconds=20)
    assert shares[0] < 0.8
    assert shares[-1] >= 0.8


@pytest.mark.timeout(90)
def test_equal_servers_get_equal_shares() -> None:
    """Two servers that take 20 ms have about half of the calls each, after the reports have come as well."""
    left, right = Server(0.02), Server(0.02)
    shares = shares_of_first(left, right, wanted=0.9, seconds=5)
    assert sum(shares) / len(shares) == pytest.approx(0.5, abs=0.1)
