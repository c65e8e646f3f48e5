"""Makes gRPC calls frame by frame, as no well-behaved client would: without a message, without reading an answer."""

import contextlib
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
INITIAL_WINDOW_SIZE: Final = 4
FRAME_HEAD: Final = 9
WAIT_S: Final = 10.0


class RawConnection:
    """One connection.

    Args:
        line: The socket, connected.
        window: Bytes of an answer that the server may send; None for the usual 65,535.
    """

    def __init__(self, line: socket.socket, *, window: int | None = None) -> None:
        self._line, self._numbers = line, count(1, 2)
        self._unread = b""
        self._heads: defaultdict[int, bytes] = defaultdict(bytes)
        self._ended: set[int] = set()
        settings = b"" if window is None else struct.pack(">HI", INITIAL_WINDOW_SIZE, window)
        line.sendall(PREFACE + _frame(SETTINGS, 0, 0, settings) + _frame(SETTINGS, ACK, 0, b""))

    def call(
        self, path: str, message: bytes | None = None, *, metadata: Sequence[tuple[str, bytes]] = (), over: bool = False
    ) -> int:
        """Begin a call. Return its number.

        Args:
            path: `/package.Service/Method`.
            message: Its message; None sends headers alone.
            metadata: Names and values of further headers.
            over: Whether the caller says that it will send nothing more.
        """
        number = next(self._numbers)
        fields = (
            (":method", b"POST"), (":scheme", b"http"), (":path", path.encode()), (":authority", b"here"),
            ("te", b"trailers"), ("content-type", b"application/grpc"), *metadata,
        )  # fmt: skip
        head = b"".join(_field(name, value) for name, value in fields)
        last_is_head = over and message is None
        frames = _frame(HEADERS, END_HEADERS | (END_STREAM if last_is_head else 0), number, head)
        if message is not None:
            body = struct.pack(">BI", 0, len(message)) + message
            frames += _frame(DATA, END_STREAM if over else 0, number, body)
        self._line.sendall(frames)
        return number

    def until_ended(self, number: int) -> bytes:
        """Return the headers and the reset of a call, once the server has ended it; TimeoutError otherwise."""
        frames = self._frames()
        while number not in self._ended:
            kind, flags, stream, payload = next(frames)
            if kind in {HEADERS, RST_STREAM}:
                self._heads[stream] += payload
            if kind == RST_STREAM or (kind in {HEADERS, DATA} and flags & END_STREAM):
                self._ended.add(stream)
        return self._heads[number]

    def ping(self, times: int) -> None:
        """Send pings, one right after the other."""
        self._line.sendall(_frame(PING, 0, 0, b"\0" * 8) * times)

    def until_sent_away(self) -> bytes:
        """Return what the server says when it closes the connection by itself; TimeoutError where it does not."""
        return next(payload for kind, _, _, payload in self._frames() if kind == GOAWAY)

    def _frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            while len(self._unread) >= FRAME_HEAD:
                length = int.from_bytes(self._unread[:3])
                if len(self._unread) < FRAME_HEAD + length:
                    break
                kind, flags, stream = struct.unpack(">BBI", self._unread[3:FRAME_HEAD])
                payload = self._unread[FRAME_HEAD : FRAME_HEAD + length]
                self._unread = self._unread[FRAME_HEAD + length :]
                yield kind, flags, stream, payload
            self._line.settimeout(max(0.01, end - time.monotonic()))
            received = self._line.recv(65_536)
            if not received:
                raise ConnectionError("the server closed the connection")
            self._unread += received
        raise TimeoutError


@contextlib.contextmanager
def raw_connection(address: str, *, window: int | None = None) -> Iterator[RawConnection]:
    """Yield a plaintext connection to host:port."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=WAIT_S) as line:
        yield RawConnection(line, window=window)


def _frame(kind: int, flags: int, number: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + struct.pack(">BBI", kind, flags, number) + payload


def _field(name: str, value: bytes) -> bytes:
    """Return a header as a literal that no table remembers."""
    return b"\0" + _text(name.encode()) + _text(value)


def _text(text: bytes) -> bytes:
    length, encoded = len(text), bytearray()
    if length < 127:
        return bytes([length]) + text
    length -= 127
    while length >= 128:
        encoded.append(length % 128 + 128)
        length //= 128
    return bytes([127, *encoded, length]) + text
