"""Tells which addresses this machine reaches."""

import socket
from collections.abc import Sequence
from typing import Final

CONNECT_S: Final = 1.0
"""For a connection to a port. The round trip to a cluster is seldom more than a few milliseconds."""


def first_reached(addresses: Sequence[str]) -> str:
    """Return the first address, `host:port`, that takes a connection from this machine; empty where none does."""
    return next((address for address in addresses if _is_reached(address)), "")


def _is_reached(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S):
            return True
    except OSError:
        return False
