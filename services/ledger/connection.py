"""Connects to the store: settings, a client that never repeats a call by itself, translation of its errors."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import redis
from pydantic import Field
from pydantic_settings import BaseSettings
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.ledger.errors import (
    LedgerError,
    LedgerMisuse,
    StoreDenied,
    StoreEmpty,
    StoreFull,
    StoreLoading,
    StoreReplaced,
    StoreUnreachable,
)


class StoreSettings(BaseSettings, frozen=True, env_prefix="LAB_"):
    """Address of the store, and how to log in."""

    redis_url: str = "redis://127.0.0.1:6379/0"
    """Host, port, database; `rediss://` for TLS. An unconfigured Redis listens at the default."""
    redis_password_file: Path | None = None
    """File that holds the password."""
    redis_ca_file: Path | None = None
    """CA that signed the store's certificate, for `rediss://`."""
    store_namespace: str = Field("lab", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    """Part of every key, so that several stacks can share one store."""
    redis_timeout_s: float = Field(5.0, gt=0, le=60)
    """Seconds a call may take. A blocking read waits at most half as long."""

    @property
    def where(self) -> str:
        """host:port of the store, for messages. A login in the URL is left out."""
        return urlsplit(self.redis_url).netloc.rpartition("@")[2]


REPLIES: Final[Mapping[str, tuple[type[LedgerError], str]]] = {
    "LABEMPTY": (StoreEmpty, "redis {where} is empty or was reset; its acknowledged events are gone"),
    "LABEPOCH": (StoreReplaced, "redis {where} is another store than at the start"),
    "OOM": (StoreFull, "redis {where} reached its memory limit: {text}"),
    "NOPERM": (StoreDenied, "redis {where}: {reply}"),
    "NOAUTH": (StoreDenied, "redis {where}: {reply}"),
    "WRONGPASS": (StoreDenied, "redis {where}: {reply}"),
    "LOADING": (StoreLoading, "redis {where}: {reply}"),
    "MASTERDOWN": (StoreLoading, "redis {where}: {reply}"),
    "READONLY": (StoreUnreachable, "redis {where} takes no writes: {reply}"),
    "MISCONF": (StoreUnreachable, "redis {where} takes no writes: {reply}"),
    "NOREPLICAS": (StoreUnreachable, "redis {where} takes no writes: {reply}"),
}
"""First word of an error reply → our error, its message."""

CUT_OFF: Final[Mapping[type[Exception], str]] = {
    redis.exceptions.OutOfMemoryError: "OOM",
    redis.exceptions.NoPermissionError: "NOPERM",
    redis.exceptions.ReadOnlyError: "READONLY",
}
"""Class of the client for an error reply → the first word that it cuts off."""


def open_client(settings: StoreSettings) -> redis.Redis:
    """Return a client that never repeats a call by itself.

    redis-py retries ten times by default, which duplicates writes whose reply was lost (`ARCHITECTURE.md` D10). Only
    the caller knows whether repeating is safe.
    """
    password = settings.redis_password_file.read_text().strip() if settings.redis_password_file else None
    tls = {"ssl_ca_certs": str(settings.redis_ca_file)} if settings.redis_ca_file else {}
    client: redis.Redis = redis.Redis.from_url(
        settings.redis_url,
        password=password,
        protocol=2,
        socket_timeout=settings.redis_timeout_s,
        socket_connect_timeout=settings.redis_timeout_s,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        **tls,
    )
    return client


class Lines:
    """Keeps one connection per thread, for calls that are made thousands of times a second.

    The client's own `execute_command` borrows a connection from a pool, wraps the call for retries and records metrics
    that are not read: a quarter of ingest-api's CPU time for a batch, measured.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        self._own = threading.local()

    def call(self, *words: object) -> Any:  # noqa: ANN401  a wire reply
        """Send one command and return its reply. Raises the client's errors."""
        line = getattr(self._own, "line", None)
        if line is None:
            line = self._own.line = self._pool.make_connection()
        elif not _is_usable(line):
            line.disconnect()
        line.send_command(*words)
        return line.read_response()


def _is_usable(line: Any) -> bool:  # noqa: ANN401  a connection of the client's
    """Return whether no bytes wait to be read. They would be the end of the connection, or a reply out of step."""
    try:
        return not line.can_read(0)
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError):
        return False


@contextmanager
def our_errors(where: str) -> Iterator[None]:
    """Translate the client's errors to those of `services.ledger.errors`; *where* is the store's address."""
    try:
        yield
    except redis.exceptions.BusyLoadingError as error:
        raise StoreLoading(f"redis {where} is loading its data; retry soon") from error
    except redis.exceptions.AuthenticationError as error:
        raise StoreDenied(f"redis {where} refuses to log in: {error}") from error
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
        raise StoreUnreachable(f"redis {where}: {error}; the outcome is unknown, retry the same call") from error
    except redis.exceptions.ResponseError as error:
        raise _reply_error(_whole_reply(error), where) from error


def _whole_reply(error: redis.exceptions.ResponseError) -> str:
    """Return the reply as the server sent it. The client cuts the first word off where it has a class for it."""
    cut = next((word for kind, word in CUT_OFF.items() if isinstance(error, kind)), "")
    return str(error) if not cut or str(error).startswith(cut) else f"{cut} {error}"


def _reply_error(reply: str, where: str) -> LedgerError:
    """Return our error for an error reply. Only prefixes are compared, since servers word the rest differently."""
    code, _, text = reply.partition(" ")
    if "unction not found" in reply or code == "NOGROUP":
        return StoreEmpty(f"redis {where} holds no ledger ({reply}); run the bootstrap step against it")
    if code not in REPLIES:
        return LedgerMisuse(f"redis {where}: {reply}", reply=reply)
    error, message = REPLIES[code]
    return error(message.format(where=where, text=text, reply=reply))
