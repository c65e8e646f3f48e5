"""Whether the store answers, as a service tells it."""

from services.ledger.errors import LedgerError
from services.ledger.port import Ledger
from services.serving.program import Dependency


def store_dependency(ledger: Ledger) -> Dependency:
    """One look at the store, now."""
    try:
        ledger.ping()
    except LedgerError as error:
        return Dependency("redis", healthy=False, detail=str(error))
    return Dependency("redis", healthy=True, detail="answers")
