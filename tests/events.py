"""Makes batches of events from rows, for tests."""

from collections.abc import Sequence

import numpy as np

from services.contracts.batches import Columns


def columns_of(events: Sequence[tuple[str, str, int, float]]) -> Columns:
    """Return the columns of rows (source, kind, time in ns, value)."""
    sources = list(dict.fromkeys(source for source, _, _, _ in events))
    kinds = list(dict.fromkeys(kind for _, kind, _, _ in events))
    source_of, kind_of = ({name: i for i, name in enumerate(names)} for names in (sources, kinds))
    return Columns(
        sources=tuple(sources),
        kinds=tuple(kinds),
        source_index=np.array([source_of[source] for source, _, _, _ in events], np.uint32),
        kind_index=np.array([kind_of[kind] for _, kind, _, _ in events], np.uint32),
        time_ns=np.array([time for _, _, time, _ in events], np.int64),
        value=np.array([value for _, _, _, value in events], np.float64),
    )
