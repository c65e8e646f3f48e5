"""What a fault on the rig is: how it is made, and what has to be said of it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.cluster.faults.place import Place


@dataclass(frozen=True, slots=True)
class RigFault:
    """One thing that goes wrong for real.

    Attributes:
        cause: What `lab diagnose` has to call it.
        object: What it has to point at; `{namespace}` stands for the fault's own.
        found: A part of the evidence, or of the title.
        make: Makes it.
        seconds: How long it may take until it is found: pulls back off, probes and schedulers are patient.
        cured_s: How long the cure may take.
        typed: What a person types when the next step asks for it.
    """

    cause: str
    object: str
    found: str
    make: Callable[[Place], None]
    seconds: float = 120.0
    cured_s: float = 180.0
    typed: str = ""
