"""A file to replay is uploaded before its load run, and only where the simulator cannot open it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from lab.errors import DataFault, Unavailable
from lab.load.port import LoadOrder
from lab.load.simulator import SimulatorLoad
from lab.model import Constant, Load, Replay, Synthetic
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import (
    SimulatorServiceServicer,
    add_SimulatorServiceServicer_to_server,
)
from services.contracts.limits import MAX_UPLOAD_BYTES, UPLOAD_CHUNK_BYTES


class Elsewhere(SimulatorServiceServicer):
    """A simulator that sends nothing and remembers its calls: method, path or name, caller."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []
        self.chunks: list[int] = []
        self.full = False

    def Upload(self, request_iterator: Iterator[pb.UploadRequest], context: grpc.ServicerContext) -> pb.UploadResponse:  # noqa: N802
        """Take a file, unless there is no room."""
        if self.full:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no room")
        name = next(request_iterator).header.name
        self.chunks = [len(part.chunk) for part in request_iterator]
        self.calls.append(("upload", name, context.peer()))
        return pb.UploadResponse(path=f"/there/{name}")

    def RunLoad(self, request: pb.RunLoadRequest, context: grpc.ServicerContext) -> Iterator[pb.RunLoadResponse]:  # noqa: N802
        """Report a result without events."""
        self.calls.append(("run", request.replay.path, context.peer()))
        yield pb.RunLoadResponse(result=pb.Result())


@pytest.fixture
def elsewhere() -> Iterator[tuple[Elsewhere, str]]:
    """Yield that simulator and its address."""
    server, simulator = grpc.server(ThreadPoolExecutor(2)), Elsewhere()
    add_SimulatorServiceServicer_to_server(simulator, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield simulator, f"127.0.0.1:{port}"
    server.stop(0).wait()


def replay(address: str, path: Path, *, uploads: bool) -> None:
    """Replay a file by a simulator."""
    order = LoadOrder("r", Load(Replay(str(path)), None), duration_s=1.0)
    SimulatorLoad(address, ingest_address="ingest:7000", uploads=uploads).run(order, lambda _: None)


def test_a_file_is_sent_in_chunks_and_replayed_by_the_simulator_that_has_it(
    elsewhere: tuple[Elsewhere, str], tmp_path: Path
) -> None:
    """One connection leads to one of several simulators; its path is the one that this simulator answered."""
    simulator, address = elsewhere
    path = tmp_path / "x.csv"
    path.write_bytes(bytes(UPLOAD_CHUNK_BYTES + 1))
    replay(address, path, uploads=True)
    [upload, load_run] = simulator.calls
    assert (upload[:2], load_run[:2]) == (("upload", "x.csv"), ("run", "/there/x.csv"))
    assert upload[2] == load_run[2]
    assert simulator.chunks == [UPLOAD_CHUNK_BYTES, 1]


def test_a_simulator_of_this_machine_opens_the_file_itself(elsewhere: tuple[Elsewhere, str], tmp_path: Path) -> None:
    """Nothing is sent."""
    simulator, address = elsewhere
    replay(address, tmp_path / "x.csv", uploads=False)
    assert [call[:2] for call in simulator.calls] == [("run", str(tmp_path / "x.csv"))]


def test_only_a_replay_has_a_file(elsewhere: tuple[Elsewhere, str]) -> None:
    """The simulator makes the events of other sources by itself."""
    simulator, address = elsewhere
    order = LoadOrder("r", Load(Synthetic(), Constant(10)), duration_s=1.0)
    SimulatorLoad(address, ingest_address="ingest:7000", uploads=True).run(order, lambda _: None)
    assert [call[0] for call in simulator.calls] == ["run"]


def test_a_file_too_large_is_refused_before_anything_is_sent(elsewhere: tuple[Elsewhere, str], tmp_path: Path) -> None:
    """The error has its size, the limit, and what to do instead."""
    simulator, address = elsewhere
    path = tmp_path / "x.csv"
    with path.open("wb") as file:
        file.truncate(MAX_UPLOAD_BYTES + 1)
    with pytest.raises(DataFault, match=r"64\.0 MiB; .* takes 64 MiB") as refused:
        replay(address, path, uploads=True)
    assert refused.value.next_step.startswith("-p target processes")
    assert simulator.calls == []


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    """It was there when the load was made."""
    with pytest.raises(DataFault, match="No such file"):
        replay("127.0.0.1:9", tmp_path / "x.csv", uploads=True)


def test_a_simulator_that_takes_no_file_is_an_error(elsewhere: tuple[Elsewhere, str], tmp_path: Path) -> None:
    """The error has its words; no load run begins."""
    simulator, address = elsewhere
    simulator.full = True
    (tmp_path / "x.csv").touch()
    with pytest.raises(Unavailable, match="no room"):
        replay(address, tmp_path / "x.csv", uploads=True)
    assert simulator.calls == []
