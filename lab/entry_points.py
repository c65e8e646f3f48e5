"""Loads entry points of modules when they are used, so that a table of them costs no import."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Generic, ParamSpec, TypeVar, cast

from lab.errors import UsageFault

T = TypeVar("T")
Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """An entry point of a module that is loaded when it is used; declared with the type of what it names.

    Attributes:
        name: `module:name`.
    """

    name: str

    def load(self) -> T:
        """Import the module, and return the entry point."""
        return cast("T", resolve_name(self.name))


def when_called(entry: Entry[Callable[Parameters, Answer]]) -> Callable[Parameters, Answer]:
    """Return a function that loads an entry point at its first call."""

    def call(*arguments: Parameters.args, **named: Parameters.kwargs) -> Answer:
        return entry.load()(*arguments, **named)

    return call


def target_row(table: Mapping[str, T], target: str) -> T:
    """Return a target's row of a table.

    Raises:
        UsageFault: The table has no such target.
    """
    if target not in table:
        step = "--target processes      (for a notebook: -p target processes)"
        raise UsageFault(f'no target "{target}"', found=f"there are: {', '.join(table)}", next_step=step)
    return table[target]
