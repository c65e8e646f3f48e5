"""Short ways to declare the objectives and the faults of a trial."""

from lab.errors import UsageFault
from lab.model import Fault, Objective
from lab.systems.services import SERVICES


def latency(*, quantile: float = 0.99, below_ms: float) -> Objective:
    """A quantile of acknowledgement latency, from the intended send time, lies below a bound in milliseconds.

    >>> latency(quantile=0.5, below_ms=10).threshold
    10
    """
    if not 0 < quantile < 1:
        raise UsageFault(f"cannot ask for the {quantile} quantile", next_step="give one between 0 and 1, such as 0.99")
    _positive("latency", below_ms)
    return Objective("latency", below_ms, quantile=quantile)


def nothing_lost() -> Objective:
    """Every acknowledged event is counted."""
    return Objective("lost", 0)


def nothing_counted_twice() -> Objective:
    """No event is counted twice."""
    return Objective("double-counted", 0)


def recovered(*, within_s: float) -> Objective:
    """Within so many seconds after a fault, the backlog is back where it was."""
    _positive("recovery", within_s)
    return Objective("recovery", within_s)


def throughput(*, at_least: float) -> Objective:
    """At least so many events per second are acknowledged."""
    _positive("throughput", at_least)
    return Objective("throughput", at_least)


def kill(service: str, *, at_s: float, architecture: str = "") -> Fault:
    """End a service's process with signal 9, *at_s* seconds into the measurement; `redis` is the store's process.

    On a cluster, the process in the service's first ready pod by name ends, on nodes of the architecture if given.
    """
    return Fault("kill", _breakable(service), at_s, architecture=architecture)


def pause(service: str, *, at_s: float, seconds: float, architecture: str = "") -> Fault:
    """Stop a service's process for *seconds*; on a cluster, in the pod that `kill` would choose."""
    _positive("pause", seconds)
    return Fault("pause", _breakable(service), at_s, seconds, architecture=architecture)


def delete_pod(service: str, *, at_s: float, architecture: str = "") -> Fault:
    """Delete the pod that `kill` would choose; the cluster makes another."""
    return Fault("delete-pod", _breakable(service), at_s, architecture=architecture)


def scale(service: str, *, architecture: str, replicas: int, at_s: float, seconds: float) -> Fault:
    """Give a service another number of pods on one architecture of a cluster for *seconds*; 0 removes its pods."""
    _positive("scale", seconds)
    if replicas < 0:
        raise UsageFault(f"cannot scale {service} to {replicas} pods", next_step="give 0 or more")
    return Fault("scale", _breakable(service), at_s, seconds, architecture=architecture, replicas=replicas)


def _breakable(service: str) -> str:
    for name in (*SERVICES, "redis"):
        if service == name:
            return name
    raise UsageFault(
        f"cannot break {service!r}", found=f"there are: {', '.join(SERVICES)}, redis", next_step="name one of them"
    )


def _positive(what: str, bound: float) -> None:
    if not bound > 0:
        raise UsageFault(f"cannot ask for a {what} of {bound}", next_step="give a number above 0")
