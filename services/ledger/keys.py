"""Names in the store that its users and bootstrap agree on; imports nothing, so that both start fast."""

from typing import Final

GROUP: Final = "agg"
"""The consumer group of the workers."""


def prefix_of(namespace: str) -> str:
    """What every key of a namespace begins with; the braces put them all into one slot."""
    return f"{{lab:{namespace}}}:"
