"""Asks the store: whether it answers, lets the lab in, evicts, keeps what it acknowledged."""

import ssl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, TypedDict
from urllib.parse import SplitResult, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lab.errors import BadConfig, causes_of
from lab.model import StoreLogin
from lab.probes.error_text import text_of_error
from lab.settings import text_of
from lab.snapshots.answers import StoreProbe
from lab.trust import tls_context
from services.contracts.durability import durability_of

PORT: Final = 6379
TIMEOUT_S: Final = 5.0
SECTIONS: Final = ("server", "memory", "persistence", "replication")
"""Sections of INFO that are asked for."""
DENIED: Final = ("NOAUTH", "WRONGPASS", "NOPERM")
"""First words of an error reply to a client that is not let in."""
CUT_OFF: Final[Mapping[type[Exception], str]] = {
    redis.exceptions.NoPermissionError: "NOPERM",
    redis.exceptions.AuthenticationError: "NOAUTH",
    redis.exceptions.BusyLoadingError: "LOADING",
}
"""The client's class for an error reply → the first word of the reply, which the client cuts off."""
BAD_LOGIN: Final = "invalid username-password"
SCHEMES: Final = ("redis", "rediss")
"""Of a URL that names a store; the second speaks TLS."""


class _Tls(TypedDict, total=False):
    """Options of the client for a connection by TLS; empty for a connection without."""

    ssl: bool
    ssl_ca_certs: str | None


def probe_store(url: str, login: StoreLogin | None, ca_file: Path | None) -> StoreProbe:
    """Ask a store what it is; every answer, and none, is a probe.

    No server is asked where the URL, or the file of the password or of the CA, cannot be used.
    """
    try:
        probe = _unasked(url, login, ca_file)
    except ValueError as error:
        return StoreProbe(_place_in(url), reachable=None, error=str(error))
    try:
        client = _client(urlsplit(url), probe.user, text_of(login.password_file) if login else "", ca_file)
    except BadConfig as error:
        return replace(probe, error=text_of_error(error))
    try:
        return _answered(client, probe)
    finally:
        client.close()


def _unasked(url: str, login: StoreLogin | None, ca_file: Path | None) -> StoreProbe:
    """Return the address of a store and how to speak to it; ValueError where the URL names no store."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValueError(f"its URL must be {' or '.join(f'{scheme}://host:port' for scheme in SCHEMES)}")
    return StoreProbe(
        f"{parts.hostname}:{parts.port or PORT}",
        reachable=None,
        tls=parts.scheme == "rediss",
        user=(login.user if login else "") or parts.username or "",
        password_file=str(login.password_file.absolute()) if login else "",
        ca_file=str(ca_file.absolute()) if ca_file else "",
    )


def _place_in(url: str) -> str:
    """Return the part of a URL that should be host:port, without a login; the path where there is no such part."""
    place, _, path = url.rpartition("://")[2].partition("/")
    return place.rpartition("@")[2] or f"/{path}"


def _answered(client: redis.Redis, probe: StoreProbe) -> StoreProbe:
    """Add to a probe what the store answers, or why it does not."""
    try:
        client.ping()
        return _described(client, probe)
    except redis.exceptions.InvalidResponse as error:
        return replace(probe, reachable=False, error=f"not an answer of Redis: {error}")
    except (redis.exceptions.ResponseError, *CUT_OFF) as error:
        reply = _reply(error)
        return replace(probe, reachable=True, authenticated=not reply.startswith(DENIED), error=reply)
    except (redis.exceptions.RedisError, OSError) as error:
        cause = _cause(error)
        why = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        # A server whose certificate is not trusted is there.
        return replace(probe, reachable=isinstance(cause, ssl.SSLError), error=str(why))


def _client(parts: SplitResult, user: str, password: str, ca_file: Path | None) -> redis.Redis:
    """Return a client that asks once; without a password nobody logs in."""
    tls: _Tls = {}
    if parts.scheme == "rediss":
        tls_context(ca_file)
        tls = {"ssl": True, "ssl_ca_certs": str(ca_file) if ca_file else None}
    client: redis.Redis = redis.Redis(
        parts.hostname or "",
        parts.port or PORT,
        username=user if user and password else None,
        password=password or None,
        protocol=2,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        **tls,
    )
    return client


def _described(client: redis.Redis, probe: StoreProbe) -> StoreProbe:
    """Add what a store tells of itself to its probe."""
    facts = {name: str(value) for section in SECTIONS for name, value in _info(client, section).items()}
    speaks = facts.get("redis_version", "")
    return replace(
        probe,
        reachable=True,
        authenticated=True,
        policy=facts.get("maxmemory_policy", ""),
        durability=durability_of(facts, role=facts.get("role", ""), appendfsync=_appendfsync(client)).durability,
        kind="valkey" if "valkey_version" in facts else "redis",
        version=facts.get("valkey_version", speaks),
        speaks=speaks,
    )


def _info(client: redis.Redis, section: str) -> Mapping[str, object]:
    """Return a section of INFO; empty where the store does not tell."""
    try:
        facts: Mapping[str, object] = client.info(section)
    except redis.exceptions.ResponseError:
        return {}
    return facts


def _appendfsync(client: redis.Redis) -> str | None:
    """Return the setting; None where the store does not tell."""
    try:
        value: str | bytes | None = client.config_get("appendfsync").get("appendfsync")
    except redis.exceptions.ResponseError:
        return None
    return value.decode() if isinstance(value, bytes) else value


def _reply(error: Exception) -> str:
    """Return an error reply as the store sent it."""
    word, text = next((word for kind, word in CUT_OFF.items() if isinstance(error, kind)), ""), str(error)
    if BAD_LOGIN in text:
        word = "WRONGPASS"
    return text if not word or text.startswith((*DENIED, *CUT_OFF.values())) else f"{word} {text}"


def _cause(error: BaseException) -> BaseException:
    """Return the error of the operating system or of TLS behind an error of the client."""
    return next((cause for cause in causes_of(error) if isinstance(cause, OSError)), error)
