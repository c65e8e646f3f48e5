"""Short ways to declare the objectives of a trial."""

from typing import Final

from lab.model import Objective
from lab.model.arguments import check_number
from lab.questions.checks import check_above_0, check_share, parameter_of
from services.contracts.limits import MAX_DURATION_S

LARGEST_RATE: Final = 1e9
"""Events per second that an objective may ask for; no machine sends so many."""


def latency(*, quantile: float = 0.99, below_ms: float) -> Objective:
    """A quantile of acknowledgement latency, from the intended send time, lies below a bound.

    Args:
        quantile: Above 0 and below 1. A quantile q needs 10 / (1 − q) batches, else the answer is INCONCLUSIVE.
        below_ms: The bound in milliseconds; above 0, at most a day.

    Raises:
        UsageFault: The quantile or the bound is out of its range.

    >>> latency(quantile=0.5, below_ms=10)
    Objective(kind='latency', threshold=10, quantile=0.5)
    """
    check_number("quantile", quantile, above=0, below=1, named=parameter_of)
    check_above_0("below_ms", below_ms, 1_000 * MAX_DURATION_S)
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
        within_s: Longest time from the fault, in seconds; above 0, at most a day.

    Raises:
        UsageFault: The time is out of its range.

    >>> recovered(within_s=5.0).threshold
    5.0
    """
    check_above_0("within_s", within_s, MAX_DURATION_S)
    return Objective("recovery", within_s)


def throughput(*, at_least: float) -> Objective:
    """Enough events are acknowledged, on average over the measured window.

    Args:
        at_least: Events per second; above 0, at most `LARGEST_RATE`.

    Raises:
        UsageFault: The rate is out of its range.

    >>> throughput(at_least=1_000.0).threshold
    1000.0
    """
    check_above_0("at_least", at_least, LARGEST_RATE)
    return Objective("throughput", at_least)


def keeps_up(*, at_least: float = 0.99) -> Objective:
    """The workers count events as fast as they are acknowledged: the lag does not grow while events are sent.

    Args:
        at_least: Least share of acknowledged events that are counted while events are sent; 0 to 1.

    Raises:
        UsageFault: The share is out of its range.

    >>> keeps_up(at_least=0.5)
    Objective(kind='keeps-up', threshold=50.0, quantile=0.99)
    """
    check_share("at_least", at_least)
    return Objective("keeps-up", 100 * at_least)


def refused(*, at_most: float = 0.0) -> Objective:
    """At most this share of the intended events is refused for good. Without this objective, none may be.

    Args:
        at_most: Largest share; 0 to 1.

    Raises:
        UsageFault: The share is out of its range.

    >>> refused(at_most=0.01).threshold
    1.0
    """
    check_share("at_most", at_most)
    return Objective("refused", 100 * at_most)
