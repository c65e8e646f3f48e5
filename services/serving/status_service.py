"""Serves the status of this process: identity, settings, dependencies."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import grpc

from services.contracts.generated.lab.status.v1 import status_pb2 as pb
from services.contracts.generated.lab.status.v1.status_pb2_grpc import StatusServiceServicer
from services.serving.cpu import cpu_architecture

SERVICE: Final = "lab.status.v1.StatusService"


@dataclass(frozen=True, slots=True)
class Dependency:
    """A part that the service needs, such as its store."""

    name: str
    healthy: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Bound:
    """The limit of something that the service fills up; a limit of 0 is none."""

    name: str
    used: int
    limit: int
    unit: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that do not change while the process lives."""

    service: str
    version: str
    instance_id: str
    config_hash: str
    started_unix_nano: int


class StatusServicer(StatusServiceServicer):
    """`lab.status.v1.StatusService`.

    Args:
        facts: Facts that do not change.
        dependencies: Returns the present state of the service's dependencies.
        durability: Returns the durability class of its store; empty without a store.
        bounds: Returns what it fills up, with the limits.
        clock: Returns this machine's time in nanoseconds since the epoch.
    """

    def __init__(
        self,
        facts: Facts,
        dependencies: Callable[[], Sequence[Dependency]],
        durability: Callable[[], str],
        bounds: Callable[[], Sequence[Bound]] = tuple,
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._facts, self._dependencies, self._durability, self._clock = facts, dependencies, durability, clock
        self._bounds = bounds
        self._cpu_architecture = cpu_architecture()

    def GetStatus(  # noqa: N802  the name is the proto's
        self, _request: pb.GetStatusRequest, _context: grpc.ServicerContext
    ) -> pb.GetStatusResponse:
        """Return the facts, and the present state of every dependency."""
        return pb.GetStatusResponse(
            service=self._facts.service,
            version=self._facts.version,
            instance_id=self._facts.instance_id,
            host_architecture=platform.machine(),
            host_name=platform.node(),
            python_version=platform.python_version(),
            process_id=os.getpid(),
            started_unix_nano=self._facts.started_unix_nano,
            server_time_unix_nano=self._clock(),
            durability=self._durability(),
            config_hash=self._facts.config_hash,
            dependencies=[
                pb.Dependency(name=dependency.name, healthy=dependency.healthy, detail=dependency.detail)
                for dependency in self._dependencies()
            ],
            cpu_architecture=self._cpu_architecture,
            bounds=[
                pb.Bound(name=bound.name, used=bound.used, limit=bound.limit, unit=bound.unit)
                for bound in self._bounds()
            ],
        )
