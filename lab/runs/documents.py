"""Holds what the JSON documents of a run's folder have in common: type, text, times."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lab.model import NANOS

JsonObject = dict[str, Any]
"""The keys depend on what wrote the file; `lab.runs.manifest` holds the facts that the lab relies on."""


def text_of(document: object) -> str:
    """Return a document as a text that every reader of JSON accepts: NaN and infinity become null, a path its text.

    >>> print(text_of({"rate": float("nan")}), end="")
    {
      "rate": null
    }
    """
    return json.dumps(_standard(document), indent=2, allow_nan=False) + "\n"


def iso(nanos: int) -> str:
    """Return a time in UTC, to the millisecond.

    Args:
        nanos: Nanoseconds since the epoch.

    >>> iso(1_800_000_000_123_000_000)
    '2027-01-15T08:00:00.123+00:00'
    """
    return datetime.fromtimestamp(nanos / NANOS, UTC).isoformat(timespec="milliseconds")


def _standard(value: object) -> object:
    """Return a value that every reader of JSON accepts: no NaN, numbers as numbers, anything else as its text."""
    if isinstance(value, Mapping):
        return {str(key): _standard(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_standard(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    # A scalar of numpy, recognised without importing numpy.
    item = getattr(value, "item", None)
    return _standard(item()) if callable(item) and getattr(value, "ndim", None) == 0 else str(value)
