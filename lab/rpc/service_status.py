"""Asks running services over gRPC for their health and their identity."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import grpc
from grpc_health.v1 import health_pb2

from lab.model import Bound, ServiceStatus
from lab.rpc.channels import plaintext
from lab.rpc.errors import status_of
from services.contracts.generated.lab.status.v1 import status_pb2, status_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.rpc.channels import Connect

STATUS_TIMEOUT_S: Final = 2.0


def health_of(address: str, *, timeout_s: float = 5.0) -> str:
    """Return `SERVING` and the like, or why the service cannot be asked."""
    with plaintext(address) as channel:
        try:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            response = check(health_pb2.HealthCheckRequest(), timeout=timeout_s, wait_for_ready=True)
        except grpc.RpcError as error:
            return str(status_of(error))
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(response.status))


def statuses_of(addresses: Mapping[str, str], connect: Connect = plaintext) -> list[ServiceStatus]:
    """Return the status that every service reports; all are asked at the same time.

    Args:
        addresses: Service → host:port; empty for a service that is not running.
        connect: Opens a channel to an address.
    """
    with _channels(addresses, connect) as channels:
        calls = {
            name: status_pb2_grpc.StatusServiceStub(channel).GetStatus.future(
                status_pb2.GetStatusRequest(), timeout=STATUS_TIMEOUT_S
            )
            for name, channel in channels.items()
        }
        return [_status(name, address, calls.get(name)) for name, address in addresses.items()]


@contextmanager
def _channels(addresses: Mapping[str, str], connect: Connect) -> Iterator[dict[str, grpc.Channel]]:
    channels = {name: connect(address) for name, address in addresses.items() if address}
    try:
        yield channels
    finally:
        for channel in channels.values():
            channel.close()


def _status(name: str, address: str, call: grpc.Future[status_pb2.GetStatusResponse] | None) -> ServiceStatus:
    if call is None:
        return ServiceStatus(name, address, healthy=False, detail="not running")
    try:
        response = call.result()
    except grpc.RpcError as error:
        return ServiceStatus(name, address, healthy=False, detail=str(status_of(error)))
    broken = [
        f"{dependency.name}: {dependency.detail}" for dependency in response.dependencies if not dependency.healthy
    ]
    return ServiceStatus(
        name,
        address,
        healthy=not broken,
        instance_id=response.instance_id,
        version=response.version,
        host_architecture=response.host_architecture,
        process_id=response.process_id,
        durability=response.durability,
        config_hash=response.config_hash,
        detail="; ".join(broken),
        cpu_architecture=response.cpu_architecture,
        bounds=tuple(Bound(bound.name, bound.used, bound.limit, bound.unit) for bound in response.bounds),
    )
