"""Reports whether the store answers, and how much of it is in use."""

from collections.abc import Callable, Sequence

from services.ledger.errors import LedgerError
from services.ledger.records import Usage
from services.serving.status_service import Bound, Dependency


def store_dependency(ping: Callable[[], None]) -> Dependency:
    """Ping the store. Return what came of it.

    Args:
        ping: Returns when the store answers; raises LedgerError where it does not.

    >>> store_dependency(lambda: None)
    Dependency(name='redis', healthy=True, detail='answers')
    """
    try:
        ping()
    except LedgerError as error:
        return Dependency("redis", healthy=False, detail=str(error))
    return Dependency("redis", healthy=True, detail="answers")


def store_bounds(usage: Usage | None, *, events: int, stored_bytes: int) -> Sequence[Bound]:
    """Return the bounds of a store that batches are appended to; none while the store does not answer.

    Args:
        usage: How much of the store is in use.
        events: Most events that may wait to be counted.
        stored_bytes: Most bytes that they may take.
    """
    if usage is None:
        return ()
    return (
        Bound("backlog", usage.backlog_events, events, "events"),
        Bound("backlog", usage.backlog_bytes, stored_bytes, "bytes"),
        Bound("store memory", usage.memory_bytes, usage.memory_limit_bytes, "bytes"),
    )
