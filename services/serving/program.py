"""Runs one service: read settings, build, serve, work, drain."""

import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Final, Generic, TypeVar

import grpc
from grpc_reflection.v1alpha import reflection

from services.contracts import signals
from services.contracts.generated.lab.status.v1.status_pb2_grpc import add_StatusServiceServicer_to_server
from services.ledger.errors import LedgerError, StoreLost
from services.serving import status_service
from services.serving.interceptors import CallInterceptor, MeasuringInterceptor, TokenInterceptor
from services.serving.logs import set_up_logs
from services.serving.ready import Ready, write_ready
from services.serving.server import Servers, is_private, new_calls, new_server, start
from services.serving.settings import ServiceFault, ServiceSettings, read_secret, read_settings
from services.serving.status_service import Bound, Dependency
from services.serving.watchdog import Patience, Progress, watch
from services.telemetry.instruments import Instruments
from services.telemetry.settings import TelemetrySettings
from services.telemetry.setup import Identity, Telemetry, set_up
from services.telemetry.tracing import Tracing

__all__ = ["Bound", "Context", "Dependency", "Service", "run_program"]

LAST_SCRAPE_S: Final = 3.0
DISTRIBUTION: Final = "observability-lab"

log = logging.getLogger(__name__)
S = TypeVar("S", bound=ServiceSettings)


@dataclass(frozen=True, slots=True)
class Context(Generic[S]):
    """Parts that a service is built with."""

    name: str
    settings: S
    instance_id: str
    instruments: Instruments
    tracing: Tracing
    stopping: threading.Event


@dataclass(frozen=True, slots=True)
class Service:
    """Parts that a service adds to the program.

    Attributes:
        register: Adds its servicers to a server.
        grpc_names: Full names of the servicers, for health and reflection.
        dependencies: Returns the present state of its dependencies.
        durability: Returns the durability class of its store; empty without a store.
        bounds: Returns what it fills up, with the limits.
        work: Loop for the main thread, until the context's `stopping` is set; None waits for it.
        drained: Called when the server has stopped, to release what the service holds.
        progress: Returns the progress that the watchdog checks; None for no watchdog.
        patience: Patience of the watchdog.
        stream_limit: Most open streams.
        longest_wait_s: Seconds that a call may have waited for a thread, else it is refused.
    """

    register: Callable[[grpc.Server], None]
    grpc_names: tuple[str, ...]
    dependencies: Callable[[], Sequence[Dependency]] = tuple
    durability: Callable[[], str] = str
    bounds: Callable[[], Sequence[Bound]] = tuple
    work: Callable[[], None] | None = None
    drained: Callable[[], None] = field(default=lambda: None)
    progress: Callable[[], Progress] | None = None
    patience: Patience = field(default_factory=Patience)
    stream_limit: int = 4
    longest_wait_s: float = math.inf


def run_program(name: str, settings_type: type[S], build: Callable[[Context[S]], Service]) -> int:
    """Run a service from start to end. Return its exit code.

    0 after an orderly stop, 78 for a configuration that cannot work, 69 for a store that does not answer at start, 70
    when the work failed.
    """
    started_ns = time.time_ns()
    try:
        settings = read_settings(settings_type)
        telemetry = read_settings(TelemetrySettings)
        return _run(name, settings, build, telemetry_settings=telemetry, started_ns=started_ns)
    except ServiceFault as fault:
        print(f"{name}: {fault}", file=sys.stderr)
        return fault.exit_code


