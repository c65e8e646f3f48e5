"""Translates error replies of the store to our errors. Pure."""

from collections.abc import Mapping
from typing import Final

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

EMPTY: Final = (
    "redis {where} is empty or was reset; its acknowledged events are gone\n"
    "run the bootstrap step against it, then start the services again"
)
DENIED: Final = "redis {where}: {reply}; check LAB_REDIS_USER and LAB_REDIS_PASSWORD_FILE"
STORE_ERRORS: Final[Mapping[str, tuple[type[LedgerError], str]]] = {
    "LABEMPTY": (StoreEmpty, EMPTY),
    "LABEPOCH": (StoreReplaced, "redis {where} is another store than at the start; start the services again"),
    "OOM": (StoreFull, "redis {where} reached its memory limit: {text}; retry later, or raise its maxmemory"),
    "NOPERM": (StoreDenied, "redis {where}: {reply}; give this user that right, or set another LAB_REDIS_USER"),
    "NOAUTH": (StoreDenied, DENIED),
    "WRONGPASS": (StoreDenied, DENIED),
    "LOADING": (StoreLoading, "redis {where}: {reply}; retry soon"),
    "MASTERDOWN": (StoreLoading, "redis {where}: {reply}; retry when the replica has its primary again"),
    "READONLY": (StoreUnreachable, "redis {where} takes no writes: {reply}; set LAB_REDIS_URL to its primary"),
    "MISCONF": (StoreUnreachable, "redis {where} takes no writes: {reply}; free its disk, and see its log"),
    "NOREPLICAS": (StoreUnreachable, "redis {where} takes no writes: {reply}; start its replicas again"),
}
"""First word of an error reply → our error, its message."""
NO_GROUP: Final = "NOGROUP"
NO_FUNCTION: Final = "unction not found"
"""Words of servers for a function that is not loaded, whatever letter they begin with."""


def error_of_reply(reply: str, where: str) -> LedgerError:
    """Return our error for an error reply. Only the first word is compared, since servers word the rest differently.

    Args:
        reply: The reply as the server sent it, without the leading `-`.
        where: Address of the store, for the message.

    >>> error_of_reply("LABEPOCH the store was replaced", "db:6379")
    StoreReplaced('redis db:6379 is another store than at the start; start the services again')
    """
    code, _, text = reply.partition(" ")
    if NO_FUNCTION in reply or code == NO_GROUP:
        return StoreEmpty(f"redis {where} holds no ledger ({reply}); run the bootstrap step against it")
    if code not in STORE_ERRORS:
        return LedgerMisuse(f"redis {where}: {reply}", reply=reply)
    error, message = STORE_ERRORS[code]
    return error(message.format(where=where, text=text, reply=reply))
