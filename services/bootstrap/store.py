"""Prepares a store to hold the ledger, or says why it cannot."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final

import redis

from services.contracts.durability import Classified, Durability, durability_of
from services.contracts.limits import OLDEST_STORE
from services.ledger.connection import StoreSettings, open_client, our_errors
from services.ledger.keys import EPOCH, FACTS, GROUP, KEY_TYPES, STREAM, prefix_of
from services.ledger.waiting import wait_for_store

LIBRARY: Final = "lab_ledger"


class UnfitStore(Exception):
    """This store cannot hold the ledger; *reason* is a code for programs, the message is for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about the store: server, version, durability class (`ARCHITECTURE.md`, *Durability*)."""

    kind: str
    version: str
    durability: Durability


def bootstrap(settings: StoreSettings, *, require_durability: str = "", wait_s: float = 0.0) -> Facts:
    """Load the functions, make epoch and group where they are missing, and write down the facts. Idempotent.

    Args:
        settings: Where the store is.
        require_durability: `durable` refuses every other class of store. Empty accepts all.
        wait_s: Seconds to wait for a store that is starting or loading its data.

    Raises:
        UnfitStore: The store cannot hold the ledger.
        LedgerError: The store cannot be reached, or denies access.
    """
    client = open_client(settings)
    prefix = prefix_of(settings.store_namespace)
    wait_for_store(lambda: _ping(client, settings.where), seconds=wait_s)
    with our_errors(settings.where):
        server = client.info("server")
        version = str(server.get("valkey_version") or server["redis_version"])
        _check_version(server)
        _check_keys(client, prefix)
        classified = _classify(client)
        _require(classified, require_durability)
        facts = Facts("valkey" if "valkey_version" in server else "redis", version, classified.durability)
        _load_functions(client)
        client.set(prefix + EPOCH, uuid.uuid4().hex, nx=True)
        _make_group(client, prefix)
        client.hset(
            prefix + FACTS,
            mapping={
                "kind": facts.kind,
                "version": facts.version,
                "durability": facts.durability,
                "checked": time.time_ns(),
            },
        )
    return facts


def _ping(client: redis.Redis, where: str) -> None:
    with our_errors(where):
        client.ping()


def _check_version(server: Mapping[str, object]) -> None:
    # Valkey calls itself redis 7.2 here: the version of Redis whose commands it has.
    version = str(server["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_STORE:
        raise UnfitStore("STORE_TOO_OLD", f"redis {version}: FUNCTION needs ≥ 7.0")


def _check_keys(client: redis.Redis, prefix: str) -> None:
    for name, wanted in KEY_TYPES.items():
        actual = client.type(prefix + name).decode()
        if actual not in {"none", wanted}:
            raise UnfitStore(
                "KEY_CLASH", f"{prefix}{name} is a {actual}, not a {wanted}; choose another LAB_STORE_NAMESPACE"
            )


def _classify(client: redis.Redis) -> Classified:
    """Return the durability class. Raises UnfitStore for a store that evicts keys."""
    info: dict[str, str] = {}
    try:
        for section in ("memory", "persistence", "replication"):
            info |= {name: str(value) for name, value in client.info(section).items()}
        appendfsync = client.config_get("appendfsync").get("appendfsync")
    except redis.exceptions.ResponseError as error:
        return Classified("unknown", f"the store does not tell: {error}")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise UnfitStore("STORE_EVICTS", f"maxmemory-policy {policy} can delete events; set noeviction")
    return durability_of(info, role=info.get("role", ""), appendfsync=appendfsync)


def _require(classified: Classified, wanted: str) -> None:
    if wanted == "durable" and classified.durability != "durable":
        raise UnfitStore(
            "NOT_DURABLE",
            f"the store is {classified.durability}: {classified.reason}\n"
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
        client.xgroup_create(prefix + STREAM, GROUP, id="0", mkstream=True)
    except redis.exceptions.ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise
