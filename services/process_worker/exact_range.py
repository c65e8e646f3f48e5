"""Decides which events fit into sums that have reached the end of the exact range. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.contracts.aggregates import LIMB, MICRO, Aggregate
from services.contracts.batches import Columns
from services.contracts.key_table import pair_names, pair_numbers
from services.ledger.records import BeyondRange

EXACT: Final = 2**53
"""float64 holds every whole number of smaller magnitude. The store keeps counts and limbs of sums as float64 (D27)."""
Place = tuple[int | None, bytes]
"""Window (None for the total) and name of a sum."""


class Running(NamedTuple):
    """Number of events and their sum in micro-units, as events are added one by one."""

    events: int
    sum_micro: int

    @property
    def is_exact(self) -> bool:
        """Whether the store can hold it."""
        return self.events < EXACT and -EXACT < self.sum_micro // LIMB < EXACT


def overflowing(columns: Columns, window_ns: int, beyond: Sequence[BeyondRange]) -> NDArray[np.bool_]:
    """Return which events do not fit, shape (events,).

    Events are added in their order to the sums that the store holds. An event that would take one of them out of the
    exact range is left out, and the next event is tried.

    Args:
        columns: Events of one entry.
        window_ns: Width of the run's windows.
        beyond: The sums that all events together would take out of the range.
    """
    running: dict[Place, Running] = {(full.window, full.name): _start(full.held) for full in beyond}
    pairs = pair_numbers(columns)
    occurring = np.unique(pairs)
    name_of_pair = dict(zip(occurring.tolist(), pair_names(columns, occurring), strict=True))
    windows = (columns.time_ns // window_ns).tolist()
    micro = np.rint(columns.value * MICRO).tolist()
    left_out = np.zeros(len(columns), np.bool_)
    for i, (pair, window) in enumerate(zip(pairs.tolist(), windows, strict=True)):
        places = [place for place in ((None, name_of_pair[pair]), (window, name_of_pair[pair])) if place in running]
        sums = [Running(running[place].events + 1, running[place].sum_micro + int(micro[i])) for place in places]
        if all(total.is_exact for total in sums):
            running.update(zip(places, sums, strict=True))
        else:
            left_out[i] = True
    return left_out


def _start(held: Aggregate | None) -> Running:
    return Running(held.count, held.sum_micro) if held else Running(0, 0)
