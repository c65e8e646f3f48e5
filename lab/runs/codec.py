"""Values of `lab.model` to JSON and back, field by field; arrays go elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final

import numpy as np

from lab import model
from lab.errors import DataFault

TYPE: Final = "_"
"""The key that names the type of a value."""


def encode(value: object) -> Any:  # noqa: ANN401, PLR0911  JSON; a kind of value a line
    """A value as JSON; NaN is null, an array is left empty."""
    if is_dataclass(value) and not isinstance(value, type):
        return {TYPE: type(value).__name__} | {one.name: encode(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {TYPE: type(value).__name__} | {name: encode(getattr(value, name)) for name in value._fields}
    if isinstance(value, np.ndarray):
        return []
    if isinstance(value, Mapping):
        return {str(key): encode(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [encode(one) for one in value]
    if isinstance(value, float) and np.isnan(value):
        return {TYPE: "nan"}
    return value


def decode(data: object) -> Any:  # noqa: ANN401  whatever was encoded
    """The value again; lists come back as tuples.

    Raises:
        DataFault: It names a type that the lab does not know.
    """
    if isinstance(data, dict):
        if TYPE not in data:
            return {key: decode(one) for key, one in data.items()}
        if data[TYPE] == "nan":
            return float("nan")
        made = getattr(model, str(data[TYPE]), None)
        try:
            return made(**{key: decode(one) for key, one in data.items() if key != TYPE})  # type: ignore[misc]
        except TypeError as error:
            message = f"a recorded {data[TYPE]} cannot be read"
            raise DataFault(message, found=str(error), code="CORRUPT_RUN") from error
    if isinstance(data, Sequence) and not isinstance(data, str):
        return tuple(decode(one) for one in data)
    return data
