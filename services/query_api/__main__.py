"""`python -m services.query_api` answers queries from its cache of the store."""

from collections.abc import Sequence

from services.contracts.generated.lab.query.v1.query_pb2_grpc import add_QueryServiceServicer_to_server
from services.ledger.durability import FRESH_S
from services.ledger.redis_ledger import open_ledger
from services.query_api.gauges import StoreGauges
from services.query_api.mirror import Mirror
from services.query_api.servicer import SERVICE, QueryServicer
from services.query_api.settings import QuerySettings
from services.serving.program import Context, Dependency, Service, run_program
from services.serving.store import store_dependency


def build(context: Context[QuerySettings]) -> Service:
    """Put the service together."""
    settings = context.settings
    ledger = open_ledger(settings, context.instance_id, wait_s=settings.query_store_wait_s)
    mirror = Mirror(ledger, settings.query_cache_dir)
    durability = ledger.watched_durability(every_s=FRESH_S)
    StoreGauges(ledger).observe_with(context.instruments)
    servicer = QueryServicer(mirror, ledger, context.instruments, durability=durability)

    def dependencies() -> Sequence[Dependency]:
        cache = Dependency("cache", healthy=not mirror.degraded, detail=mirror.degraded or "on disk")
        return (store_dependency(ledger.ping), cache)

    return Service(
        register=lambda server: add_QueryServiceServicer_to_server(servicer, server),
        grpc_names=(SERVICE,),
        dependencies=dependencies,
        durability=durability,
        drained=mirror.close,
    )


if __name__ == "__main__":
    raise SystemExit(run_program("query-api", QuerySettings, build))
