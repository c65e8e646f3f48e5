"""Short ways to declare the faults of a trial."""

from typing import Final

from lab.errors import UsageFault
from lab.faults.kinds import STORE, refuse_loss_of_ledger
from lab.model import Fault
from lab.model.arguments import check_number, check_text, check_whole
from lab.questions.checks import check_above_0, parameter_of
from lab.systems.services import SERVICES
from services.contracts.limits import MAX_DURATION_S

BREAKABLE: Final = (*SERVICES, STORE)
"""Programs that a fault may name."""


def kill(service: str, *, at_s: float, architecture: str = "") -> Fault:
    """End a service's process with signal 9; the target starts it again.

    On a cluster, the process in the service's first ready pod by name ends.

    Args:
        service: A service, or `redis` for the store's process.
        at_s: Seconds into the measured window; 0 to a day.
        architecture: On a cluster: architecture of the pod's node, for example `arm64`; empty for any.

    Raises:
        UsageFault: There is no such service, or the time is out of its range.

    >>> kill("process-worker", at_s=5.0).kind
    'kill'
    """
    return _sensible(Fault("kill", service, at_s, architecture=architecture))


def pause(service: str, *, at_s: float, seconds: float, architecture: str = "") -> Fault:
    """Stop a service's process for a while; on a cluster, in the pod that `kill` would choose.

    Args:
        service: A service, or `redis` for the store's process.
        at_s: Seconds into the measured window; 0 to a day.
        seconds: How long it is stopped; above 0, at most a day.
        architecture: On a cluster: architecture of the pod's node; empty for any.

    Raises:
        UsageFault: There is no such service, or a time is out of its range.

    >>> pause("redis", at_s=5.0, seconds=2.0).seconds
    2.0
    """
    check_above_0("seconds", seconds, MAX_DURATION_S)
    return _sensible(Fault("pause", service, at_s, seconds, architecture=architecture))


def delete_pod(service: str, *, at_s: float, architecture: str = "") -> Fault:
    """Delete the pod that `kill` would choose; the cluster makes another. Local processes have no pods.

    Args:
        service: A service; not `redis`, whose pod holds the ledger of the run.
        at_s: Seconds into the measured window; 0 to a day.
        architecture: Architecture of the pod's node; empty for any.

    Raises:
        UsageFault: There is no such service, it is `redis`, or the time is out of its range. Where there are no pods,
            `lab.run` refuses the fault.

    >>> delete_pod("query-api", at_s=5.0).service
    'query-api'
    """
    return _sensible(Fault("delete-pod", service, at_s, architecture=architecture))


def scale(service: str, *, architecture: str, replicas: int, at_s: float, seconds: float) -> Fault:
    """Give a service another number of pods on one architecture of a cluster for a while.

    Args:
        service: A service; not `redis`, whose pod holds the ledger of the run.
        architecture: Architecture whose Deployment is scaled, for example `arm64`.
        replicas: Number of pods meanwhile; 0 removes the service's pods on this architecture.
        at_s: Seconds into the measured window; 0 to a day.
        seconds: How long; above 0, at most a day.

    Raises:
        UsageFault: There is no such service, it is `redis`, or a number is out of its range. Where there are no pods,
            `lab.run` refuses the fault.

    >>> scale("process-worker", architecture="arm64", replicas=0, at_s=5.0, seconds=10.0).replicas
    0
    """
    check_above_0("seconds", seconds, MAX_DURATION_S)
    check_whole("replicas", replicas, named=parameter_of)
    check_number("replicas", replicas, at_least=0, named=parameter_of)
    return _sensible(Fault("scale", service, at_s, seconds, architecture=architecture, replicas=replicas))


def _sensible(fault: Fault) -> Fault:
    """Return the fault; raise where its service, its time or its architecture makes no sense."""
    if fault.service not in BREAKABLE:
        there = f"there are: {', '.join(BREAKABLE)}"
        raise UsageFault(f"cannot break {fault.service!r}", found=there, next_step="name one of them")
    refuse_loss_of_ledger(fault)
    check_number("at_s", fault.at_s, at_least=0, at_most=MAX_DURATION_S, named=parameter_of)
    check_text("architecture", fault.architecture)
    return fault
