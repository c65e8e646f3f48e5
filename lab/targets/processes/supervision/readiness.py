"""Probes whether a program is ready; a probe takes at most half a second."""

import json
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

PROBE_TIMEOUT_S: Final = 0.5
ADDRESSES: Final = ("grpc", "health", "metrics")
"""Kinds of addresses that a ready file may hold."""
REPLY_BYTES: Final = 256
"""Start of a reply that a probe reads; the status stands there."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """The content of a program's ready file: its instance and its addresses by kind."""

    instance_id: str
    addresses: dict[str, str]


def read_announcement(path: Path, pid: int) -> Announcement | None:
    """Read the ready file of the process *pid*. None: the file is missing, or another process wrote it."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if fields.get("pid") != pid:
        return None
    addresses = {kind: str(fields[kind]) for kind in ADDRESSES if fields.get(kind)}
    return Announcement(str(fields.get("instance_id", "")), addresses)


def redis_answers(address: str, user: str = "", password_file: str = "") -> bool:
    """Whether the store answers PING with PONG; a store that still loads its data answers with an error.

    Args:
        address: The store, host:port.
        user: User that logs in first; empty for nobody.
        password_file: File with the password of that user.
    """
    try:
        login = f"AUTH {user} {Path(password_file).read_text(encoding='utf-8')}\r\n" if user else ""
    except OSError:
        return False
    # QUIT ends the connection, and thereby the reply.
    return b"+PONG" in _exchange(address, f"{login}PING\r\nQUIT\r\n".encode())


def http_answers(url: str) -> bool:
    """Whether the server answers GET with 200."""
    parts = urlsplit(url)
    request = f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n"
    reply = _exchange(parts.netloc, request.encode())
    return reply.split(b" ", 2)[1:2] == [b"200"]


def _exchange(address: str, request: bytes) -> bytes:
    """Return the start of the reply, until the server ends the connection or the time is over."""
    host, _, port = address.rpartition(":")
    end_s, reply = time.monotonic() + PROBE_TIMEOUT_S, b""
    with suppress(OSError), socket.create_connection((host, int(port)), timeout=PROBE_TIMEOUT_S) as connection:
        connection.sendall(request)
        while len(reply) < REPLY_BYTES and (left_s := end_s - time.monotonic()) > 0:
            connection.settimeout(left_s)
            part = connection.recv(REPLY_BYTES)
            if not part:
                break
            reply += part
    return reply
