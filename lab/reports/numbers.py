"""Numbers as people read them: three significant digits, an interval in brackets, a dash for what is missing."""

import math
from typing import Final

from lab.analysis.estimate import Estimate

MISSING: Final = "–"


def number(value: float | None) -> str:
    """Return three significant digits with separated thousands, and all digits of a whole number.

    A dash stands for None and for NaN.

    >>> number(12345.0), number(3.14159), number(0.01234), number(250.4), number(float("nan")), number(float("inf"))
    ('12,345', '3.14', '0.0123', '250', '–', '∞')
    """
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".") if abs(value) >= 1e-4 else f"{value:.2g}"


def interval(low: float | None, high: float | None) -> str:
    """Return both ends in brackets; an empty text where an end is missing.

    >>> interval(7.39, 9.27), interval(None, 9.27)
    ('[7.39, 9.27]', '')
    """
    return "" if low is None or high is None else f"[{number(low)}, {number(high)}]"


def with_interval(estimate: Estimate) -> str:
    """Return a figure and its interval; a dash where there is no figure.

    >>> with_interval(Estimate(8.35, 7.39, 9.27)), with_interval(Estimate(8.35)), with_interval(Estimate(None))
    ('8.35 [7.39, 9.27]', '8.35', '–')
    """
    if estimate.value is None:
        return MISSING
    return f"{number(estimate.value)} {interval(estimate.low, estimate.high)}".rstrip()
