"""Health and status of services, as real servers report them; a service that is not there is no error."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import grpc
import pytest
from grpc_health.v1 import health_pb2

from lab.model import Bound
from lab.rpc.channels import plaintext
from lab.rpc.service_status import health_of, statuses_of
from services.contracts.generated.lab.status.v1 import status_pb2 as pb
from services.contracts.generated.lab.status.v1.status_pb2_grpc import StatusServiceStub
from tests.grpc_server import served
from tests.programs import free_port

HEALTH: Final = "grpc.health.v1.Health"
STATUS: Final = "lab.status.v1.StatusService"
ServingStatus = health_pb2.HealthCheckResponse.ServingStatus


@contextmanager
def reporting(report: Callable[[], pb.GetStatusResponse]) -> Iterator[str]:
    """Serve a status; yield host:port."""
    handler = grpc.unary_unary_rpc_method_handler(
        lambda _request, _context: report(),
        request_deserializer=pb.GetStatusRequest.FromString,
        response_serializer=pb.GetStatusResponse.SerializeToString,
    )
    with served(STATUS, {"GetStatus": handler}, ThreadPoolExecutor(1)) as address:
        yield address


@pytest.mark.parametrize("name", ["SERVING", "NOT_SERVING"])
def test_the_health_of_a_service_is_the_name_of_its_state(name: str) -> None:
    """As the health protocol calls it."""
    response = health_pb2.HealthCheckResponse(status=ServingStatus.Value(name))
    handler = grpc.unary_unary_rpc_method_handler(
        lambda _request, _context: response,
        request_deserializer=health_pb2.HealthCheckRequest.FromString,
        response_serializer=health_pb2.HealthCheckResponse.SerializeToString,
    )
    with served(HEALTH, {"Check": handler}, ThreadPoolExecutor(1)) as address:
        assert health_of(address) == name


def test_a_service_without_health_says_so() -> None:
    """The code comes first."""
    with served(HEALTH, {}, ThreadPoolExecutor(1)) as address:
        assert health_of(address).startswith("UNIMPLEMENTED: ")


def test_a_service_that_is_not_there_has_no_health() -> None:
    """It is waited for until the time is over."""
    assert health_of(f"127.0.0.1:{free_port()}", timeout_s=0.2).startswith("DEADLINE_EXCEEDED: ")


def test_a_status_holds_what_the_service_reports() -> None:
    """Every field has a value of its own."""
    report = pb.GetStatusResponse(
        instance_id="i",
        version="1",
        host_architecture="x86_64",
        cpu_architecture="aarch64",
        process_id=7,
        durability="durable",
        config_hash="c0ffee",
        dependencies=[pb.Dependency(name="redis", healthy=True, detail="well")],
        bounds=[pb.Bound(name="backlog", used=1, limit=2, unit="events")],
    )
    with reporting(lambda: report) as address:
        [status] = statuses_of({"ingest-api": address})
    assert (status.name, status.address, status.healthy, status.detail) == ("ingest-api", address, True, "")
    assert (status.instance_id, status.version, status.process_id) == ("i", "1", 7)
    assert (status.host_architecture, status.cpu_architecture) == ("x86_64", "aarch64")
    assert (status.durability, status.config_hash) == ("durable", "c0ffee")
    assert status.bounds == (Bound("backlog", 1, 2, "events"),)


def test_a_service_is_as_well_as_its_dependencies() -> None:
    """The detail names those that are not."""
    report = pb.GetStatusResponse(
        dependencies=[
            pb.Dependency(name="redis", healthy=False, detail="refused"),
            pb.Dependency(name="disk", healthy=True, detail="free"),
            pb.Dependency(name="collector", healthy=False, detail="gone"),
        ]
    )
    with reporting(lambda: report) as address:
        [status] = statuses_of({"ingest-api": address})
    assert (status.healthy, status.detail) == (False, "redis: refused; collector: gone")


def test_services_that_cannot_be_asked_keep_their_place() -> None:
    """One that is not running, and one that does not answer, beside one that is well."""
    gone = f"127.0.0.1:{free_port()}"
    with reporting(pb.GetStatusResponse) as address:
        statuses = statuses_of({"simulator": "", "query-api": gone, "ingest-api": address})
    assert [status.name for status in statuses] == ["simulator", "query-api", "ingest-api"]
    assert [status.healthy for status in statuses] == [False, False, True]
    assert statuses[0].detail == "not running"
    assert statuses[1].detail.startswith("UNAVAILABLE: ")


def test_all_services_are_asked_at_the_same_time() -> None:
    """Each of these answers only once both were asked, so that asking in turn gets no answer."""
    both = threading.Barrier(2)

    def report() -> pb.GetStatusResponse:
        both.wait(30)
        return pb.GetStatusResponse()

    with reporting(report) as first, reporting(report) as second:
        statuses = statuses_of({"ingest-api": first, "query-api": second})
    assert [status.healthy for status in statuses] == [True, True], statuses


def test_every_channel_is_closed_again() -> None:
    """A channel that stays would keep its threads."""
    channels: list[grpc.Channel] = []

    def connect(address: str) -> grpc.Channel:
        channels.append(plaintext(address))
        return channels[-1]

    with reporting(pb.GetStatusResponse) as address:
        statuses_of({"ingest-api": address, "query-api": address, "simulator": ""}, connect)
    assert len(channels) == 2
    for channel in channels:
        with pytest.raises(ValueError, match="closed channel"):
            StatusServiceStub(channel).GetStatus(pb.GetStatusRequest(), timeout=1)
