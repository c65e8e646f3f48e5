"""What a failed call becomes: whose fault it is, the service's sentence, the reason."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
import pytest
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from lab.errors import DataFault, LabError, Unavailable, UsageFault
from lab.rpc.channels import plaintext
from lab.rpc.errors import status_of, translated
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import (
    SimulatorServiceServicer,
    SimulatorServiceStub,
    add_SimulatorServiceServicer_to_server,
)
from tests.grpc_server import served

SENTENCE = "row 7: no time"
RETRY: Final = error_details_pb2.RetryInfo()


class Refusing(SimulatorServiceServicer):
    """Refuses every call with one status."""

    def __init__(self) -> None:
        self.status = status_pb2.Status()

    def Stop(self, request: pb.StopRequest, context: grpc.ServicerContext) -> pb.StopResponse:  # noqa: N802
        """Refuse."""
        context.abort_with_status(rpc_status.to_status(self.status))
        raise AssertionError


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[Refusing, str]]:
    """Yield that service and its address."""
    server, service = grpc.server(ThreadPoolExecutor(1)), Refusing()
    add_SimulatorServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield service, f"127.0.0.1:{port}"
    server.stop(0).wait()


def refused(
    refusing: tuple[Refusing, str],
    code: int,
    *,
    reason: str = "",
    first: Message | None = None,
    metadata: Mapping[str, str] | None = None,
) -> grpc.RpcError:
    """Return gRPC's error for a call that was refused with a code.

    Args:
        refusing: The service and its address.
        code: The code of `google.rpc.Code`.
        reason: Reason of the ErrorInfo; none is sent where it is empty.
        first: A detail that stands before the ErrorInfo.
        metadata: Metadata of the ErrorInfo.
    """
    service, address = refusing
    service.status = status_pb2.Status(code=code, message=SENTENCE)
    if first is not None:
        service.status.details.add().Pack(first)
    if reason:
        service.status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="lab", metadata=metadata))
    with plaintext(address) as channel, pytest.raises(grpc.RpcError) as error:
        SimulatorServiceStub(channel).Stop(pb.StopRequest(), timeout=10)
    return error.value


@pytest.mark.parametrize(
    ("code", "metadata", "kind"),
    [
        (code_pb2.INVALID_ARGUMENT, {"about": "data"}, DataFault),
        (code_pb2.NOT_FOUND, {"about": "data"}, DataFault),
        (code_pb2.INVALID_ARGUMENT, {}, UsageFault),
        (code_pb2.INVALID_ARGUMENT, {"about": "request"}, UsageFault),
    ],
)
def test_the_metadata_tell_whether_file_or_request_is_at_fault(
    refusing: tuple[Refusing, str], code: int, metadata: dict[str, str], kind: type[LabError]
) -> None:
    """The service's sentence is enough then: its address and its log do not help."""
    error = translated(refused(refusing, code, reason="BAD_ROW", metadata=metadata), attempted="no load", service="s")
    assert (type(error), error.reason, error.found) == (kind, "BAD_ROW", SENTENCE)
    assert error.next_step == ""


def test_the_reason_may_stand_behind_other_details(refusing: tuple[Refusing, str]) -> None:
    """A status may also carry, for example, when to try again."""
    busy = refused(refusing, code_pb2.UNAVAILABLE, reason="BUSY", first=RETRY, metadata={"queue": "full"})
    status = status_of(busy)
    assert (status.reason, status.metadata) == ("BUSY", {"queue": "full"})


OTHER_CODES: Final = {
    code_pb2.UNAVAILABLE: Unavailable,
    code_pb2.DEADLINE_EXCEEDED: Unavailable,
    code_pb2.CANCELLED: LabError,
    code_pb2.UNKNOWN: LabError,
    code_pb2.NOT_FOUND: LabError,
    code_pb2.ALREADY_EXISTS: LabError,
    code_pb2.PERMISSION_DENIED: LabError,
    code_pb2.UNAUTHENTICATED: LabError,
    code_pb2.RESOURCE_EXHAUSTED: LabError,
    code_pb2.FAILED_PRECONDITION: LabError,
    code_pb2.ABORTED: LabError,
    code_pb2.OUT_OF_RANGE: LabError,
    code_pb2.UNIMPLEMENTED: LabError,
    code_pb2.INTERNAL: LabError,
    code_pb2.DATA_LOSS: LabError,
}
"""Code of a service that is at fault itself → the lab's error."""


