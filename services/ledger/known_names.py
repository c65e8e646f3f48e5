"""Remembers which (source, kind) names each run holds, so that each name is sent to the store once."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from services.contracts.key_table import NAME_OVERHEAD_BYTES

RUNS_KEPT: Final = 64
MEMORY_KEPT_BYTES: Final = 16 << 20
"""Memory of all names, roughly. Ten thousand names of the greatest length take 6 MiB."""


class KnownNames:
    """The known names of the last runs. A forgotten name is only sent again. Safe to use from several threads."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, set[bytes]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def unknown(self, run: str, names: Sequence[bytes]) -> list[bytes]:
        """Return those of *names* that the store may not hold, each once."""
        known = self._runs.get(run, set())
        return [name for name in dict.fromkeys(names) if name not in known]

    def add(self, run: str, names: Sequence[bytes]) -> None:
        """Remember names that the store has accepted."""
        if not names:
            return
        with self._lock:
            known = self._runs.setdefault(run, set())
            fresh = set(names) - known
            known |= fresh
            self._bytes += _memory_of(fresh)
            while len(self._runs) > RUNS_KEPT or self._bytes > MEMORY_KEPT_BYTES:
                _, forgotten = self._runs.popitem(last=False)
                self._bytes -= _memory_of(forgotten)


def _memory_of(names: set[bytes]) -> int:
    return sum(len(name) + NAME_OVERHEAD_BYTES for name in names)
