"""Isolates the poison message of an entry: halves the entry until two workers have died on a single event. Pure.

A worker may also die before it has handled a single event, for example because the decoded entry does not fit into its
memory. Opening the entry is therefore tried first, as a range without events.

The state of the search is a short text, kept in the store before every attempt, so that the text outlives the worker:
`todo|trying|once|isolated`, each a comma-separated list of ranges `a-b` (events a to b-1).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple


class Range(NamedTuple):
    """Events start … end-1 of an entry."""

    start: int
    end: int

    @property
    def is_divisible(self) -> bool:
        """Whether the range has several events."""
        return self.end - self.start > 1

    def halves(self) -> tuple["Range", "Range"]:
        """Return two parts of about the same size."""
        middle = (self.start + self.end) // 2
        return Range(self.start, middle), Range(middle, self.end)


OPENING: Final = Range(0, 0)
"""Stands for opening the entry, before any event of it is handled."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """State of the search.

    Attributes:
        todo: Ranges still to be tried, in order.
        trying: The range that is being tried, or None.
        once: Single events on which one worker has died.
        isolated: Single events on which two workers have died.
    """

    todo: tuple[Range, ...]
    trying: Range | None = None
    once: tuple[Range, ...] = ()
    isolated: tuple[Range, ...] = ()

    @classmethod
    def of(cls, note: str, events: int) -> "Isolation":
        """Return the state in a note, for an entry of *events* events. The noted attempt has killed its worker."""
        if not note:
            return cls(todo=(Range(0, events),))
        todo, trying, once, isolated = (tuple(_ranges(part)) for part in note.split("|"))
        state = cls(todo, None, once, isolated)
        return state._died(trying[0]) if trying else state

    @property
    def note(self) -> str:
        """The state as text."""
        trying = (self.trying,) if self.trying else ()
        groups = (self.todo, trying, self.once, self.isolated)
        return "|".join(",".join(f"{part.start}-{part.end}" for part in group) for group in groups)

    @property
    def kills_when_opened(self) -> bool:
        """Whether two workers have died while they opened the entry."""
        return OPENING in self.isolated

    def opening(self) -> "Isolation":
        """Return the state in which the entry is being opened. Every worker that tries the entry begins with this."""
        return replace(self, trying=OPENING)

    def attempt(self) -> "Isolation":
        """Return the state in which the next range is being tried."""
        return replace(self, todo=self.todo[1:], trying=self.todo[0])

    def survived(self) -> "Isolation":
        """Return the state after an attempt that did not kill the worker."""
        return replace(self, trying=None)

    def _died(self, on: Range) -> "Isolation":
        """Return the state after a death on a range: halve the range, or count the death of a single event."""
        if on.is_divisible:
            return replace(self, todo=(*on.halves(), *self.todo))
        if on in self.once:
            return replace(self, isolated=(*self.isolated, on))
        todo = self.todo if on == OPENING else (on, *self.todo)
        return replace(self, todo=todo, once=(*self.once, on))


def _ranges(text: str) -> Iterator[Range]:
    for part in filter(None, text.split(",")):
        start, _, end = part.partition("-")
        yield Range(int(start), int(end))
