"""Remembers which (source, kind) names each run holds, so that each name is sent to the store once."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

from services.contracts.key_table import NAME_OVERHEAD_BYTES

RUNS_KEPT: Final = 64
MEMORY_KEPT_BYTES: Final = 16 << 20
"""Memory of all names, roughly. Ten thousand names of the greatest length take 6 MiB."""


class UnsentNames(NamedTuple):
    """Names that a batch must send, since the store may not hold them.

    Attributes:
        names: The names, each once.
        born: Of the run that holds the other names (`Changes.born`); empty where no name of the run is known.
    """

    names: list[bytes]
    born: bytes = b""


class _Known(NamedTuple):
    born: bytes
    names: set[bytes]


class KnownNames:
    """The known names of the 64 runs that were added last. Safe to use from several threads.

    A forgotten name is only sent again.

    The store may forget a run, and a run of the same name then begins without names. The store tells the two apart by
    `born`.
    """

    def __init__(self) -> None:
        self._runs: OrderedDict[str, _Known] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def unsent(self, run: str, names: Sequence[bytes]) -> UnsentNames:
        """Return those of *names* that the store may not hold."""
        born, known = self._runs.get(run) or _Known(b"", set())
        return UnsentNames([name for name in dict.fromkeys(names) if name not in known], born)

    def add(self, run: str, names: Sequence[bytes], *, born: bytes) -> None:
        """Remember names that a run has taken, and forget those of an earlier run, whose `born` differs."""
        if not names:
            return
        with self._lock:
            known = self._runs.get(run)
            if known is not None and known.born != born:
                self._bytes -= _memory_of(self._runs.pop(run).names)
            known = self._runs.setdefault(run, _Known(born, set()))
            added = set(names) - known.names
            known.names.update(added)
            self._bytes += _memory_of(added)
            while len(self._runs) > RUNS_KEPT or self._bytes > MEMORY_KEPT_BYTES:
                _, forgotten = self._runs.popitem(last=False)
                self._bytes -= _memory_of(forgotten.names)


def _memory_of(names: set[bytes]) -> int:
    return sum(len(name) + NAME_OVERHEAD_BYTES for name in names)
