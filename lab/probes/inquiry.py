"""Asks for the parts of a snapshot, so that a part that fails leaves out no other."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from lab.errors import LabError
from lab.probes.denials import denials_in
from lab.probes.error_text import text_of_error
from lab.snapshots.gaps import Denial, Unanswered

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Asks for one part after the other, and keeps why a part is missing.

    Attributes:
        denials: What the API server refused, each right once.
        unanswered: What failed for any other reason.
    """

    denials: list[Denial] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)

    def ask(self, part: str, question: Callable[[], T], otherwise: T) -> T:
        """Return the answer to a question; where it raises LabError, keep the error and return *otherwise*.

        >>> def refuse() -> int:
        ...     raise LabError("cannot read the clocks", found="nobody answers")
        >>> inquiry = Inquiry()
        >>> inquiry.ask("clocks", refuse, 0), inquiry.unanswered
        (0, [Unanswered(part='clocks', error='cannot read the clocks: nobody answers')])
        """
        try:
            return question()
        except LabError as error:
            self.keep(part, error)
            return otherwise

    def keep(self, part: str, error: LabError) -> None:
        """Keep why a part is missing: as the rights that its error says are denied, else as the error itself."""
        denials = tuple(denials_in(error))
        self.deny(denials)
        if not denials:
            self.unanswered.append(Unanswered(part, text_of_error(error)))

    def deny(self, denials: Iterable[Denial]) -> None:
        """Add rights that are denied."""
        self.denials.extend(denial for denial in dict.fromkeys(denials) if denial not in self.denials)
