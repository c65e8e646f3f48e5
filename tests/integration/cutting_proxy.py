"""Stands between two programs and resets their connections at random bytes, in both directions."""

import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

FEWEST_BYTES: Final = 1
CHUNK_BYTES: Final = 16_384
LOOK_S: Final = 0.2
"""Between two looks whether the proxy ends."""
RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of a socket that resets its connection when it is closed."""


class CuttingProxy:
    """Forwards connections on loopback to a port of loopback; cuts them while `cutting` is set.

    Args:
        port: Where the server listens.
        seed: Decides at which bytes connections are cut.
        most_bytes: A connection is cut after so many bytes in one direction at most.
    """

    def __init__(self, port: int, seed: int, *, most_bytes: int) -> None:
        self._to, self._most_bytes = port, most_bytes
        self._draw, self._drawing = random.Random(seed), threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._ending = threading.Event()
        self.port: int = self._server.getsockname()[1]
        self.cutting = threading.Event()
        self.cuts = 0

    def serve(self) -> None:
        """Accept connections until the proxy ends."""
        self._server.settimeout(LOOK_S)
        while not self._ending.is_set():
            with suppress(TimeoutError):
                self._join(self._server.accept()[0])
        self._server.close()

    def end(self) -> None:
        """Accept no more connections, and close those that are open."""
        self._ending.set()

    def _join(self, caller: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._to), timeout=LOOK_S)
        except OSError:
            _reset(caller)
            return
        pair = (caller, server)
        for end in pair:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(LOOK_S)
        for source, target in (pair, pair[::-1]):
            threading.Thread(target=self._relay, args=(source, target), name="cutting-proxy", daemon=True).start()

    def _relay(self, source: socket.socket, target: socket.socket) -> None:
        """Forward one direction. Both ends are reset at the byte that was drawn, or when either end is gone."""
        with self._drawing:
            left = self._draw.randint(FEWEST_BYTES, self._most_bytes)
        try:
            while not self._ending.is_set():
                try:
                    part = source.recv(CHUNK_BYTES)
                except TimeoutError:
                    continue
                if not part:
                    break
                if self.cutting.is_set() and len(part) >= left:
                    target.sendall(part[:left])
                    self.cuts += 1
                    break
                left -= len(part) if self.cutting.is_set() else 0
                target.sendall(part)
        except OSError:
            pass
        finally:
            _reset(source)
            _reset(target)


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        # Wakes the thread that reads the other direction.
        connection.shutdown(socket.SHUT_RD)
    connection.close()


@contextmanager
def cutting_proxy(port: int, seed: int, *, most_bytes: int) -> Iterator[CuttingProxy]:
    """Yield a proxy that serves for as long as the context lasts; it cuts nothing until it is told to."""
    proxy = CuttingProxy(port, seed, most_bytes=most_bytes)
    thread = threading.Thread(target=proxy.serve, name="cutting-proxy")
    thread.start()
    try:
        yield proxy
    finally:
        proxy.end()
        thread.join()
