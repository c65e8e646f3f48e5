"""Names in the store that Python and the store's functions share."""

from collections.abc import Mapping
from typing import Final

NAMESPACE: Final = "lab"
"""The namespace of a store that serves one stack."""

NAMESPACE_VARIABLE: Final = "LAB_STORE_NAMESPACE"
"""The setting of a service that names another namespace."""

GROUP: Final = "agg"
"""The consumer group of the workers."""

STREAM: Final = "ev"
LEDGER: Final = "ledger"
RUNS: Final = "runs"
EPOCH: Final = "epoch"
HEARTBEATS: Final = "beat"
SUSPECTS: Final = "suspect"
FACTS: Final = "facts"

KEY_TYPES: Final[Mapping[str, str]] = {
    STREAM: "stream",
    "dead": "stream",
    LEDGER: "hash",
    EPOCH: "string",
    RUNS: "zset",
    "producers": "zset",
    HEARTBEATS: "hash",
    SUSPECTS: "hash",
    "audit": "hash",
    FACTS: "hash",
}
"""Key without its prefix → its type in the store, for every key that belongs to no single run."""


def prefix_of(namespace: str) -> str:
    """Return the prefix of every key of a namespace. The braces put all keys into one slot."""
    return f"{{lab:{namespace}}}:"
