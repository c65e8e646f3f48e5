"""Kubernetes quantities: `256Mi`, `500m`."""

import math
import re
from typing import Final

UNITS: Final = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip
QUANTITY: Final = re.compile(r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?P<unit>[a-zA-Z]*)")


def quantity(text: str) -> float:
    """Return a quantity as a number of bytes, cores or pieces; 0 for an empty text, NaN for anything else.

    >>> quantity("256Mi"), quantity("500m"), quantity("3"), quantity("2Ti"), quantity("1e3"), quantity("")
    (268435456.0, 0.5, 3.0, 2199023255552.0, 1000.0, 0.0)
    """
    match = QUANTITY.fullmatch(text)
    if text and (match is None or match["unit"] not in UNITS):
        return math.nan
    return float(match["number"]) * UNITS[match["unit"]] if match else 0.0


def quantity_text(amount: float, resource: str) -> str:
    """Return a number as a quantity of a resource, rounded down; empty where the number is not finite.

    >>> quantity_text(2**28, "memory"), quantity_text(0.25, "requests.cpu"), quantity_text(3, "pods")
    ('256Mi', '250m', '3')
    """
    if not math.isfinite(amount):
        return ""
    if "memory" in resource or "storage" in resource:
        return f"{int(amount / 2**20)}Mi"
    return f"{int(amount * 1000 + 1e-6)}m" if "cpu" in resource else str(int(amount))
