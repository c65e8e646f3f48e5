"""Which event of an entry kills its worker: found by halving, convicted after two deaths on it alone.

The state is a short text, left in the store before every attempt, so that it survives the death it is about.
Text: `todo|trying|once|convicted`, each a comma-separated list of ranges `a-b` (events a to b-1).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple


class Range(NamedTuple):
    """Events start … end-1 of an entry."""

    start: int
    end: int

    @property
    def alone(self) -> bool:
        """Whether it is a single event."""
        return self.end - self.start == 1

    def halves(self) -> tuple["Range", "Range"]:
        """Two parts of about the same size."""
        middle = (self.start + self.end) // 2
        return Range(self.start, middle), Range(middle, self.end)


@dataclass(frozen=True, slots=True)
class Isolation:
    """How far the search has come.

    Attributes:
        todo: Ranges still to be tried, in order; the first is tried next.
        trying: The range an attempt is under way on, or None.
        once: Single events on which a worker has died once.
        convicted: Single events on which two workers have died.
    """

    todo: tuple[Range, ...]
    trying: Range | None = None
    once: tuple[Range, ...] = ()
    isolated: tuple[Range, ...] = ()

    @classmethod
    def of(cls, note: str, events: int) -> "Isolation":
        """The state a note tells; an attempt that was under way then has ended in a death."""
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

    def attempt(self) -> "Isolation":
        """Begin with the next range."""
        return replace(self, todo=self.todo[1:], trying=self.todo[0])

    def survived(self) -> "Isolation":
        """The range under way did no harm."""
        return replace(self, trying=None)

    def _died(self, on: Range) -> "Isolation":
        """The range under way killed its worker: halve it, or count the death of a single event."""
        if not on.alone:
            return replace(self, todo=(*on.halves(), *self.todo))
        if on in self.once:
            return replace(self, isolated=(*self.isolated, on))
        return replace(self, todo=(on, *self.todo), once=(*self.once, on))


def _ranges(text: str) -> Iterator[Range]:
    for part in filter(None, text.split(",")):
        start, _, end = part.partition("-")
        yield Range(int(start), int(end))
