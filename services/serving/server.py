"""Makes the gRPC servers of one process: one for the service, one for health alone."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from services.serving.settings import EX_CONFIG, ServiceFault, ServiceSettings

THREADS: Final = 8
HEALTH_THREADS: Final = 2
MAX_MESSAGE_BYTES: Final = 4 << 20
"""gRPC's own limit. A larger message ends its call with RESOURCE_EXHAUSTED before our code sees it."""
OPTIONS: Final = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_concurrent_streams", 512),
)
EVERYTHING: Final = ""
"""The health service's name for the server as a whole."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Both servers, listening."""

    main: grpc.Server
    probes: grpc.Server | None
    health: health.HealthServicer
    names: tuple[str, ...]
    address: str
    health_address: str

    def set_healthy(self, healthy: bool) -> None:  # noqa: FBT001  reads as a sentence
        """Let health say SERVING or NOT_SERVING, for the server and for each service."""
        serving = health_pb2.HealthCheckResponse.SERVING
        status = serving if healthy else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in (EVERYTHING, *self.names):
            self.health.set(name, status)

    def stop(self, *, grace_s: float) -> None:
        """Say NOT_SERVING, finish calls under way within the grace, close."""
        self.health.enter_graceful_shutdown()
        self.main.stop(grace_s).wait(grace_s + 1)
        if self.probes:
            self.probes.stop(0)


def new_server(settings: ServiceSettings, interceptors: list[grpc.ServerInterceptor]) -> grpc.Server:
    """Return the main server, not yet listening."""
    check_exposure(settings)
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="rpc")
    return grpc.server(threads, interceptors=interceptors, options=OPTIONS)


def start(server: grpc.Server, settings: ServiceSettings, names: Sequence[str]) -> Servers:
    """Add health, bind and listen. Raises ServiceFault where an address is taken."""
    servicer = health.HealthServicer(
        experimental_non_blocking=True, experimental_thread_pool=ThreadPoolExecutor(HEALTH_THREADS)
    )
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    address = _bind(server, settings.bind, _credentials(settings))
    probes = None
    health_address = ""
    if settings.health_bind:
        probes = grpc.server(ThreadPoolExecutor(HEALTH_THREADS, thread_name_prefix="health"), options=OPTIONS)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, probes)
        health_address = _bind(probes, settings.health_bind, None)
        probes.start()
    server.start()
    return Servers(server, probes, servicer, tuple(names), address, health_address)


def check_exposure(settings: ServiceSettings) -> None:
    """Raise ServiceFault for an address that is open to a network without TLS, unless the settings allow it."""
    if settings.tls_cert_file or settings.insecure_bind or _is_loopback(settings.bind):
        return
    raise ServiceFault(
        EX_CONFIG,
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
        raise ServiceFault(EX_CONFIG, "LAB_TLS_CERT_FILE is set and LAB_TLS_KEY_FILE is not")
    pair = (settings.tls_key_file.read_bytes(), settings.tls_cert_file.read_bytes())
    return grpc.ssl_server_credentials([pair])


def _bind(server: grpc.Server, address: str, credentials: grpc.ServerCredentials | None) -> str:
    host = address.rpartition(":")[0]
    try:
        port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    except RuntimeError as error:
        raise ServiceFault(EX_CONFIG, f"cannot listen on {address}: {error}") from error
    return f"{host}:{port}"
