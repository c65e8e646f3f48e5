"""Declares how a deployment carries out each kind of fault.

A new kind is a function here and a row in `FAULTS`; CONTRIBUTING.md lists what else names it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol, runtime_checkable

from lab.errors import UsageFault
from lab.model import Fault

ON_A_CLUSTER: Final = "-p target kubernetes"
STORE: Final = "redis"
"""The store among the programs of a stack; a killed or paused store keeps its data."""


class Breakable(Protocol):
    """The part of a deployment that every fault may use.

    Every method raises UsageFault where the stack has no such program.
    """

    def kill(self, service: str) -> int:
        """End a process with signal 9; return nanoseconds since the epoch.

        Raises:
            Unavailable: It does not run now, for example because it is just being restarted.
        """

    def paused(self, service: str) -> AbstractContextManager[None]:
        """Stop a process for as long as the context lasts."""


@runtime_checkable
class Placed(Protocol):
    """A deployment whose services run in pods on nodes; an empty architecture means any."""

    def kill(self, service: str, architecture: str = "") -> int:
        """End the process in one pod with signal 9; return nanoseconds since the epoch."""

    def paused(self, service: str, architecture: str = "") -> AbstractContextManager[None]:
        """Stop the process in one pod for as long as the context lasts."""

    def delete_pod(self, service: str, architecture: str = "") -> int:
        """Delete one pod; return nanoseconds since the epoch."""

    def scaled(self, service: str, architecture: str, *, replicas: int) -> AbstractContextManager[None]:
        """Run another number of pods for as long as the context lasts."""


class Momentary(NamedTuple):
    """A fault without a length.

    Attributes:
        inject: Breaks something and returns nanoseconds since the epoch. It may be called again after `Unavailable`.
        removes_pod: Whether a pod goes, together with the data in it.
    """

    inject: Callable[[Breakable, Fault], int]
    removes_pod: bool = False


class Lasting(NamedTuple):
    """A fault that is undone after `Fault.seconds`.

    Attributes:
        inject: Returns a context; the fault lasts as long as the context.
        removes_pod: Whether a pod may go, together with the data in it.
    """

    inject: Callable[[Breakable, Fault], AbstractContextManager[None]]
    removes_pod: bool = False


def _kill(deployment: Breakable, fault: Fault) -> int:
    if fault.architecture:
        return _placed(deployment, fault).kill(fault.service, fault.architecture)
    return deployment.kill(fault.service)


def _pause(deployment: Breakable, fault: Fault) -> AbstractContextManager[None]:
    if fault.architecture:
        return _placed(deployment, fault).paused(fault.service, fault.architecture)
    return deployment.paused(fault.service)


def _delete_pod(deployment: Breakable, fault: Fault) -> int:
    return _placed(deployment, fault).delete_pod(fault.service, fault.architecture)


def _scale(deployment: Breakable, fault: Fault) -> AbstractContextManager[None]:
    return _placed(deployment, fault).scaled(fault.service, fault.architecture, replicas=fault.replicas)


def _placed(deployment: Breakable, fault: Fault) -> Placed:
    if isinstance(deployment, Placed):
        return deployment
    raise UsageFault(f"cannot {fault.kind} {fault.service}", found="this stack has no pods", next_step=ON_A_CLUSTER)


FAULTS: Final[dict[str, Momentary | Lasting]] = {
    "kill": Momentary(_kill),
    "pause": Lasting(_pause),
    "delete-pod": Momentary(_delete_pod, removes_pod=True),
    "scale": Lasting(_scale, removes_pod=True),
}
"""Kind of a `lab.model.Fault` → how it is carried out."""


def kind_of(fault: Fault) -> Momentary | Lasting:
    """Return how a fault is carried out.

    Raises:
        UsageFault: No such kind is declared.
    """
    if fault.kind not in FAULTS:
        raise UsageFault(
            f'no fault "{fault.kind}"',
            found=f"there are: {', '.join(FAULTS)}",
            next_step="add it to lab/faults/kinds.py",
        )
    return FAULTS[fault.kind]


def refuse_loss_of_ledger(fault: Fault) -> None:
    """Raise where a fault would remove the pod of the store: the ledger of the run would go with it, for good.

    Raises:
        UsageFault: The message says what can be broken instead.

    >>> refuse_loss_of_ledger(Fault("kill", "redis", at_s=5.0))
    >>> refuse_loss_of_ledger(Fault("delete-pod", "redis", at_s=5.0))
    Traceback (most recent call last):
    lab.errors.UsageFault: cannot delete-pod redis
      its pod holds the ledger of the run, and the next pod starts empty
      do: name a service; lab.kill and lab.pause break the store and keep its data (-p target processes)
    """
    kind = FAULTS.get(fault.kind)
    if fault.service == STORE and kind is not None and kind.removes_pod:
        raise UsageFault(
            f"cannot {fault.kind} {STORE}",
            found="its pod holds the ledger of the run, and the next pod starts empty",
            next_step="name a service; lab.kill and lab.pause break the store and keep its data (-p target processes)",
            code="LOSES_LEDGER",
        )
