"""Which (source, kind) names a run is known to hold, so that each is sent to the store once."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

RUNS_KEPT: Final = 64


class KnownNames:
    """A bounded memory, by run; forgetting costs only that a name is sent again."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, set[bytes]] = OrderedDict()

    def unknown(self, run: str, names: Sequence[bytes]) -> list[bytes]:
        """Those of *names* the store may not have seen, each once."""
        known = self._runs.get(run, set())
        return [name for name in dict.fromkeys(names) if name not in known]

    def add(self, run: str, names: Sequence[bytes]) -> None:
        """The store has accepted these."""
        if names:
            self._runs.setdefault(run, set()).update(names)
            while len(self._runs) > RUNS_KEPT:
                self._runs.popitem(last=False)
