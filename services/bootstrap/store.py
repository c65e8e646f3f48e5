"""Makes a store fit to hold the ledger, or says why it is not."""

import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final

import redis

from services.ledger.connection import StoreSettings, open_client, our_errors
from services.ledger.errors import LedgerError
from services.ledger.keys import GROUP, prefix_of

LIBRARY: Final = "lab_ledger"
OLDEST: Final = (7, 0)
KEY_TYPES: Final = {
    "ev": "stream",
    "dead": "stream",
    "ledger": "hash",
    "epoch": "string",
    "runs": "zset",
    "producers": "zset",
    "beat": "hash",
    "suspect": "hash",
    "facts": "hash",
}


class UnfitStore(Exception):
    """This store cannot hold the ledger; *reason* is the machine-readable word."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found out: server, version, durability class (`ARCHITECTURE.md`, *Durability*), why not a better one."""

    kind: str
    version: str
    durability: str
    why: str


def bootstrap(settings: StoreSettings, *, require_durability: str = "") -> Facts:
    """Load the functions, make epoch and group where they are missing, write down what kind of store this is.

    Raises UnfitStore, or a LedgerError where the store cannot be reached. Doing it twice changes nothing.
    """
    client = open_client(settings)
    where, prefix = settings.redis_url.rpartition("@")[2], prefix_of(settings.store_namespace)
    with our_errors(where):
        server = client.info("server")
        version = str(server.get("valkey_version") or server["redis_version"])
        _check_version(server)
        _check_keys(client, prefix)
        facts = _durability("valkey" if "valkey_version" in server else "redis", version, client)
        _require(facts, require_durability)
        _load_functions(client)
        client.set(prefix + "epoch", uuid.uuid4().hex, nx=True)
        _make_group(client, prefix)
        client.hset(
            prefix + "facts",
            mapping={
                "kind": facts.kind,
                "version": facts.version,
                "durability": facts.durability,
                "checked": time.time_ns(),
            },
        )
    return facts


def _check_version(server: Mapping[str, object]) -> None:
    # Valkey calls itself redis 7.2 here, on purpose, and this is the version of the commands it has.
    spoken = str(server["redis_version"])
    if tuple(int(part) for part in spoken.split(".")[:2]) < OLDEST:
        raise UnfitStore("STORE_TOO_OLD", f"redis {spoken}: FUNCTION needs ≥ 7.0")


def _check_keys(client: redis.Redis, prefix: str) -> None:
    for name, wanted in KEY_TYPES.items():
        found = client.type(prefix + name).decode()
        if found not in {"none", wanted}:
            raise UnfitStore(
                "KEY_CLASH", f"{prefix}{name} is a {found}, not a {wanted}; choose another LAB_STORE_NAMESPACE"
            )


def _durability(kind: str, version: str, client: redis.Redis) -> Facts:
    try:
        memory, persistence, replication = client.info("memory"), client.info("persistence"), client.info("replication")
        fsync = client.config_get("appendfsync").get("appendfsync")
    except redis.exceptions.ResponseError as error:
        return Facts(kind, version, "unknown", f"the store does not tell: {error}")
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise UnfitStore("STORE_EVICTS", f"maxmemory-policy {policy} can delete events; set noeviction")
    if not persistence.get("aof_enabled"):
        return Facts(kind, version, "volatile", "appendonly is no")
    if fsync != "always":
        return Facts(kind, version, "window", f"appendfsync is {fsync}")
    if persistence.get("aof_last_write_status") != "ok" or replication.get("role") != "master":
        return Facts(kind, version, "window", "the last write to the append-only file failed, or this is a replica")
    return Facts(kind, version, "durable", "")


def _require(facts: Facts, wanted: str) -> None:
    if wanted == "durable" and facts.durability != "durable":
        raise UnfitStore(
            "NOT_DURABLE",
            f"the store is {facts.durability}: {facts.why}\n"
            "set: CONFIG SET appendonly yes\n"
            "set: CONFIG SET appendfsync always",
        )


def _load_functions(client: redis.Redis) -> None:
    code = resources.files("services.ledger").joinpath("functions.lua").read_text()
    loaded = client.execute_command("FUNCTION", "LIST", "LIBRARYNAME", LIBRARY, "WITHCODE")
    if not loaded or code.encode() not in loaded[0]:
        client.function_load(code, replace=True)


def _make_group(client: redis.Redis, prefix: str) -> None:
    try:
        client.xgroup_create(prefix + "ev", GROUP, id="0", mkstream=True)
    except redis.exceptions.ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


def wait_until_loaded(settings: StoreSettings, *, seconds: float) -> None:
    """Return when the store answers; the last LedgerError when it does not within *seconds*."""
    end, pause = time.monotonic() + seconds, threading.Event()
    client = open_client(settings)
    while True:
        try:
            with our_errors(settings.redis_url.rpartition("@")[2]):
                client.ping()
        except LedgerError:
            if time.monotonic() >= end:
                raise
        else:
            return
        pause.wait(0.1)
