"""Asks a Redis server in its own protocol (RESP, version 2): a few questions, no client library."""

import re
import socket
from pathlib import Path
from typing import Final, Self
from urllib.parse import SplitResult

from lab.probes.trust import trusted

PORT: Final = 6379
TIMEOUT_S: Final = 5.0
LARGEST: Final = 1 << 20
"""Bytes of one line."""

Reply = str | list["Reply"] | None


class Refused(Exception):
    """The server answered with an error; its text is the server's."""


class Line:
    """One connection.

    Args:
        url: `redis://host:port`, or `rediss://` for TLS.
        ca_file: CA to trust in place of the system's.

    Raises:
        BadConfig: The CA's file cannot be used; then nobody is asked.
        OSError: Nobody answers there; as `ssl.SSLError`, somebody whose certificate does not convince.
        ValueError: The URL is none, or what answers is no Redis.
    """

    def __init__(self, url: SplitResult, ca_file: Path | None) -> None:
        host, port = url.hostname or "", url.port or PORT
        trust = trusted(ca_file) if url.scheme == "rediss" else None
        self._socket = socket.create_connection((host, port), timeout=TIMEOUT_S)
        try:
            if trust is not None:
                self._socket = trust.wrap_socket(self._socket, server_hostname=host)
            self._replies = self._socket.makefile("rb")
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._replies.close()
        self._socket.close()

    def ask(self, *words: str) -> Reply:
        """Send one command; Refused where the server answers with an error."""
        coded = [word.encode() for word in words]
        parts = [b"*%d\r\n" % len(coded), *(b"$%d\r\n%b\r\n" % (len(word), word) for word in coded)]
        self._socket.sendall(b"".join(parts))
        return self._reply()

    def _reply(self) -> Reply:
        kind, text = self._first_line()
        if kind == "-":
            raise Refused(text)
        if kind in {"+", ":"}:
            return text
        if kind not in {"$", "*"} or not re.fullmatch(r"-1|\d{1,7}", text):
            raise ValueError(f"not an answer of Redis: {(kind + text)[:60]!r}")
        size = int(text)
        if size < 0:
            return None
        if kind == "*":
            return [self._reply() for _ in range(size)]
        return self._replies.read(size + 2)[:size].decode("utf-8", "replace")

    def _first_line(self) -> tuple[str, str]:
        line = self._replies.readline(LARGEST).decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            raise ConnectionError("it ended the connection")
        return line[0], line[1:]
