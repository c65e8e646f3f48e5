"""What a snapshot lacks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Denial:
    """A request that RBAC refused; *namespace* is empty for resources of the whole cluster."""

    verb: str
    resource: str
    namespace: str = ""
    group: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A part of a snapshot that is missing because asking for it failed; a refusal by RBAC is a `Denial`.

    Attributes:
        part: What was asked for, for example `clocks`, or `log of worker-1/service`.
        error: What was attempted and what was found, in one line.
    """

    part: str
    error: str
