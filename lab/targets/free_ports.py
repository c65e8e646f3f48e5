"""Finds ports that stay free between two starts of a program."""

import random
import socket
from contextlib import suppress
from pathlib import Path

from lab.errors import Unavailable

RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST = 15_000
ATTEMPTS = 200


def free_port() -> int:
    """Return a port on 127.0.0.1 that no program listens on, below the range of ephemeral ports.

    While a program restarts, any outgoing connection could take an ephemeral port of the program, even a client that
    connects to itself.

    Raises:
        Unavailable: Every port that was tried is taken.
    """
    # Random, so that two stacks that start together try different ports.
    for port in random.sample(range(LOWEST, _first_ephemeral()), k=ATTEMPTS):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise Unavailable(
        f"no free port between {LOWEST} and {_first_ephemeral()}", next_step="ss -ltnp      (who listens)"
    )


def _first_ephemeral() -> int:
    with suppress(OSError, ValueError, IndexError):
        return max(int(RANGE_FILE.read_text().split()[0]), LOWEST + ATTEMPTS)
    return 32_768
