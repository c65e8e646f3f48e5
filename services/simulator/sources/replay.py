"""Replays the events of a file in the order of their times."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.contracts.batches import Columns
from services.contracts.limits import NANOS
from services.serving.invalid import InvalidRequest
from services.simulator.recognition.file_events import FileEvents, read_events
from services.simulator.sources.windows import fitting_width
from services.simulator.tables.limits import Budget

FASTEST: Final = "max"
MAX_RATE: Final = 20_000.0
"""Events per second at speed "max", which one generator on one core keeps without being late."""


class ReplaySource:
    """Gives the events of a file that was read whole."""

    is_live = False

    def __init__(self, file: FileEvents) -> None:
        self._events, self._sources, self._kinds = file.events, file.sources, file.kinds
        self.notes, self.description = file.notes, file.description
        self.skipped_rows, self.skipped = file.missing, file.first_missing
        self.window_ns = fitting_width(file.events)
        self._next = 0

    def __len__(self) -> int:
        """Number of events."""
        return len(self._events)

    def offsets_s(self, duration_s: float, speed: str) -> NDArray[np.float64]:
        """Return when each event is due, in seconds from the start. Events beyond the duration are left out.

        Args:
            duration_s: Seconds.
            speed: A factor; `max` for 20,000 events a second; empty fits the whole file into the duration.

        Raises:
            InvalidRequest: The speed is none of these.
        """
        since_s = (self._events.time_ns - self._events.time_ns[0]) / np.float64(NANOS)
        if speed == FASTEST:
            offsets = np.arange(1, len(self) + 1, dtype=np.float64) / np.float64(MAX_RATE)
        elif speed:
            offsets = since_s / _factor(speed)
        elif since_s[-1] > 0:
            offsets = since_s * np.float64(duration_s / since_s[-1])
        else:
            offsets = np.arange(1, len(self) + 1, dtype=np.float64) * np.float64(duration_s / len(self))
        fitting = offsets[offsets <= duration_s * (1 + 1e-12)]
        if len(fitting) < len(offsets):
            kept = f"{len(fitting):,} of {len(offsets):,} events fit into {duration_s:g} s at this speed"
            self.notes = [*self.notes, kept]
        return fitting

    def take(self, intended_ns: NDArray[np.int64]) -> Columns:
        """Return the next events with their own times."""
        part = slice(self._next, self._next + len(intended_ns))
        self._next = part.stop
        source, source_index = np.unique(self._events.source[part], return_inverse=True)
        kind, kind_index = np.unique(self._events.kind[part], return_inverse=True)
        return Columns(
            tuple(self._sources[number] for number in source),
            tuple(self._kinds[number] for number in kind),
            source_index.astype(np.uint32),
            kind_index.astype(np.uint32),
            self._events.time_ns[part],
            self._events.value[part],
        )

    def close(self) -> None:
        """Do nothing: the file is closed."""


def open_replay(path: str, columns: str) -> ReplaySource:
    """Read a file and recognise its columns.

    Args:
        path: A CSV (`.csv`, `.tsv`), JSON-lines (`.jsonl`, `.ndjson`, `.json`) or Parquet (`.parquet`) file; the text
            formats may be packed by gzip.
        columns: What the caller says about the columns, such as "time=ts,source=host,kind=metric,value=v"; empty
            recognises them.

    Raises:
        SourceFault: The file cannot be read, its columns cannot be told, or it holds no usable event.
    """
    return ReplaySource(read_events(Path(path), columns, Budget(Path(path))))


def _factor(speed: str) -> float:
    try:
        factor = float(speed)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise InvalidRequest("BAD_SPEED", "speed", f'"{speed}" is neither a factor above 0 nor "{FASTEST}"')
    return factor
