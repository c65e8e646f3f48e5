"""Turns values of `lab.model` into JSON and back, field by field; arrays are kept elsewhere."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Final

import numpy as np

from lab.errors import InternalFault
from lab.runs.damage import unknown_value
from lab.runs.documents import JsonObject
from lab.runs.stored_names import NAMES, TYPES

TYPE: Final = "_"
"""The key that names the type of a value."""
ITEMS: Final = "mapping"
"""The type of a mapping that has `TYPE` as a key: a list of pairs."""
SHOWN_CHARACTERS: Final = 40
"""Of a type's name that the lab does not know."""
NOT_FINITE: Final = frozenset({"nan", "inf", "-inf"})
"""Floats that JSON lacks."""


def encode(value: object) -> object:
    """Return a value as JSON. An array becomes an empty list; a value that JSON lacks becomes its text.

    Raises:
        InternalFault: A type has no name in `lab.runs.stored_names`.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {TYPE: _name(value)} | {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {TYPE: _name(value)} | {name: encode(getattr(value, name)) for name in value._fields}
    if isinstance(value, Mapping):
        return _encode_mapping(value)
    if isinstance(value, np.ndarray):
        return []
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return _encode_scalar(value)


def decode(data: object) -> object:
    """Return the value that `encode` turned into JSON; lists come back as tuples.

    Raises:
        DataFault: The JSON names a type that the lab does not know.
    """
    if isinstance(data, dict):
        return _decode_mapping(data)
    if isinstance(data, Sequence) and not isinstance(data, str):
        return tuple(decode(item) for item in data)
    return data


def _name(value: object) -> str:
    if type(value) not in NAMES:
        raise InternalFault(
            f"a {type(value).__name__} cannot be written",
            found="the type has no name in files",
            next_step="add it to lab/runs/stored_names.py",
        )
    return NAMES[type(value)]


def _encode_mapping(value: Mapping[object, object]) -> object:
    encoded = {str(key): encode(inner) for key, inner in value.items()}
    return {TYPE: ITEMS, "items": list(encoded.items())} if TYPE in encoded else encoded


def _encode_scalar(value: object) -> object:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float):
        return plain if math.isfinite(plain) else {TYPE: str(plain)}
    return plain if plain is None or isinstance(plain, str | int) else str(plain)


def _decode_mapping(data: JsonObject) -> object:
    if TYPE not in data:
        return {key: decode(inner) for key, inner in data.items()}
    kind = str(data[TYPE])
    if kind in NOT_FINITE:
        return float(kind)
    if kind == ITEMS:
        return {key: decode(inner) for key, inner in data["items"]}
    if kind not in TYPES:
        raise unknown_value(repr(kind[:SHOWN_CHARACTERS]), "no type of that name")
    try:
        return TYPES[kind](**{key: decode(inner) for key, inner in data.items() if key != TYPE})
    except TypeError as error:
        raise unknown_value(kind, error) from error
