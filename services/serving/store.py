"""Whether the store answers, as a service tells it."""

from services.ledger.errors import LedgerError
from services.ledger.port import Ledger
from services.serving.program import Hop


def store_hop(ledger: Ledger) -> Hop:
    """One look at the store, now."""
    try:
        ledger.ping()
    except LedgerError as error:
        return Hop("redis", healthy=False, detail=str(error))
    return Hop("redis", healthy=True, detail="answers")
