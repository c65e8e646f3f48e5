"""Checks the numbers of objectives and faults; an error names the notebook's parameter that holds a wrong number."""

from pkgutil import resolve_name
from typing import Final

from lab.model.arguments import check_number

NAMED: Final = "lab.runs.notebooks.this_kernel:parameter_holding"
"""Returns the name of the notebook's parameter that holds a value; loaded for a message only."""


def check_above_0(name: str, number: float, at_most: float) -> None:
    """Raise where a number is not above 0, or larger than it may be.

    Raises:
        UsageFault: The message names the number.
    """
    check_number(name, number, above=0, at_most=at_most, named=parameter_of)


def check_share(name: str, share: float) -> None:
    """Raise where a share is not between 0 and 1.

    Raises:
        UsageFault: The message names the share.
    """
    check_number(name, share, at_least=0, at_most=1, named=parameter_of)


def parameter_of(value: object) -> str:
    """Return the name of the notebook's parameter that holds a value; empty for any other value."""
    return str(resolve_name(NAMED)(value))
