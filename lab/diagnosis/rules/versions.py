"""Reads the first two numbers of a version."""

import re


def numbers(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version; none where it has none.

    >>> numbers("v1.34.4+k3s1"), numbers("7.0.15"), numbers("?")
    ((1, 34), (7, 0), ())
    """
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
