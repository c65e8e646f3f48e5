"""Decodes entries of the stream, and takes single events out of them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.contracts.batches import Columns, PayloadError, decode, encode
from services.ledger.records import BadEvent, Entry


@dataclass(frozen=True, slots=True)
class Decoded:
    """An entry and its events.

    Attributes:
        entry: The entry.
        columns: The events that are to be counted.
        bad: The events that become dead letters.
        places: Place in the entry of each event in `columns`; None where these are all events of the entry.
    """

    entry: Entry
    columns: Columns
    bad: tuple[BadEvent, ...] = ()
    places: NDArray[np.intp] | None = None

    def without(self, index: NDArray[np.intp], reason: str) -> "Decoded":
        """Return the entry with the events at some positions of `columns` among the bad events."""
        if not len(index):
            return self
        places = np.arange(len(self.columns)) if self.places is None else self.places
        bad = tuple(
            BadEvent(self.entry.entry_id, int(places[at]), reason, encode(single_event(self.columns, at)))
            for at in index.tolist()
        )
        rest = np.setdiff1d(np.arange(len(self.columns)), index)
        return replace(self, columns=subset(self.columns, rest), bad=(*self.bad, *bad), places=places[rest])


def decoded_entry(entry: Entry) -> Decoded:
    """Return the events of an entry. Raises PayloadError, also for an entry that ingest-api did not write."""
    columns = decode(entry.payload)
    if len(columns) != entry.events or not entry.events or not entry.window_ns:
        raise PayloadError("NOT_OURS", f"{len(columns)} events, the entry says {entry.events}")
    return Decoded(entry, columns)


def single_event(columns: Columns, at: int) -> Columns:
    """Return one event of a batch, with its own source and kind as dictionaries."""
    only = np.zeros(1, np.uint8)
    return Columns(
        sources=(columns.sources[int(columns.source_index[at])],),
        kinds=(columns.kinds[int(columns.kind_index[at])],),
        source_index=only,
        kind_index=only,
        time_ns=columns.time_ns[at : at + 1],
        value=columns.value[at : at + 1],
        schema=columns.schema,
    )


def subset(columns: Columns, index: NDArray[np.intp]) -> Columns:
    """Return the events at some positions of a batch."""
    return replace(
        columns,
        source_index=columns.source_index[index],
        kind_index=columns.kind_index[index],
        time_ns=columns.time_ns[index],
        value=columns.value[index],
    )
