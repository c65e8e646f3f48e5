"""Reports whether the store answers."""

from services.ledger.errors import LedgerError
from services.ledger.redis_ledger import RedisLedger
from services.serving.program import Dependency


def store_dependency(ledger: RedisLedger) -> Dependency:
    """Ping the store and return the result."""
    try:
        ledger.ping()
    except LedgerError as error:
        return Dependency("redis", healthy=False, detail=str(error))
    return Dependency("redis", healthy=True, detail="answers")
