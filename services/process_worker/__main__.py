"""`python -m services.process_worker` reads entries and commits them until it is told to stop."""

import gc
from collections.abc import Sequence

from services.contracts.generated.lab.process.v1.process_pb2_grpc import add_ProcessServiceServicer_to_server
from services.ledger.durability import SELDOM_S
from services.ledger.redis_ledger import open_ledger
from services.process_worker.committing import Committer
from services.process_worker.consumer import Consumer, Heartbeat, Pace
from services.process_worker.handling import Handler
from services.process_worker.servicer import SERVICE, ProcessServicer
from services.process_worker.settings import WorkerSettings
from services.process_worker.takeover import Takeover
from services.process_worker.telemetry import WorkerTelemetry
from services.serving.program import Bound, Context, Dependency, Service, run_program
from services.serving.store import store_dependency
from services.serving.watchdog import Patience, Progress


def build(context: Context[WorkerSettings]) -> Service:
    """Put the worker together."""
    settings = context.settings
    ledger = open_ledger(settings, context.instance_id, wait_s=settings.worker_store_wait_s)
    durability = ledger.watched_durability(every_s=SELDOM_S)
    heartbeat = Heartbeat(ledger)
    handler = Handler(
        cost_us=settings.worker_cost_us, crash_on_kind=settings.worker_crash_on_kind, alive=heartbeat.advance
    )
    telemetry = WorkerTelemetry(context.instruments, context.tracing, context.instance_id)
    committer = Committer(ledger, handler, telemetry, keep_windows=settings.worker_keep_windows)
    takeover = Takeover(context.instance_id, idle_s=settings.worker_idle_s)
    consumer = Consumer(ledger, committer, heartbeat, takeover, pace=_pace(settings))
    servicer = ProcessServicer(ledger)
    # Garbage collection need not examine objects that live as long as the process.
    gc.freeze()

    usage = ledger.watched_usage()

    def bounds() -> Sequence[Bound]:
        used = usage.value()
        return () if used is None else (Bound("runs kept", used.runs, settings.worker_keep_runs, "runs"),)

    def dependencies() -> Sequence[Dependency]:
        return (store_dependency(ledger.ping),)

    def progress() -> Progress:
        return Progress(busy=consumer.backlog > 0, mark=(telemetry.commits, consumer.committed_version))

    return Service(
        register=lambda server: add_ProcessServiceServicer_to_server(servicer, server),
        grpc_names=(SERVICE,),
        dependencies=dependencies,
        durability=durability,
        bounds=bounds,
        work=lambda: consumer.run(context.stopping),
        progress=progress,
        patience=Patience(settings.worker_stalled_after_s, settings.worker_give_up_after_s),
    )


def _pace(settings: WorkerSettings) -> Pace:
    return Pace(
        read_entries=settings.worker_read_entries,
        block_ms=settings.worker_block_ms,
        nap_s=settings.worker_nap_ms / 1_000,
        idle_s=settings.worker_idle_s,
        keep_runs=settings.worker_keep_runs,
    )


if __name__ == "__main__":
    raise SystemExit(run_program("process-worker", WorkerSettings, build))
