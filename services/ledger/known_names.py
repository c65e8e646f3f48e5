"""Remembers which (source, kind) names each run holds, so that each name is sent to the store once."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

RUNS_KEPT: Final = 64


class KnownNames:
    """The known names of the last runs. A forgotten name is only sent again."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, set[bytes]] = OrderedDict()

    def unknown(self, run: str, names: Sequence[bytes]) -> list[bytes]:
        """Return those of *names* that the store may not hold, each once."""
        known = self._runs.get(run, set())
        return [name for name in dict.fromkeys(names) if name not in known]

    def add(self, run: str, names: Sequence[bytes]) -> None:
        """Remember names that the store has accepted."""
        if names:
            self._runs.setdefault(run, set()).update(names)
            while len(self._runs) > RUNS_KEPT:
                self._runs.popitem(last=False)
