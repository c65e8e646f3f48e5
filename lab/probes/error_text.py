"""Puts an error into one line, as a probe keeps it."""

from typing import Final

from lab.errors import LabError

LONGEST: Final = 240
"""Characters of an error that a probe keeps."""


def text_of_error(error: LabError) -> str:
    """Return what was attempted and found, in one line.

    >>> text_of_error(LabError("cannot list Pods", found="the server"))
    'cannot list Pods: the server'
    """
    return " ".join(": ".join(filter(None, (error.attempted, error.found))).split())[:LONGEST]


def cause_of_error(error: LabError) -> str:
    """Return what was found, for a probe that tells by itself what was attempted; without a cause, the attempt.

    >>> cause_of_error(LabError("cannot list Pods", found="Connection refused"))
    'Connection refused'
    """
    return error.found or error.attempted