def _run(
    name: str,
    settings: S,
    build: Callable[[Context[S]], Service],
    *,
    telemetry_settings: TelemetrySettings,
    started_ns: int,
) -> int:
    set_up_logs(name, settings.instance_id, level=settings.log_level)
    identity = Identity(name, metadata.version(DISTRIBUTION), settings.instance_id)
    telemetry = set_up(identity, telemetry_settings, spans_file=settings.spans_file)
    context = Context(
        name=name,
        settings=settings,
        instance_id=settings.instance_id,
        instruments=_instruments(telemetry, name),
        tracing=Tracing(telemetry.tracer),
        stopping=_stopping_on_signals(),
    )
    try:
        service = build(context)
    except LedgerError as error:
        code = os.EX_CONFIG if isinstance(error, StoreLost) else os.EX_UNAVAILABLE
        raise ServiceFault(code, f"{error.reason}\n  {error}") from error
    servers = _serve(context, service, identity, started_ns=started_ns)
    if settings.ready_file:
        ready = Ready(
            service=name,
            pid=os.getpid(),
            instance_id=settings.instance_id,
            grpc=servers.address,
            health=servers.health_address,
            metrics=telemetry.metrics_address,
            version=identity.version,
        )
        write_ready(settings.ready_file, ready)
    log.info("serving on %s", servers.address)
    exit_code = _work(context, service, servers)
    _drain(context, service, servers, telemetry)
    return exit_code


def _instruments(telemetry: Telemetry, name: str) -> Instruments:
    instruments = Instruments(telemetry.meter, name)
    instruments.observe(signals.PROCESS_CPU_TIME, time.process_time)
    instruments.observe(signals.PROCESS_MEMORY_USAGE, _resident_bytes)
    return instruments


def _resident_bytes() -> float:
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123  read at every scrape
        return float(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _stopping_on_signals() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    return stopping


def _serve(context: Context[S], service: Service, identity: Identity, *, started_ns: int) -> Servers:
    settings = context.settings
    calls = new_calls(settings, stream_limit=service.stream_limit, longest_wait_s=service.longest_wait_s)
    interceptors: list[grpc.ServerInterceptor] = [
        MeasuringInterceptor(calls.service, context.instruments, context.tracing, probes=CallInterceptor(calls.probes))
    ]
    if settings.token_file:
        token = read_secret(settings.token_file, "LAB_TOKEN_FILE").decode().strip()
        interceptors.insert(0, TokenInterceptor(token, calls.service))
    server = new_server(settings, calls.service, interceptors)
    service.register(server)
    facts = status_service.Facts(
        service=context.name,
        version=identity.version,
        instance_id=identity.instance_id,
        config_hash=settings.config_hash,
        started_unix_nano=started_ns,
    )
    status = status_service.StatusServicer(
        facts, dependencies=service.dependencies, durability=service.durability, bounds=service.bounds
    )
    add_StatusServiceServicer_to_server(status, server)
    names = (*service.grpc_names, status_service.SERVICE)
    if settings.reflection:
        _add_reflection(server, settings, names)
    servers = start(server, settings, names, calls)
    servers.health.set_healthy(True)
    return servers


def _add_reflection(server: grpc.Server, settings: ServiceSettings, names: Sequence[str]) -> None:
    if not is_private(settings):
        raise ServiceFault(
            os.EX_CONFIG,
            f"LAB_REFLECTION is on and LAB_BIND={settings.bind} is open to a network\n"
            "  do: bind to loopback, or set LAB_TLS_CERT_FILE and LAB_TOKEN_FILE",
        )
    reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), server)


def _work(context: Context[S], service: Service, servers: Servers) -> int:
    if service.progress:
        threading.Thread(
            target=watch,
            args=(service.progress, servers.health.set_healthy, context.stopping),
            kwargs={"patience": service.patience},
            name="watchdog",
            daemon=True,
        ).start()
    if service.work is None:
        context.stopping.wait()
        return 0
    try:
        service.work()
    except Exception:
        log.exception("the work of this service failed")
        context.stopping.set()
        return os.EX_SOFTWARE
    return 0


def _drain(context: Context[S], service: Service, servers: Servers, telemetry: Telemetry) -> None:
    log.info("draining")
    servers.stop(grace_s=context.settings.drain_seconds)
    try:
        service.drained()
    except Exception:
        log.exception("the service could not release what it holds")
    telemetry.await_last_scrape(LAST_SCRAPE_S)
    telemetry.shutdown()
    log.info("stopped")
