"""Checks the arguments of a call. Pure."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TYPE_CHECKING, Final, TypedDict

from lab.errors import UsageFault

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

BAD_ARGUMENT: Final = "BAD_PARAM"
WORDS: Final = {bool: "a truth value", str: "a text", type(None): "nothing"}
"""Type → what a value of that type is called in a message."""
LONGEST: Final = 60


class Bounds(TypedDict, total=False):
    """The bounds of a number; none where one is left out.

    Attributes:
        at_least: Smallest number allowed.
        above: Largest number that is too small.
        at_most: Largest number allowed.
        below: Smallest number that is too large.
    """

    at_least: float
    above: float
    at_most: float
    below: float


def unnamed(_value: object) -> str:
    """Return nothing: no value has a name of its own."""
    return ""


def check_number(
    name: str, value: float, *, named: Callable[[object], str] = unnamed, **bounds: Unpack[Bounds]
) -> None:
    """Raise unless a value is a finite number within its bounds.

    Args:
        name: Name of the argument.
        value: Its value.
        named: Returns the name of the notebook's parameter that holds a value; empty where there is none.
        bounds: Its bounds; see `Bounds`.

    Raises:
        UsageFault: The message names the argument, its value and what is needed.

    >>> check_number("duration", 20, above=0)
    >>> check_number("duration", "20", above=0)
    Traceback (most recent call last):
    lab.errors.UsageFault: duration: '20' is a text, not a number
    >>> check_number("duration", float("nan"), above=0)
    Traceback (most recent call last):
    lab.errors.UsageFault: duration: nan is not a finite number
    >>> check_number("quantile", 1.0, above=0, below=1)
    Traceback (most recent call last):
    lab.errors.UsageFault: quantile: 1 must be below 1
    """
    check_numeric(name, value, named=named)
    if problem := _problem(float(value), bounds):
        raise UsageFault(f"{_place(name, value, named)}: {float(value):g} {problem}", code=BAD_ARGUMENT)


def check_numeric(name: str, value: object, *, named: Callable[[object], str] = unnamed) -> None:
    """Raise unless a value is a number, finite or not.

    Raises:
        UsageFault: The message names the argument and its value.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _wrong(name, value, "a number", named)


def check_whole(name: str, value: object, *, named: Callable[[object], str] = unnamed) -> None:
    """Raise unless a value is a whole number.

    Raises:
        UsageFault: The message names the argument and its value.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise _wrong(name, value, "a whole number", named)


def check_text(name: str, value: object) -> None:
    """Raise unless a value is a text.

    Raises:
        UsageFault: The message names the argument and its value.

    >>> check_text("source", False)
    Traceback (most recent call last):
    lab.errors.UsageFault: source: False is a truth value, not a text
    """
    if not isinstance(value, str):
        raise _wrong(name, value, "a text", unnamed)


def check_flag(name: str, value: object) -> None:
    """Raise unless a value is true or false.

    Raises:
        UsageFault: The message names the argument and its value.
    """
    if not isinstance(value, bool):
        raise _wrong(name, value, "True or False", unnamed)


def _problem(number: float, bounds: Bounds) -> str:
    """Return what is wrong with a number; empty where it is finite and within its bounds."""
    if not math.isfinite(number):
        return "is not a finite number"
    if "at_least" in bounds and number < bounds["at_least"]:
        return f"must be at least {bounds['at_least']:,g}"
    if "above" in bounds and number <= bounds["above"]:
        return f"must be above {bounds['above']:,g}"
    if "at_most" in bounds and number > bounds["at_most"]:
        return f"must be at most {bounds['at_most']:,.12g}"
    if "below" in bounds and number >= bounds["below"]:
        return f"must be below {bounds['below']:,g}"
    return ""


def _wrong(name: str, value: object, wanted: str, named: Callable[[object], str]) -> UsageFault:
    brief = repr(value) if len(repr(value)) <= LONGEST else f"{repr(value)[:LONGEST]}…"
    kind = WORDS.get(type(value), f"a {type(value).__name__}")
    return UsageFault(f"{_place(name, value, named)}: {brief} is {kind}, not {wanted}", code=BAD_ARGUMENT)


def _place(name: str, value: object, named: Callable[[object], str]) -> str:
    """Return the name of the notebook's parameter and of the argument, where they differ."""
    parameter = named(value)
    return f"{parameter} ({name})" if parameter and parameter != name else name
