"""The users of the store and their rights: every program may do what it does, and nothing else. Pure.

The store checks the rights of the caller for every command inside a function, too. A service therefore needs the
commands of its functions. Those commands change only the keys that the service writes, and they cannot be sent to other
keys.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from services.contracts.store_keys import EPOCH, FACTS, HEARTBEATS, STREAM, SUSPECTS, prefix_of

ADMINISTRATOR: Final = "admin"
"""Whoever looks after the store; no service has this user's password."""
BOOTSTRAP: Final = "bootstrap"
INGEST, WORKER, QUERY = "ingest-api", "process-worker", "query-api"
SERVICES: Final = (INGEST, WORKER, QUERY)
"""The services that use the store."""
USERS: Final = (ADMINISTRATOR, BOOTSTRAP, *SERVICES)

CONNECT: Final = "ping hello auth client|setinfo"
LOOK: Final = "get exists type hget hgetall hmget hlen hvals hexists zcard zscore zrange zrangebyscore scard sismember"
LOOK_INTO_STREAMS: Final = "xlen xrange xpending xinfo|groups"
WATCH: Final = "info config|get time"
"""The durability class is read while the store is in use. `CONFIG GET` tells no password: passwords are in the file of
users."""


class Rights(NamedTuple):
    """Rights of one user.

    Attributes:
        commands: Names of commands, separated by spaces.
        writes: Keys that the user may read and change, without the namespace's prefix; `*` stands for any text.
        reads: Keys that the user may only read.
        removes: Keys that the user may remove whole.
    """

    commands: str
    writes: tuple[str, ...]
    reads: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()


AUDIT: Final = "audit"
RINGS: Final = "p:*"
REMOVE: Final = "+del +unlink"
ANY_RUN: Final = ("run:*", "keys:*")
AGGREGATES: Final = ("agg:*", "tot:*", "dirty:*", "wins:*")

RIGHTS: Final[Mapping[str, Rights]] = {
    BOOTSTRAP: Rights(
        f"{LOOK} {LOOK_INTO_STREAMS} {WATCH} set hset xgroup|create function|list function|load",
        (EPOCH, STREAM, FACTS),
        ("*",),
    ),
    INGEST: Rights(
        f"{LOOK} {LOOK_INTO_STREAMS} {WATCH} fcall fcall_ro hset hincrby persist sadd xadd zadd zrem",
        (STREAM, "ledger", "producers", RINGS, "runs", *ANY_RUN),
        (EPOCH, FACTS),
        removes=(RINGS,),
    ),
    WORKER: Rights(
        f"{LOOK} {LOOK_INTO_STREAMS} {WATCH} fcall fcall_ro hset hincrby hdel xack xadd xclaim xdel"
        " xgroup|delconsumer xreadgroup zadd zrem",
        (STREAM, "dead", "ledger", AUDIT, "runs", HEARTBEATS, SUSPECTS, *ANY_RUN, *AGGREGATES),
        (EPOCH, FACTS),
        removes=(*ANY_RUN, *AGGREGATES),
    ),
    QUERY: Rights(
        f"{LOOK} {LOOK_INTO_STREAMS} {WATCH} fcall fcall_ro hset", (AUDIT, "ledger"), ("*",), removes=(AUDIT,)
    ),
}
"""User → rights. Functions get the namespace's prefix as their key, so that all services may use that key."""


def users_file(passwords: Mapping[str, str], *, namespace: str) -> str:
    """Return the file of users that a server of the store reads at its start (`aclfile`).

    Args:
        passwords: User → password; the file holds hashes of them.
        namespace: The namespace of the keys (`LAB_STORE_NAMESPACE`).
    """
    lines = ["user default off"]
    for user in USERS:
        hashed = hashlib.sha256(passwords[user].encode()).hexdigest()
        lines.append(f"user {user} on #{hashed} {rights_of(user, namespace=namespace)}")
    return "\n".join(lines) + "\n"


def rights_of(user: str, *, namespace: str) -> str:
    """Return the rights of a user as the store writes them.

    >>> rights_of("query-api", namespace="lab").partition("(")[2]
    '+del +unlink ~{lab:lab}:audit)'
    """
    if user == ADMINISTRATOR:
        return "~* &* +@all"
    prefix, rights = prefix_of(namespace), RIGHTS[user]
    keys = [f"~{prefix}", *(f"~{prefix}{key}" for key in rights.writes), *(f"%R~{prefix}{key}" for key in rights.reads)]
    removing = f"({REMOVE} {' '.join(f'~{prefix}{key}' for key in rights.removes)})" if rights.removes else ""
    commands = (f"+{name}" for name in _commands(rights))
    return " ".join(filter(None, ("resetkeys", "resetchannels", *keys, "-@all", *commands, removing)))


def _commands(rights: Rights) -> list[str]:
    return f"{CONNECT} {rights.commands}".split()
