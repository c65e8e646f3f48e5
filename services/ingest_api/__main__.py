"""`python -m services.ingest_api` appends batches to the ledger."""

from collections.abc import Sequence
from typing import Final

from services.ingest_api.servicer import SERVICE, IngestServicer, add_to
from services.ingest_api.settings import IngestSettings
from services.ledger.durability import SELDOM_S
from services.ledger.redis_ledger import open_ledger
from services.serving.program import Bound, Context, Dependency, Service, run_program
from services.serving.store import store_bounds, store_dependency

LONGEST_WAIT_S: Final = 1.0
"""A producer gives an attempt two seconds."""


def build(context: Context[IngestSettings]) -> Service:
    """Put the service together."""
    settings = context.settings
    ledger = open_ledger(
        settings,
        context.instance_id,
        backlog_limit=settings.ingest_backlog_limit,
        backlog_bytes=settings.ingest_backlog_bytes,
        wait_s=settings.ingest_store_wait_s,
    )
    servicer = IngestServicer(ledger, context.instruments, context.tracing)
    durability = ledger.watched_durability(every_s=SELDOM_S)

    usage = ledger.watched_usage()

    def bounds() -> Sequence[Bound]:
        return store_bounds(
            usage.value(), events=settings.ingest_backlog_limit, stored_bytes=settings.ingest_backlog_bytes
        )

    def dependencies() -> Sequence[Dependency]:
        return (store_dependency(ledger.ping),)

    return Service(
        register=lambda server: add_to(server, servicer),
        grpc_names=(SERVICE,),
        dependencies=dependencies,
        durability=durability,
        bounds=bounds,
        longest_wait_s=LONGEST_WAIT_S,
    )


if __name__ == "__main__":
    raise SystemExit(run_program("ingest-api", IngestSettings, build))
