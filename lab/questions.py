"""Short ways to declare the objectives and the faults of a trial."""

from pkgutil import resolve_name
from typing import Final

from lab.errors import UsageFault
from lab.model import Fault, Objective
from lab.model.arguments import check_number, check_text, check_whole
from lab.systems.services import SERVICES
from services.contracts.limits import MAX_DURATION_S

LARGEST_RATE: Final = 1e9
"""Events per second that an objective may ask for; no machine sends so many."""
NAMED: Final = "lab.runs.this_kernel:parameter_holding"
"""Returns the name of the notebook's parameter that holds a value; loaded for a message only."""


def latency(*, quantile: float = 0.99, below_ms: float) -> Objective:
    """A quantile of acknowledgement latency, from the intended send time, lies below a bound.

    Args:
        quantile: Above 0 and below 1. A quantile q needs 10 / (1 − q) batches, else the answer is INCONCLUSIVE.
        below_ms: The bound in milliseconds, above 0.

    Raises:
        UsageFault: The quantile or the bound is out of its range.

    >>> latency(quantile=0.5, below_ms=10)
    Objective(kind='latency', threshold=10, quantile=0.5)
    """
    check_number("quantile", quantile, named=_parameter)
    if not 0 < quantile < 1:
        raise UsageFault(f"cannot ask for the {quantile} quantile", next_step="give one between 0 and 1, such as 0.99")
    _above_0("below_ms", below_ms, 1_000 * MAX_DURATION_S)
    return Objective("latency", below_ms, quantile=quantile)


def nothing_lost() -> Objective:
    """Every acknowledged event is counted, by comparison with the sender's own account.

    >>> nothing_lost().threshold
    0
    """
    return Objective("lost", 0)


def nothing_counted_twice() -> Objective:
    """No event is counted twice, by comparison with the sender's own account.

    >>> nothing_counted_twice().threshold
    0
    """
    return Objective("double-counted", 0)


def recovered(*, within_s: float) -> Objective:
    """After every fault, the backlog comes back to where it was before, and stays there.

    Args:
        within_s: Longest time from the fault, in seconds; above 0.

    Raises:
        UsageFault: The time is not above 0.

    >>> recovered(within_s=5.0).threshold
    5.0
    """
    _above_0("within_s", within_s, MAX_DURATION_S)
    return Objective("recovery", within_s)


def throughput(*, at_least: float) -> Objective:
    """Enough events are acknowledged, on average over the measured window.

    Args:
        at_least: Events per second; above 0.

    Raises:
        UsageFault: The rate is not above 0.

    >>> throughput(at_least=1_000.0).threshold
    1000.0
    """
    _above_0("at_least", at_least, LARGEST_RATE)
    return Objective("throughput", at_least)


def keeps_up(*, at_least: float = 0.99) -> Objective:
    """The workers count events as fast as they are acknowledged: the lag does not grow while events are sent.

    Args:
        at_least: Least share of acknowledged events that are counted while events are sent; 0 to 1.

    Raises:
        UsageFault: The share is not between 0 and 1.

    >>> keeps_up(at_least=0.5)
    Objective(kind='keeps-up', threshold=50.0, quantile=0.99)
    """
    _share("at_least", at_least)
    return Objective("keeps-up", 100 * at_least)


def refused(*, at_most: float = 0.0) -> Objective:
    """At most this share of the intended events is refused for good. Without this objective, none may be.

    Args:
        at_most: Largest share; 0 to 1.

    Raises:
        UsageFault: The share is not between 0 and 1.

    >>> refused(at_most=0.01).threshold
    1.0
    """
    _share("at_most", at_most)
    return Objective("refused", 100 * at_most)


def kill(service: str, *, at_s: float, architecture: str = "") -> Fault:
    """End a service's process with signal 9; the target starts it again.

    On a cluster, the process in the service's first ready pod by name ends.

    Args:
        service: A service, or `redis` for the store's process.
        at_s: Seconds into the measured window; 0 or more.
        architecture: On a cluster: architecture of the pod's node, for example `arm64`; empty for any.

    Raises:
        UsageFault: There is no such service, or the time is out of its range.

    >>> kill("process-worker", at_s=5.0).kind
    'kill'
    """
    return _fault(Fault("kill", _breakable(service), at_s, architecture=architecture))


def pause(service: str, *, at_s: float, seconds: float, architecture: str = "") -> Fault:
    """Stop a service's process for a while; on a cluster, in the pod that `kill` would choose.

    Args:
        service: A service, or `redis` for the store's process.
        at_s: Seconds into the measured window; 0 or more.
        seconds: How long it is stopped; above 0.
        architecture: On a cluster: architecture of the pod's node; empty for any.

    Raises:
        UsageFault: There is no such service, or a time is out of its range.

    >>> pause("redis", at_s=5.0, seconds=2.0).seconds
    2.0
    """
    _above_0("seconds", seconds, MAX_DURATION_S)
    return _fault(Fault("pause", _breakable(service), at_s, seconds, architecture=architecture))


def delete_pod(service: str, *, at_s: float, architecture: str = "") -> Fault:
    """Delete the pod that `kill` would choose; the cluster makes another. Local processes have no pods.

    Args:
        service: A service.
        at_s: Seconds into the measured window; 0 or more.
        architecture: Architecture of the pod's node; empty for any.

    Raises:
        UsageFault: There is no such service, or the time is out of its range. Where there are no pods, `lab.run`
            refuses the fault.

    >>> delete_pod("query-api", at_s=5.0).service
    'query-api'
    """
    return _fault(Fault("delete-pod", _breakable(service), at_s, architecture=architecture))


def scale(service: str, *, architecture: str, replicas: int, at_s: float, seconds: float) -> Fault:
    """Give a service another number of pods on one architecture of a cluster for a while.

    Args:
        service: A service.
        architecture: Architecture whose Deployment is scaled, for example `arm64`.
        replicas: Number of pods meanwhile; 0 removes the service's pods on this architecture.
        at_s: Seconds into the measured window; 0 or more.
        seconds: How long; above 0.

    Raises:
        UsageFault: There is no such service, or a number is out of its range. Where there are no pods, `lab.run`
            refuses the fault.

    >>> scale("process-worker", architecture="arm64", replicas=0, at_s=5.0, seconds=10.0).replicas
    0
    """
    _above_0("seconds", seconds, MAX_DURATION_S)
    check_whole("replicas", replicas)
    if replicas < 0:
        raise UsageFault(f"cannot scale {service} to {replicas} pods", next_step="give 0 or more")
    return _fault(Fault("scale", _breakable(service), at_s, seconds, architecture=architecture, replicas=replicas))


def _breakable(service: str) -> str:
    for name in (*SERVICES, "redis"):
        if service == name:
            return name
    raise UsageFault(
        f"cannot break {service!r}", found=f"there are: {', '.join(SERVICES)}, redis", next_step="name one of them"
    )


def _fault(fault: Fault) -> Fault:
    """Return the fault; raise where its time or its architecture makes no sense."""
    check_number("at_s", fault.at_s, at_least=0, at_most=MAX_DURATION_S, named=_parameter)
    check_text("architecture", fault.architecture)
    return fault


def _above_0(name: str, number: float, at_most: float) -> None:
    check_number(name, number, above=0, at_most=at_most, named=_parameter)


def _share(name: str, share: float) -> None:
    check_number(name, share, at_least=0, at_most=1, named=_parameter)


def _parameter(value: object) -> str:
    return str(resolve_name(NAMED)(value))
