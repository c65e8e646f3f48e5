"""Reads a Parquet file as columns of plain types."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from services.simulator.tables.limits import Budget
from services.simulator.tables.table import Table, named, unnamed_in

types = pa.types
BYTES: Final = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
TEXTS: Final = (types.is_string, types.is_large_string, types.is_string_view, *BYTES)
PLAIN: Final = (
    types.is_null, types.is_boolean, types.is_integer, types.is_floating, types.is_decimal, types.is_timestamp,
    types.is_date, types.is_time,
)  # fmt: skip


def read_parquet(path: Path, budget: Budget) -> Table:
    """Read a Parquet file. See `read_table`. Nothing is read before the sizes in its footer are checked."""
    with pq.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
        budget.check_columns(len(schema.names))
        names = named(path, schema.names)
        flat = [column.name for column in schema if _is_any(_stored(column.type), (*TEXTS, *PLAIN))]
        budget.check_cells(rows, len(flat))
        groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
        budget.take_bytes(sum(group.total_byte_size for group in groups))
    texts = [column.name for column in schema if _is_any(_stored(column.type), TEXTS)]
    # A text that is repeated in every row stands once in a dictionary, however often it is repeated.
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        read = file.read(columns=flat)
    columns: dict[str, pa.Array] = {}
    unusable: dict[str, str] = {}
    contents = iter(read.columns)
    for name, column in zip(names, schema, strict=True):
        budget.check_time()
        plain = _plain(next(contents).combine_chunks(), budget) if column.name in flat else None
        if plain is None:
            unusable[name] = str(column.type)
        else:
            columns[name] = plain
    lines = np.arange(1, rows + 1, dtype=np.int64)
    return Table(columns, lines, unnamed=unnamed_in(schema.names), unusable=unusable)


def _is_any(kind: pa.DataType, tests: tuple[Callable[[pa.DataType], bool], ...]) -> bool:
    return any(test(kind) for test in tests)


def _stored(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values in a dictionary, any other type as it is."""
    return kind.value_type if types.is_dictionary(kind) else kind


def _plain(column: pa.Array, budget: Budget) -> pa.Array | None:
    """Return a column in one of the types that the rest of the reader knows; None for bytes that are not UTF-8."""
    if types.is_dictionary(column.type):
        budget.take_bytes(_decoded_bytes(column))
        column = column.dictionary_decode()
    if types.is_null(column.type):
        return pa.nulls(len(column), pa.string())
    if types.is_float16(column.type):
        return column.cast(pa.float32())
    if _is_any(column.type, TEXTS):
        return _text(column)
    return column


def _text(column: pa.Array) -> pa.Array | None:
    if types.is_fixed_size_binary(column.type):
        column = column.cast(pa.binary())
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return None


def _decoded_bytes(column: pa.DictionaryArray) -> int:
    """Return the bytes that a column takes once each row has its value."""
    if not _is_any(column.type.value_type, TEXTS):
        return 0
    lengths = pc.fill_null(pc.binary_length(column.dictionary.cast(pa.large_binary())), 0)
    return int(pc.sum(pc.take(lengths, column.indices)).as_py() or 0)
