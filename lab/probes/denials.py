"""Keeps what an API server refuses as denials, so that the rest of a snapshot is taken all the same."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from lab.errors import LabError
from lab.snapshots.probes import Denial

T = TypeVar("T")
REFUSED: Final = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)


def denials_in(error: LabError) -> Iterator[Denial]:
    """Yield what the API server refused, as the message of an error tells.

    >>> from lab.errors import Forbidden
    >>> text = 'pods is forbidden: User "eve" cannot list resource "pods" in API group "" in the namespace "testbed"'
    >>> list(denials_in(Forbidden("cannot list Pods", found=text)))
    [Denial(verb='list', resource='pods', namespace='testbed', group='', user='eve')]
    """
    for match in REFUSED.finditer(str(error)):
        yield Denial(match["verb"], match["resource"], match["namespace"] or "", match["group"], match["user"])


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects the parts of a snapshot. A part that is refused or does not answer is left out, and no other.

    Attributes:
        denials: What was refused.
    """

    denials: list[Denial] = field(default_factory=list)

    def __call__(self, ask: Callable[[], T], otherwise: T) -> T:
        """Return the answer, or *otherwise*."""
        try:
            return ask()
        except LabError as error:
            self.denials.extend(denials_in(error))
            return otherwise
