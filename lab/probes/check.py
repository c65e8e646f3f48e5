"""One thing that a doctor looked at."""

from typing import NamedTuple


class Check(NamedTuple):
    """What was looked at, whether it is good, what was found, and what to do where it is not."""

    name: str
    good: bool
    found: str
    next_step: str = ""
