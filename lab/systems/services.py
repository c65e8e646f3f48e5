"""The lab's own system: ingest-api, process-worker, query-api and the load generator simulator."""

from typing import Final

from lab.systems.port import System
from services.contracts import signals

INGEST_API: Final = "ingest-api"
PROCESS_WORKER: Final = "process-worker"
QUERY_API: Final = "query-api"
SIMULATOR: Final = "simulator"
SERVICES: Final = (INGEST_API, PROCESS_WORKER, QUERY_API, SIMULATOR)
HANDLES_EVENTS: Final = (INGEST_API, PROCESS_WORKER)
"""Services that handle the events of a load; the simulator sends them, query-api reports on them afterwards."""
HARNESS: Final = (SIMULATOR, "prometheus")
"""Programs that measure; their death says nothing about the system."""
JOB_PREFIX: Final = "lab/"
"""Prefix of a service's name in the name of its Prometheus job."""
WORKER_JOB: Final = f"{JOB_PREFIX}{PROCESS_WORKER}"
PROMISED: Final = {service: signal.prometheus_name for service, signal in signals.PROMISED.items()}

SYSTEM: Final = System(
    services=SERVICES,
    promised=PROMISED,
    series=(
        "up",
        signals.WORKER_EVENTS_PROCESSED.prometheus_name,
        signals.INGEST_EVENTS_ACCEPTED.prometheus_name,
        signals.SIMULATOR_EVENTS_SENT.prometheus_name,
        signals.QUERY_REQUESTS.prometheus_name,
        signals.STREAM_BACKLOG.prometheus_name,
        signals.PROCESS_CPU_TIME.prometheus_name,
        signals.PROCESS_MEMORY_USAGE.prometheus_name,
    ),
    commit_job=WORKER_JOB,
)