@pytest.mark.parametrize(("code", "kind"), OTHER_CODES.items(), ids=map(code_pb2.Code.Name, OTHER_CODES))
def test_other_codes_name_the_service(refusing: tuple[Refusing, str], code: int, kind: type[LabError]) -> None:
    """With the code, and a next step."""
    error = translated(refused(refusing, code), attempted="no ledger", service="query-api 1:2")
    name = code_pb2.Code.Name(code)
    assert (type(error), error.reason) == (kind, name)
    assert error.found == f"query-api 1:2: {SENTENCE} ({name})"
    assert error.next_step == "lab diagnose"


def test_every_code_of_grpc_is_tested() -> None:
    """A code that gRPC adds needs a row above."""
    tested = {*OTHER_CODES, code_pb2.INVALID_ARGUMENT}
    assert {code_pb2.Code.Name(code) for code in tested} == {code.name for code in grpc.StatusCode} - {"OK"}


def test_a_caller_names_the_kind_of_what_has_none(refusing: tuple[Refusing, str]) -> None:
    """For example where a service that is busy is as good as not there."""
    busy = refused(refusing, code_pb2.FAILED_PRECONDITION, reason="BUSY")
    error = translated(busy, attempted="no load", service="s", next_step="wait", otherwise=Unavailable)
    assert (type(error), error.reason, error.next_step) == (Unavailable, "BUSY", "wait")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (code_pb2.DEADLINE_EXCEEDED, "s: no answer within 2.5 s (DEADLINE_EXCEEDED)"),
        (code_pb2.UNAVAILABLE, f"s: {SENTENCE} (UNAVAILABLE)"),
    ],
)
def test_the_seconds_of_a_deadline_are_told_where_it_passed(
    refusing: tuple[Refusing, str], code: int, words: str
) -> None:
    """Any other status has a sentence that says more."""
    assert translated(refused(refusing, code), attempted="no load", service="s", deadline_s=2.5).found == words


def test_a_status_is_one_line(refusing: tuple[Refusing, str]) -> None:
    """The code, then the sentence."""
    assert str(status_of(refused(refusing, code_pb2.DATA_LOSS))) == f"DATA_LOSS: {SENTENCE}"


def test_an_error_without_a_status_is_unknown() -> None:
    """Its text is kept."""
    assert str(status_of(grpc.RpcError("planted"))) == "UNKNOWN: planted"


BUSY: Final = any_pb2.Any()
BUSY.Pack(error_details_pb2.ErrorInfo(reason="BUSY", domain="lab"))


@pytest.mark.parametrize(
    "details",
    [
        status_pb2.Status(code=code_pb2.UNAVAILABLE, message="another sentence", details=[BUSY]).SerializeToString(),
        status_pb2.Status(code=code_pb2.ABORTED, message=SENTENCE, details=[BUSY]).SerializeToString(),
        status_pb2.Status(
            code=code_pb2.UNAVAILABLE, message=SENTENCE, details=[any_pb2.Any(type_url=BUSY.type_url, value=b"\xff")]
        ).SerializeToString(),
        b"\xff",
    ],
    ids=["another sentence", "another code", "no ErrorInfo", "no Status"],
)
def test_details_that_do_not_go_with_their_status_are_left_out(details: bytes) -> None:
    """A proxy may have rewritten the status; what is left is still an error of the lab."""

    def refuse(_request: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata((("grpc-status-details-bin", details),))
        context.abort(grpc.StatusCode.UNAVAILABLE, SENTENCE)

    methods: dict[str, Any] = {"Stop": grpc.unary_unary_rpc_method_handler(refuse)}
    with (
        served("lab.simulator.v1.SimulatorService", methods, ThreadPoolExecutor(1)) as address,
        plaintext(address) as channel,
        pytest.raises(grpc.RpcError) as refusal,
    ):
        SimulatorServiceStub(channel).Stop(pb.StopRequest(), timeout=10)
    error = translated(refusal.value, attempted="no load", service="s")
    assert (type(error), error.reason) == (Unavailable, "UNAVAILABLE")
    assert error.found == f"s: {SENTENCE} (UNAVAILABLE)"
