"""Reads columns as names of sources and kinds."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from services.contracts.limits import MAX_NAME_BYTES
from services.simulator.recognition.samples import cleaned
from services.simulator.tables.cells import brief
from services.simulator.tables.table import Table

BETWEEN: Final = " "
"""Stands between the texts of columns that make a name together."""


class Labels(NamedTuple):
    """A column of names.

    Attributes:
        names: The distinct names.
        number: Number of each row's name.
        usable: Whether a row has a name.
        why: Returns why a row has none.
    """

    names: Sequence[str]
    number: NDArray[np.int32]
    usable: NDArray[np.bool_]
    why: Callable[[int], str]


def same_label(name: str, rows: int) -> Labels:
    """Return the same name for each row."""
    return Labels([name], np.zeros(rows, np.int32), np.ones(rows, np.bool_), lambda _: "")


def labels_of(table: Table, columns: Sequence[str], role: str) -> Labels:
    """Return the names in a column, or in several columns: their texts with a space between them.

    Args:
        table: The file.
        columns: The columns.
        role: Source or kind, for reasons.
    """
    encoded = _text(table, columns).dictionary_encode()
    names = encoded.dictionary.to_pylist()
    reasons = [_why_no_name(name, role) for name in names]
    number = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    is_name = np.array([not reason for reason in reasons], np.bool_)
    return Labels(names, number, is_name[number], lambda row: reasons[int(number[row])])


def _text(table: Table, columns: Sequence[str]) -> pa.Array:
    texts = [cleaned(pc.fill_null(table.columns[name].cast(pa.string()), "")) for name in columns]
    return texts[0] if len(texts) == 1 else cleaned(pc.binary_join_element_wise(*texts, BETWEEN))


def _why_no_name(name: str, role: str) -> str:
    """Return why a text is not the name of a source or a kind; empty for a name."""
    if not name:
        return f"{role}: empty"
    if not name.isprintable():
        return f"{role}: {brief(name)!r} is not printable"
    size = len(name.encode())
    return f"{role}: {size} bytes, limit {MAX_NAME_BYTES}" if size > MAX_NAME_BYTES else ""
