"""Checks the numbers of objectives and faults; an error names the notebook's parameter that holds a wrong number."""

from collections.abc import Callable
from typing import Final

from lab.entry_points import Entry
from lab.model.arguments import check_number

PARAMETER_HOLDING: Final[Entry[Callable[[object], str]]] = Entry("lab.runs.notebooks.this_kernel:parameter_holding")
"""Loaded for a message only."""


def check_above_0(name: str, number: float, at_most: float) -> None:
    """Raise unless a number is above 0, and no larger than it may be.

    Raises:
        UsageFault: The message names the number.
    """
    check_number(name, number, above=0, at_most=at_most, named=parameter_of)


def check_share(name: str, share: float) -> None:
    """Raise unless a share is a number from 0 to 1.

    Raises:
        UsageFault: The message names the share.
    """
    check_number(name, share, at_least=0, at_most=1, named=parameter_of)


def parameter_of(value: object) -> str:
    """Return the name of the notebook's parameter that holds a value; empty for any other value."""
    return PARAMETER_HOLDING.load()(value)
