"""Reports whether the store answers."""

from collections.abc import Callable

from services.ledger.errors import LedgerError
from services.serving.status_service import Dependency


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
