"""Prepares a store to hold the ledger, or says why it cannot."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import redis

from services.contracts.durability import Classified, Durability
from services.contracts.limits import OLDEST_STORE
from services.contracts.store_keys import EPOCH, FACTS, GROUP, KEY_TYPES, STREAM, prefix_of
from services.ledger.client_errors import our_errors
from services.ledger.connection import StoreSettings, open_client
from services.ledger.durability import read_durability
from services.ledger.library import CODE, LIBRARY
from services.ledger.waiting import wait_for_store


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

    A store that holds all of this is not written to, so that a service starts at the store's memory limit, too.

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
        if not client.exists(prefix + EPOCH):
            client.set(prefix + EPOCH, uuid.uuid4().hex, nx=True)
        _make_group(client, prefix)
        _write_facts(client, prefix, facts)
    return facts


def _ping(client: redis.Redis, where: str) -> None:
    with our_errors(where):
        client.ping()


def _check_version(server: Mapping[str, object]) -> None:
    # Valkey calls itself redis 7.2 here: the version of Redis whose commands it has.
    version = str(server["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_STORE:
        raise UnfitStore("STORE_TOO_OLD", f"redis {version} has no FUNCTION; use Redis 7.0 or newer, or Valkey")


def _check_keys(client: redis.Redis, prefix: str) -> None:
    for name, wanted in KEY_TYPES.items():
        actual = client.type(prefix + name).decode()
        if actual not in {"none", wanted}:
            raise UnfitStore(
                "KEY_CLASH", f"{prefix}{name} is a {actual}, not a {wanted}; choose another LAB_STORE_NAMESPACE"
            )


def _classify(client: redis.Redis) -> Classified:
    """Return the durability class. Raises UnfitStore for a store that evicts keys."""
    classified, info = read_durability(client)
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise UnfitStore("STORE_EVICTS", f"maxmemory-policy {policy} can delete events; set noeviction")
    return classified


def _require(classified: Classified, wanted: str) -> None:
    if wanted == "durable" and classified.durability != "durable":
        raise UnfitStore(
            "NOT_DURABLE",
            f"the store is {classified.durability}: {classified.reason}\n"
            "set: CONFIG SET appendonly yes\n"
            "set: CONFIG SET appendfsync always",
        )


def _load_functions(client: redis.Redis) -> None:
    """Load this version's functions beside those of other versions."""
    loaded = client.execute_command("FUNCTION", "LIST", "LIBRARYNAME", LIBRARY, "WITHCODE")
    if not loaded or CODE.encode() not in loaded[0]:
        client.function_load(CODE, replace=True)


def _make_group(client: redis.Redis, prefix: str) -> None:
    stream = prefix + STREAM
    if client.exists(stream) and any(group["name"] == GROUP.encode() for group in client.xinfo_groups(stream)):
        return
    try:
        client.xgroup_create(stream, GROUP, id="0", mkstream=True)
    except redis.exceptions.ResponseError as error:
        # Another service of the stack was faster.
        if not str(error).startswith("BUSYGROUP"):
            raise


def _write_facts(client: redis.Redis, prefix: str, facts: Facts) -> None:
    fields = {"kind": facts.kind, "version": facts.version, "durability": facts.durability}
    written = client.hgetall(prefix + FACTS)
    if {name: written.get(name.encode(), b"").decode() for name in fields} != fields:
        client.hset(prefix + FACTS, mapping=fields)
