"""Makes the gRPC servers of one process: one for the service, one for health alone."""

import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, NamedTuple, Never

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from services.serving.answering import not_served
from services.serving.calls import OPEN_CALLS, Calls
from services.serving.interceptors import CallInterceptor
from services.serving.settings import ServiceFault, ServiceSettings, read_secret
from services.serving.workers import Workers

THREADS: Final = 8
PROBE_THREADS: Final = 2
MAX_MESSAGE_BYTES: Final = 4 << 20
"""gRPC's own limit. A larger message ends its call with RESOURCE_EXHAUSTED before our code sees it."""
CONNECTIONS: Final = 512
"""Most connections of a server. With those of the store they stay below the 1,024 files that a process may open."""
PROBE_CONNECTIONS: Final = 64
OPTIONS: Final = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A caller that does not answer for 80 seconds is gone, and a connection without calls is closed after five minutes.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_concurrent_streams", 512),
)
EVERYTHING: Final = ""
"""The health service's name for the server as a whole."""
SWEEP_EVERY_S: Final = 0.2
STUCK_AFTER_S: Final = 5.0
"""Seconds that a call waits for a thread until health says NOT_SERVING."""
STALLED, STUCK = "stalled", "stuck"
"""Causes for which health says NOT_SERVING: the work makes no progress, calls get no thread."""

log = logging.getLogger(__name__)


class CallsOfServers(NamedTuple):
    """Calls of the service, and of health. Each kind has threads of its own."""

    service: Calls
    probes: Calls


class Health(health.HealthServicer):
    """`grpc.health.v1.Health` without `Watch`, whose callers could keep a call for ever, and block all others."""

    def Watch(self, *_call: object, **_options: object) -> Never:  # noqa: N802
        """Refuse: nobody watches here, and a client that would takes UNIMPLEMENTED for healthy."""
        raise not_served()


