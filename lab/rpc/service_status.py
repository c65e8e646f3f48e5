"""Asks running services over gRPC: are you healthy, who are you."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health_pb2

from lab.model import ServiceStatus
from lab.rpc.channels import plaintext
from services.contracts.generated.lab.status.v1 import status_pb2, status_pb2_grpc

if TYPE_CHECKING:
    from lab.rpc.channels import Connect

STATUS_TIMEOUT_S = 2.0


def health_of(address: str, *, timeout_s: float = 5.0) -> str:
    """`SERVING` and the like, or why it could not be asked."""
    with plaintext(address) as channel:
        try:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            reply = check(health_pb2.HealthCheckRequest(), timeout=timeout_s, wait_for_ready=True)
        except grpc.RpcError as error:
            return _said(error)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status))


def statuses_of(addresses: Mapping[str, str], connect: "Connect" = plaintext) -> list[ServiceStatus]:
    """What every service says of itself, asked at the same time; an empty address is a service that is not running."""
    with _channels(addresses, connect) as channels:
        asked = {
            name: status_pb2_grpc.StatusServiceStub(channel).GetStatus.future(
                status_pb2.GetStatusRequest(), timeout=STATUS_TIMEOUT_S
            )
            for name, channel in channels.items()
        }
        return [_status(name, address, asked.get(name)) for name, address in addresses.items()]


@contextmanager
def _channels(addresses: Mapping[str, str], connect: "Connect") -> Iterator[dict[str, grpc.Channel]]:
    channels = {name: connect(address) for name, address in addresses.items() if address}
    try:
        yield channels
    finally:
        for channel in channels.values():
            channel.close()


def _status(name: str, address: str, asked: "grpc.Future[status_pb2.GetStatusResponse] | None") -> ServiceStatus:
    if asked is None:
        return ServiceStatus(name, address, healthy=False, detail="not running")
    try:
        said = asked.result()
    except grpc.RpcError as error:
        return ServiceStatus(name, address, healthy=False, detail=_said(error))
    broken = [f"{dependency.name}: {dependency.detail}" for dependency in said.dependencies if not dependency.healthy]
    return ServiceStatus(
        name,
        address,
        healthy=not broken,
        instance_id=said.instance_id,
        version=said.version,
        host_architecture=said.host_architecture,
        process_id=said.process_id,
        durability=said.durability,
        config_hash=said.config_hash,
        detail="; ".join(broken),
        cpu_architecture=said.cpu_architecture,
    )


def _said(error: grpc.RpcError) -> str:
    """Code and details, in one line."""
    code, details = getattr(error, "code", None), getattr(error, "details", None)
    return f"{code().name}: {details()}" if callable(code) and callable(details) else str(error)
