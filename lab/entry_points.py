"""Loads entry points of modules when they are used, so that naming them costs no import."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Generic, ParamSpec, TypeVar, cast

from lab.errors import UsageFault

T = TypeVar("T")
Asked = ParamSpec("Asked")
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


def when_called(entry: Entry[Callable[Asked, Answer]]) -> Callable[Asked, Answer]:
    """Return a function that loads an entry point at its first call."""

    def call(*arguments: Asked.args, **named: Asked.kwargs) -> Answer:
        return entry.load()(*arguments, **named)

    return call


def chosen(table: Mapping[str, str | T], name: str) -> T:
    """Return the target's entry in a table, loaded where the table holds its name.

    Raises:
        UsageFault: The table has no such target.
    """
    if name not in table:
        step = "--target processes      (for a notebook: -p target processes)"
        raise UsageFault(f'no target "{name}"', found=f"there are: {', '.join(table)}", next_step=step)
    entry = table[name]
    return cast("T", resolve_name(entry)) if isinstance(entry, str) else entry
