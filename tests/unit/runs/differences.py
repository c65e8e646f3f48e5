"""Compares two values field by field."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np


def differences(before: object, after: object, place: str = "trial") -> list[str]:
    """Return where two values differ; types count, but lists and tuples are the same, and so are two NaN."""
    if is_dataclass(before) and type(before) is type(after):
        names = [field.name for field in fields(before)]
        pairs = [(f"{place}.{name}", getattr(before, name), getattr(after, name)) for name in names]
    elif isinstance(before, Mapping) and isinstance(after, Mapping) and before.keys() == after.keys():
        pairs = [(f"{place}[{key!r}]", before[key], after[key]) for key in before]
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple) and len(before) == len(after):
        pairs = [(f"{place}[{index}]", *both) for index, both in enumerate(zip(before, after, strict=True))]
    else:
        return [] if _is_same_leaf(before, after) else [f"{place}: {before!r} became {after!r}"]
    return [difference for inner, first, second in pairs for difference in differences(first, second, inner)]


def _is_same_leaf(before: object, after: object) -> bool:
    """Whether two arrays or plain values are the same, type included."""
    if isinstance(before, np.ndarray) and isinstance(after, np.ndarray):
        return before.dtype == after.dtype and np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
    are_nan = before != before and after != after  # noqa: PLR0124  NaN is not itself
    return type(before) is type(after) and (before == after or are_nan)
