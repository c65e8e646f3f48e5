"""Decides whether a process runs the image that was wanted, on the architecture it was made for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lab.model import machine_of
from lab.model.image_references import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.model import ProcessIdentity

    IsInIndex = Callable[[str, str], bool]
    """Whether the registry says that a reference names an index that holds the image of a digest."""


class Doubt(NamedTuple):
    """A process that is not what was requested, and the reason."""

    name: str
    reason: str


def doubts(identities: Sequence[ProcessIdentity], *, is_in_index: IsInIndex) -> tuple[Doubt, ...]:
    """Return a doubt for every process whose four checks disagree: digest, node, runtime, process.

    Args:
        identities: Identity of every process of a stack.
        is_in_index: Called only where a node names another digest than was requested. A runtime that also pulled the
            image by its index knows two digests of the image, and names the digest that sorts first.
    """
    checked = ((identity, _reason(identity, is_in_index)) for identity in identities)
    return tuple(Doubt(identity.name, reason) for identity, reason in checked if reason)


def _reason(identity: ProcessIdentity, is_in_index: IsInIndex) -> str:
    wanted, digest, running = identity.architecture, digest_of(identity.image), digest_of(identity.image_id)
    if not digest:
        return f"its image {identity.image} is not pinned to a digest"
    if identity.node_architecture != wanted:
        node = f"{identity.node}, which is {identity.node_architecture or 'unknown'}"
        return f"it is on {node}, and was made for {wanted}"
    if running != digest and not (running and is_in_index(identity.image_id, digest)):
        return f"the node runs {running or 'nothing'}, not {digest}"
    if identity.machine and identity.machine != machine_of(wanted):
        return f"the process says {identity.machine}, not {machine_of(wanted)} ({wanted})"
    return ""