class HealthState:
    """What health says: SERVING while there is no cause against it. Safe to use from several threads.

    Args:
        servicer: Answers the calls of health.
        names: Full names of the servicers that health speaks for, besides the server as a whole.
    """

    def __init__(self, servicer: Health, names: Sequence[str]) -> None:
        self._servicer, self._names = servicer, (EVERYTHING, *names)
        self._ailments: set[str] = set()
        self._publishing = threading.Lock()

    def set_healthy(self, healthy: bool, *, cause: str = STALLED) -> None:  # noqa: FBT001  reads as a sentence
        """Note that a cause for NOT_SERVING is gone, or has come."""
        serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
        # What is published last must be what was noted last.
        with self._publishing:
            (self._ailments.discard if healthy else self._ailments.add)(cause)
            for name in self._names:
                self._servicer.set(name, not_serving if self._ailments else serving)

    def shut_down(self) -> None:
        """Say NOT_SERVING from now on."""
        self._servicer.enter_graceful_shutdown()


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Both servers, listening.

    Attributes:
        main: Serves the service.
        probes: Serves health alone; None where no address is set for it.
        health: What health says.
        stopping: Ends the sweep.
        address: host:port of the main server.
        health_address: host:port of the other; empty where there is none.
    """

    main: grpc.Server
    probes: grpc.Server | None
    health: HealthState
    stopping: threading.Event
    address: str
    health_address: str

    def stop(self, *, grace_s: float) -> None:
        """Say NOT_SERVING, finish calls under way within the grace, close."""
        self.health.shut_down()
        self.main.stop(grace_s).wait(grace_s + 1)
        if self.probes:
            self.probes.stop(0)
        self.stopping.set()


def _sweep(calls_of_servers: CallsOfServers, health_state: HealthState, stopping: threading.Event) -> None:
    """Until the stop, end calls that keep threads waiting, and let health notice when calls get no thread."""
    stuck = False
    while not stopping.wait(SWEEP_EVERY_S):
        try:
            for calls in calls_of_servers:
                calls.sweep()
        except Exception:
            # Without this thread, silent callers would keep the threads of the server.
            log.exception("a sweep of the calls failed; the next follows")
        now_stuck = calls_of_servers.service.workers.canary_delay_s() > STUCK_AFTER_S
        if now_stuck != stuck:
            stuck = now_stuck
            health_state.set_healthy(not stuck, cause=STUCK)
            log.warning("calls wait for a thread" if stuck else "calls get threads again")


def new_calls(settings: ServiceSettings, *, stream_limit: int, longest_wait_s: float) -> CallsOfServers:
    """Return the calls of this process, none yet."""
    wait_s = settings.caller_wait_seconds
    return CallsOfServers(
        Calls(Workers(THREADS, "rpc"), wait_s=wait_s, stream_limit=stream_limit, longest_wait_s=longest_wait_s),
        Calls(Workers(PROBE_THREADS, "probe"), wait_s=wait_s),
    )


def new_server(settings: ServiceSettings, calls: Calls, interceptors: list[grpc.ServerInterceptor]) -> grpc.Server:
    """Return the main server, not yet listening."""
    check_exposure(settings)
    return _server(calls, interceptors, connections=CONNECTIONS)


def _server(calls: Calls, interceptors: list[grpc.ServerInterceptor], *, connections: int) -> grpc.Server:
    options = (*OPTIONS, ("grpc.max_allowed_incoming_connections", connections))
    return grpc.server(calls.workers, interceptors=interceptors, options=options, maximum_concurrent_rpcs=OPEN_CALLS)


def start(server: grpc.Server, settings: ServiceSettings, names: Sequence[str], calls: CallsOfServers) -> Servers:
    """Add health, bind and listen. Raises ServiceFault where an address is taken."""
    servicer = Health()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    address = _bind(server, settings.bind, _credentials(settings))
    probes = None
    health_address = ""
    if settings.health_bind:
        probes = _server(calls.probes, [CallInterceptor(calls.probes)], connections=PROBE_CONNECTIONS)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, probes)
        health_address = _bind(probes, settings.health_bind, None)
        probes.start()
    server.start()
    state, stopping = HealthState(servicer, names), threading.Event()
    threading.Thread(target=_sweep, args=(calls, state, stopping), name="sweep", daemon=True).start()
    return Servers(
        main=server, probes=probes, health=state, stopping=stopping, address=address, health_address=health_address
    )


def check_exposure(settings: ServiceSettings) -> None:
    """Raise ServiceFault for an address that is open to a network without TLS, unless the settings allow it."""
    if settings.tls_cert_file or settings.insecure_bind or _is_loopback(settings.bind):
        return
    raise ServiceFault(
        os.EX_CONFIG,
        f"LAB_BIND={settings.bind} is open to a network and TLS is off\n"
        "  do: set LAB_TLS_CERT_FILE and LAB_TLS_KEY_FILE, or LAB_INSECURE_BIND=true on a closed network",
    )


def is_private(settings: ServiceSettings) -> bool:
    """Return whether only this machine, or callers with a token over TLS, can reach the service."""
    return _is_loopback(settings.bind) or bool(settings.tls_cert_file and settings.token_file)


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _credentials(settings: ServiceSettings) -> grpc.ServerCredentials | None:
    if not settings.tls_cert_file:
        return None
    if not settings.tls_key_file:
        raise ServiceFault(
            os.EX_CONFIG,
            "LAB_TLS_CERT_FILE is set and LAB_TLS_KEY_FILE is not\n  do: set LAB_TLS_KEY_FILE to the certificate's key",
        )
    key = read_secret(settings.tls_key_file, "LAB_TLS_KEY_FILE")
    return grpc.ssl_server_credentials([(key, read_secret(settings.tls_cert_file, "LAB_TLS_CERT_FILE"))])


def _bind(server: grpc.Server, address: str, credentials: grpc.ServerCredentials | None) -> str:
    host = address.rpartition(":")[0]
    try:
        port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    except RuntimeError as error:
        raise ServiceFault(
            os.EX_CONFIG, f"cannot listen on {address}: {error}\n  do: choose a free port of this machine, or port 0"
        ) from error
    return f"{host}:{port}"
