"""Lists every method of every service, and sends messages to it."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final

import grpc
from google.protobuf.descriptor import Descriptor
from grpc_health.v1 import health_pb2

from services.contracts.generated.lab.ingest.v1 import ingest_pb2
from services.contracts.generated.lab.process.v1 import process_pb2
from services.contracts.generated.lab.query.v1 import query_pb2
from services.contracts.generated.lab.simulator.v1 import simulator_pb2
from services.contracts.generated.lab.status.v1 import status_pb2
from tests.bench.load import batched_calls
from tests.fuzz.messages import nonsense

SERVED: Final = {
    "ingest-api": (ingest_pb2, status_pb2, health_pb2),
    "process-worker": (process_pb2, status_pb2, health_pb2),
    "query-api": (query_pb2, status_pb2, health_pb2),
    "simulator": (simulator_pb2, status_pb2, health_pb2),
}
"""Program → modules of the protos that it serves."""
UNDER_WAY: Final = 64
ON_A_STREAM: Final = 100
"""Messages of one stream, at most."""
WAIT_S: Final = 20.0
"""Seconds after which a call counts as hanging."""
LONGEST_LOAD_S: Final = 0.02
READ_ANSWERS: Final = 3
"""Answers of a load run that are read before the caller goes away."""


@dataclass(frozen=True)
class Method:
    """A method of one program."""

    program: str
    path: str
    request: Descriptor
    request_streaming: bool
    response_streaming: bool

    @property
    def name(self) -> str:
        """Program and path."""
        return f"{self.program} {self.path}"


class Answers:
    """Statuses of calls, by what was called and by the status's name."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, status: grpc.StatusCode) -> None:
        """Count one answer."""
        self.counts[name, status.name] += 1

    def count(self, name: str, call: Callable[[], object]) -> None:
        """Make one call and count its status."""
        try:
            call()
        except grpc.RpcError as error:
            self.add(name, error.code())
        else:
            self.add(name, grpc.StatusCode.OK)


def methods() -> list[Method]:
    """Return every method that is served."""
    return [
        Method(program, f"/{service.full_name}/{rpc.name}", rpc.input_type, rpc.client_streaming, rpc.server_streaming)
        for program, modules in SERVED.items()
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
        for rpc in service.methods
    ]


def caller(method: Method, channel: grpc.Channel) -> Any:
    """Return what calls a method with messages as bytes."""
    make: Any = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }[method.request_streaming, method.response_streaming]
    return make(method.path)


class Sender:
    """Sends nonsense to one method.

    Args:
        method: The method.
        channel: A channel to its program.
        ingest: Address of ingest-api, the only address that a load run may be sent to.
        draw: Decides what is sent.
    """

    def __init__(self, method: Method, channel: grpc.Channel, *, ingest: str, draw: random.Random) -> None:
        self._method, self._ingest, self._draw = method, ingest, draw
        self._call = caller(method, channel)

    def send(self, number: int, answers: Answers) -> None:
        """Send *number* messages and count the statuses of the calls."""
        messages = (self._message() for _ in range(number))
        if self._method.request_streaming:
            while some := list(islice(messages, self._draw.randrange(1, ON_A_STREAM))):
                self._stream(some, answers)
        elif self._method.response_streaming:
            for message in messages:
                answers.count(self._method.name, partial(self._read_some, message))
        else:
            self._many(messages, answers)

    def _message(self) -> bytes:
        message = nonsense(self._draw, self._method.request, self._good())
        return self._harmless(message) if self._method.path.endswith("/RunLoad") else message

    def _good(self) -> bytes:
        """Return a message that a service accepts."""
        name = self._method.path.rpartition("/")[2]
        if name in {"Append", "AppendStream"}:
            [batch] = batched_calls(1, self._draw.choice((1, 5)), run="r", producer=self._draw.randbytes(16))
            request = ingest_pb2.AppendRequest.FromString(batch)
            return (
                batch if name == "Append" else bytes(ingest_pb2.AppendStreamRequest(append=request).SerializeToString())
            )
        if name == "RunLoad":
            return bytes(self._load().SerializeToString())
        return b"\n\1r"

    def _load(self) -> Any:
        profile = simulator_pb2.Profile(duration_seconds=LONGEST_LOAD_S)
        shape = self._draw.choice(("constant", "poisson"))
        getattr(profile, shape).rate = 200
        return simulator_pb2.RunLoadRequest(
            run="r", profile=profile, synthetic=simulator_pb2.SyntheticSource(seed=1), ingest_address=self._ingest
        )

    def _harmless(self, message: bytes) -> bytes:
        """Let a load run end at once, and reach this ingest-api alone."""
        try:
            request = simulator_pb2.RunLoadRequest.FromString(message)
        except Exception:  # noqa: BLE001  it carries no request then
            return message
        if request.ingest_address:
            request.ingest_address = self._ingest
        if request.profile.duration_seconds > LONGEST_LOAD_S and self._draw.random() < 0.9:
            request.profile.duration_seconds = LONGEST_LOAD_S
        return request.SerializeToString()

    def _stream(self, messages: Sequence[bytes], answers: Answers) -> None:
        if not self._method.response_streaming:
            answers.count(self._method.name, partial(self._call, iter(messages), timeout=WAIT_S))
            return
        answers.count(self._method.name, partial(self._read_all, messages, answers))

    def _read_all(self, messages: Sequence[bytes], answers: Answers) -> None:
        for answer in self._call(iter(messages), timeout=WAIT_S):
            refusal = ingest_pb2.AppendStreamResponse.FromString(answer).refusal
            answers.add(f"{self._method.name} (each answer)", _named(refusal.code))

    def _read_some(self, message: bytes) -> None:
        call = self._call(message, timeout=WAIT_S)
        for _ in islice(call, READ_ANSWERS):
            pass
        call.cancel()

    def _many(self, messages: Iterator[bytes], answers: Answers) -> None:
        while calls := [self._call.future(message, timeout=WAIT_S) for message in islice(messages, UNDER_WAY)]:
            for call in calls:
                answers.count(self._method.name, call.result)


def _named(number: int) -> grpc.StatusCode:
    return next(code for code in grpc.StatusCode if code.value[0] == number)
