"""Classifies how durable a store is, from what INFO and CONFIG tell (`ARCHITECTURE.md`, *Durability*). Pure."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Durability = Literal["durable", "window", "volatile", "unknown"]


class Classified(NamedTuple):
    """The durability class of a store, and why the class is not a better one; empty for `durable`."""

    durability: Durability
    reason: str


def durability_of(info: Mapping[str, str], *, role: str, appendfsync: str | None) -> Classified:
    """Return the durability class of a store.

    Args:
        info: Fields of INFO by name; `aof_enabled` and `aof_last_write_status` are read.
        role: Field `role` of INFO: `master`, `slave`, or empty where the store does not tell.
        appendfsync: The setting's value; None where the store does not tell.

    >>> durability_of({"aof_enabled": "1", "aof_last_write_status": "ok"}, role="master", appendfsync="everysec")
    Classified(durability='window', reason='appendfsync is everysec')
    """
    if "aof_enabled" not in info or appendfsync is None:
        untold = "CONFIG GET appendfsync" if "aof_enabled" in info else "INFO persistence"
        return Classified("unknown", f"the store does not tell {untold}")
    if info["aof_enabled"] != "1":
        return Classified("volatile", "appendonly is no")
    if appendfsync != "always":
        return Classified("window", f"appendfsync is {appendfsync}")
    status = info.get("aof_last_write_status", "not told")
    if status != "ok":
        return Classified("window", f"aof_last_write_status is {status}")
    if role != "master":
        return Classified("window", f"the store is a replica: its role is {role or 'not told'}")
    return Classified("durable", "")
