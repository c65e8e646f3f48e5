"""One thing that is wrong: its cause, the evidence, the next step."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause that was found, in words for a person.

    Attributes:
        cause: What kind of fault this is; stable, so that programs may compare it.
        object: What has the fault, as kind/name; `Deployment/process-worker-arm64`.
        title: One line.
        found: The evidence.
        why: How the evidence came about.
        do: One line for a shell that is the next step; a cure where there is one.
        stops: What surely cannot work because of this: `Pod/name`, `Node/name`, `store`, `collector`, `prometheus`, …
        rests_on: What must work before this can be held against its object; it is left out where that is stopped.
    """

    cause: str
    object: str
    title: str
    found: str
    why: str
    do: str
    stops: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()
