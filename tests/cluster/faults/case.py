"""Defines a fault on the rig: how it is made, and how it must be diagnosed."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.cluster.faults.place import Place


@dataclass(frozen=True, slots=True)
class RigFault:
    """A fault and its expected diagnosis.

    Attributes:
        cause: The cause that `lab diagnose` must name.
        object: The object that it must name; `{namespace}` stands for the fault's namespace.
        evidence: A part of the finding's evidence or title.
        make: Makes the fault.
        seconds: Seconds until the fault must be found; pulls, probes and schedulers take their time.
        cured_s: Seconds that the cure may take.
        typed: The input that the next step asks the user for.
    """

    cause: str
    object: str
    evidence: str
    make: Callable[[Place], None]
    seconds: float = 120.0
    cured_s: float = 180.0
    typed: str = ""
