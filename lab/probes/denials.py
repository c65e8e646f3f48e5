"""Reads from an error which rights an API server refused."""

import re
from collections.abc import Iterator
from typing import Final

from lab.errors import LabError
from lab.snapshots.gaps import Denial

REFUSED: Final = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)


def denials_in(error: LabError) -> Iterator[Denial]:
    """Yield what the API server refused, as the message of an error tells; nothing where it tells of no refusal.

    >>> from lab.errors import Forbidden
    >>> text = 'pods is forbidden: User "eve" cannot list resource "pods" in API group "" in the namespace "testbed"'
    >>> list(denials_in(Forbidden("cannot list Pods", found=text)))
    [Denial(verb='list', resource='pods', namespace='testbed', group='', user='eve')]
    """
    for match in REFUSED.finditer(str(error)):
        yield Denial(match["verb"], match["resource"], match["namespace"] or "", match["group"], match["user"])
