"""A fault that a rule found: its cause, the evidence, the remedy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from lab.snapshots.snapshot import Snapshot


class Cure(NamedTuple):
    """What a rule decides about a fault when the evidence is known.

    Attributes:
        why: The explanation, as `Finding.why`.
        do: The remedy, as `Finding.do`.
    """

    why: str
    do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fault, in words for a person.

    Attributes:
        cause: Identifier of the kind of fault. It is stable, so that programs may compare it.
        object: The faulty object, as kind/name: `Deployment/process-worker-arm64`.
        title: The fault in one line.
        found: The evidence: the symptom as it was observed, with its numbers and messages.
        why: The explanation: how the cause leads to the evidence.
        do: The remedy: one shell line that is the next step, and a cure where there is one.
        stops: What cannot work while this fault lasts: `Pod/name`, `Node/name`, `store`, `collector`, `prometheus`, …
        rests_on: What must work for this finding to count. Left out where an earlier finding stops any of it.
    """

    cause: str
    object: str
    title: str
    found: str
    why: str
    do: str
    stops: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()


Rule = Callable[[Snapshot], Iterator[Finding]]
"""Finds one cause in a snapshot."""


def name_of(ref: str) -> str:
    """Return the name in kind/name.

    >>> name_of("Deployment/query-api-amd64")
    'query-api-amd64'
    """
    return ref.rpartition("/")[2]
