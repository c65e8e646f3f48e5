"""Names in the store that the ledger and bootstrap share."""

from typing import Final

GROUP: Final = "agg"
"""The consumer group of the workers."""


def prefix_of(namespace: str) -> str:
    """Return the prefix of every key of a namespace. The braces put all keys into one slot."""
    return f"{{lab:{namespace}}}:"
