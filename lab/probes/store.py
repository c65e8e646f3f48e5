"""Looks at the store: whether it answers, lets the lab in, and can hold the ledger."""

import ssl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

from lab.probes.resp import PORT, Line, Refused
from lab.settings import text_of
from lab.snapshots.probes import StoreProbe

DENIED: Final = ("NOAUTH", "WRONGPASS", "ERR AUTH", "ERR invalid password", "NOPERM")
"""How servers begin when they do not let somebody in."""
Durability = Literal["durable", "window", "volatile", "unknown", ""]


class StoreLook(NamedTuple):
    """What was seen: the probe, `redis` or `valkey`, its version, the version of Redis whose commands it has."""

    probe: StoreProbe
    kind: str = ""
    version: str = ""
    speaks: str = ""


def probe_store(url: str, password_file: Path | None, ca_file: Path | None) -> StoreProbe:
    """Whether the store answers, lets the lab in, evicts, and how durable it is.

    Raises:
        BadConfig: The password's file or the CA's cannot be read.
    """
    return look_at_store(url, password_file, ca_file).probe


def look_at_store(url: str, password_file: Path | None, ca_file: Path | None) -> StoreLook:
    """The same with kind and version.

    Raises:
        BadConfig: The password's file or the CA's cannot be read.
    """
    probe, is_in = StoreProbe(url, reachable=False), False
    try:
        probe, parts = unasked(url, password_file, ca_file), urlsplit(url)
        password = text_of(password_file) if password_file else ""
        with Line(parts, ca_file) as line:
            _sign_in(line, parts, password)
            is_in = True
            return _look(line, probe)
    except Refused as error:
        said = str(error)
        is_in = is_in or not said.startswith(DENIED)
        return StoreLook(replace(probe, reachable=True, authenticated=is_in, error=said))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        # Whoever shows a certificate that does not convince is there.
        return StoreLook(replace(probe, reachable=isinstance(error, ssl.SSLError), error=str(why)))


def unasked(url: str, password_file: Path | None, ca_file: Path | None) -> StoreProbe:
    """Where a store is and how it is spoken to, before it was asked; ValueError where the URL is none."""
    parts = urlsplit(url)
    return StoreProbe(
        f"{parts.hostname}:{parts.port or PORT}",
        reachable=None,
        tls=parts.scheme == "rediss",
        user=parts.username or "",
        password_file=str(password_file.absolute()) if password_file else "",
        ca_file=str(ca_file.absolute()) if ca_file else "",
    )


def durability_of(persistence: Mapping[str, str], role: str, fsync: str | None) -> Durability:
    """The class of a store (`ARCHITECTURE.md`, *Durability*) by what INFO and `appendfsync` say; None: not told."""
    if fsync is None or "aof_enabled" not in persistence:
        return "unknown"
    if persistence["aof_enabled"] != "1":
        return "volatile"
    whole = persistence.get("aof_last_write_status") == "ok" and role == "master"
    return "durable" if fsync == "always" and whole else "window"


def _sign_in(line: Line, parts: SplitResult, password: str) -> None:
    if password:
        line.ask("AUTH", *([parts.username] if parts.username else []), password)
    line.ask("PING")


def _look(line: Line, unasked: StoreProbe) -> StoreLook:
    facts: dict[str, str] = {}
    for section in ("server", "memory", "persistence", "replication"):
        facts |= _info(line, section)
    durability = durability_of(facts, facts.get("role", ""), _fsync(line))
    policy = facts.get("maxmemory_policy", "")
    probe = replace(unasked, reachable=True, authenticated=True, policy=policy, durability=durability)
    kind, speaks = "valkey" if "valkey_version" in facts else "redis", facts.get("redis_version", "")
    return StoreLook(probe, kind, facts.get("valkey_version", speaks), speaks)


def _info(line: Line, section: str) -> dict[str, str]:
    """A section of INFO; empty where it is not told."""
    try:
        said = str(line.ask("INFO", section))
    except Refused:
        return {}
    pairs = (row.partition(":") for row in said.splitlines() if not row.startswith("#"))
    return {name: value for name, colon, value in pairs if colon}


def _fsync(line: Line) -> str | None:
    try:
        said = line.ask("CONFIG", "GET", "appendfsync")
    except Refused:
        return None
    return str(said[1]) if isinstance(said, list) and len(said) == 2 else None
