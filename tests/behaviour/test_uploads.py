"""A file that is uploaded to a simulator: replayed like a local file, refused where it differs from its header."""

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc
import psutil
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from lab.errors import DataFault
from lab.load.port import LoadOrder
from lab.load.profiles import load
from lab.load.simulator import SimulatorLoad
from lab.load.upload import messages
from lab.model import LoadRun
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import SimulatorServiceStub
from services.contracts.limits import MAX_UPLOAD_BYTES, UPLOAD_CHUNK_BYTES
from tests.programs import ready_file, service

WAIT_S: Final = 20.0
ROWS: Final = 5_000
CONTENT: Final = b"time,source,kind,value\n" + b"".join(
    b"2026-11-25T00:00:%06.3f,a,b,%d\n" % (row / 100, row) for row in range(ROWS)
)

pytestmark = pytest.mark.timeout(90)


@dataclass(frozen=True)
class Simulator:
    """A simulator in a process of its own, and the folder of its uploads."""

    address: str
    process_id: int
    folder: Path
    stub: SimulatorServiceStub

    def upload(self, *parts: pb.UploadRequest) -> str:
        """Send the messages of an upload. Return the path in the answer."""
        return str(self.stub.Upload(iter(parts), timeout=WAIT_S).path)

    def kept(self) -> list[str]:
        """Return the names of the files that the simulator keeps."""
        return sorted(path.name for path in self.folder.glob("lab-upload-*/*"))


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Simulator]:
    """Run a simulator with a folder of its own for temporary files."""
    room = folder / "room"
    room.mkdir()
    with service("simulator", folder, {"TMPDIR": str(room)}):
        ready = ready_file(folder, "simulator")
        with grpc.insecure_channel(ready["grpc"]) as channel:
            yield Simulator(ready["grpc"], int(ready["pid"]), room, SimulatorServiceStub(channel))


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """A simulator for all tests that leave no file behind."""
    with running(tmp_path_factory.mktemp("simulator")) as simulator:
        yield simulator


class Refusal(NamedTuple):
    """A refusal, as the caller reads it."""

    code: grpc.StatusCode
    reason: str
    message: str
    about: str


def refusal(error: Any) -> Refusal:
    """Return the refusal in a gRPC error."""
    status = rpc_status.from_call(error)
    assert status is not None
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    return Refusal(error.code(), info.reason, error.details(), info.metadata["about"])


def header(
    content: bytes = CONTENT, *, name: str = "x.csv", size: int | None = None, sha256: bytes | None = None
) -> pb.UploadRequest:
    """Return the header of *content*, with other fields where they are given."""
    digest = hashlib.sha256(content).digest() if sha256 is None else sha256
    size_bytes = len(content) if size is None else size
    return pb.UploadRequest(header=pb.FileHeader(name=name, size_bytes=size_bytes, sha256=digest))


def chunk(content: bytes) -> pb.UploadRequest:
    """Return the message with a part of a file."""
    return pb.UploadRequest(chunk=content)


def test_a_file_is_kept_whole_under_its_name_until_the_next_one(simulator: Simulator) -> None:
    """Also a file that is larger than a chunk and than a gRPC message."""
    content = bytes(range(256)) * (20 << 10)
    path = Path(simulator.upload(*messages("first.csv", content)))
    assert path.read_bytes() == content
    assert path.name == "first.csv"
    simulator.upload(*messages("second.parquet", b"x"))
    assert simulator.kept() == ["second.parquet"]
    assert _until(lambda: _takes_a_file(simulator))


REFUSED: Final = {
    "no-header": ([chunk(b"x")], "INVALID_ARGUMENT", "FILE_NOT_ANNOUNCED", "header"),
    "nothing": ([], "INVALID_ARGUMENT", "FILE_NOT_ANNOUNCED", "header"),
    "folder": ([header(name="../x.csv")], "INVALID_ARGUMENT", "BAD_FILE_NAME", "../x.csv"),
    "no-name": ([header(name="")], "INVALID_ARGUMENT", "BAD_FILE_NAME", "no name"),
    "parent": ([header(name="..")], "INVALID_ARGUMENT", "BAD_FILE_NAME", "'..'"),
    "long-name": ([header(name="x" * 256)], "INVALID_ARGUMENT", "BAD_FILE_NAME", "no name"),
    "digest": ([header(sha256=b"x")], "INVALID_ARGUMENT", "BAD_FILE_DIGEST", "32"),
    "too-large": ([header(size=MAX_UPLOAD_BYTES + 1)], "RESOURCE_EXHAUSTED", "FILE_TOO_LARGE", "67,108,865"),
    "too-long": (
        [header(b"ab"), chunk(b"ab"), chunk(b"c")],
        "INVALID_ARGUMENT",
        "FILE_TOO_LONG",
        "more than the 2 bytes",
    ),
    "too-short": ([header(b"ab"), chunk(b"a")], "INVALID_ARGUMENT", "FILE_TOO_SHORT", "1 of the 2 bytes"),
    "differs": ([header(b"ab"), chunk(b"ba")], "INVALID_ARGUMENT", "FILE_DIFFERS", "SHA-256"),
    "chunk": (
        [header(bytes(UPLOAD_CHUNK_BYTES + 1)), chunk(bytes(UPLOAD_CHUNK_BYTES + 1))],
        "INVALID_ARGUMENT",
        "FILE_CHUNK_TOO_LARGE",
        "1,048,577",
    ),
}


@pytest.mark.parametrize(("parts", "code", "reason", "words"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_differs_from_its_header_is_refused(
    simulator: Simulator, parts: list[pb.UploadRequest], code: str, reason: str, words: str
) -> None:
    """With a status, a reason and a message. The file is at fault, and nothing of it is kept."""
    with pytest.raises(grpc.RpcError) as refused:
        simulator.upload(*parts)
    told = refusal(refused.value)
    assert (told.code.name, told.reason, told.about) == (code, reason, "data")
    assert words in told.message
    assert simulator.kept() == []


def test_a_file_that_is_too_large_is_refused_by_its_header(simulator: Simulator) -> None:
    """The simulator does not wait for the bytes."""
    over = threading.Event()

    def parts() -> Iterator[pb.UploadRequest]:
        yield header(size=MAX_UPLOAD_BYTES + 1)
        over.wait(WAIT_S)

    try:
        with pytest.raises(grpc.RpcError) as refused:
            simulator.stub.Upload(parts(), timeout=WAIT_S)
    finally:
        over.set()
    assert refusal(refused.value).reason == "FILE_TOO_LARGE"


def test_a_second_upload_is_refused_and_a_cancelled_upload_makes_room(simulator: Simulator) -> None:
    """A simulator takes one file at a time."""
    begun, over = threading.Event(), threading.Event()

    def parts() -> Iterator[pb.UploadRequest]:
        yield header()
        yield chunk(CONTENT[:10])
        begun.set()
        over.wait(WAIT_S)

    first = simulator.stub.Upload.future(parts(), timeout=WAIT_S)
    assert begun.wait(WAIT_S)
    assert _until(lambda: simulator.kept() == ["x.csv"])
    with pytest.raises(grpc.RpcError) as refused:
        simulator.upload(*messages("y.csv", b"x"))
    told = refusal(refused.value)
    assert (told.code, told.reason, told.about) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "FILE_COMING_IN", "request")
    first.cancel()
    over.set()
    assert _until(lambda: simulator.kept() == [])
    assert _until(lambda: _takes_a_file(simulator))


def test_leftovers_of_a_process_that_was_killed_are_removed(tmp_path: Path) -> None:
    """A pod's folder outlives its containers, whose processes have the same number. Files of live processes stay."""
    with running(tmp_path) as simulator:
        for owner in (999_999_999, simulator.process_id, os.getpid()):
            (simulator.folder / f"lab-upload-{owner}-x").mkdir()
            (simulator.folder / f"lab-upload-{owner}-x" / f"of-{owner}.csv").touch()
        simulator.upload(*messages("new.csv", b"x"))
        assert simulator.kept() == ["new.csv", f"of-{os.getpid()}.csv"]


def test_a_file_that_was_not_replayed_goes_with_the_process(tmp_path: Path) -> None:
    """An orderly stop removes it."""
    with running(tmp_path) as simulator:
        simulator.upload(*messages("x.csv", b"x"))
        psutil.Process(simulator.process_id).terminate()
        assert _until(lambda: simulator.kept() == [])


def test_an_uploaded_file_is_replayed_like_a_local_file(tmp_path: Path, store: str) -> None:
    """The same events, each acknowledged once. The file is removed once it is read."""
    path = tmp_path / "readings.csv"
    path.write_bytes(CONTENT)
    with running(tmp_path) as simulator, service("ingest-api", tmp_path, {"LAB_REDIS_URL": store}):
        ingest = ready_file(tmp_path, "ingest-api")["grpc"]
        local, uploaded = (_load_run(simulator, ingest, path, uploads=uploads) for uploads in (False, True))
        assert [load_run.account.acknowledged for load_run in (local, uploaded)] == [ROWS, ROWS]
        assert local.producer_ledger == uploaded.producer_ledger
        assert simulator.kept() == []


def test_an_uploaded_file_that_cannot_be_read_is_at_fault(tmp_path: Path, simulator: Simulator) -> None:
    """The upload itself was without a fault. The file is not kept."""
    path = tmp_path / "readings.csv"
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(DataFault, match=r"readings\.csv"):
        _load_run(simulator, "127.0.0.1:9", path, uploads=True)
    assert simulator.kept() == []


@pytest.mark.parametrize(
    ("source", "code", "reason", "about"),
    [
        ({"replay": pb.ReplaySource(path="/nowhere/x.csv")}, "NOT_FOUND", "NO_FILE", "data"),
        ({"replay": pb.ReplaySource(path="timeless.csv")}, "INVALID_ARGUMENT", "NO_TIME_COLUMN", "data"),
        ({"replay": pb.ReplaySource(path="good.csv", speed="fast")}, "INVALID_ARGUMENT", "BAD_SPEED", "request"),
        ({"host": pb.HostSource()}, "INVALID_ARGUMENT", "RATE_TOO_HIGH", "request"),
        ({}, "INVALID_ARGUMENT", "BAD_LOAD", "request"),
    ],
    ids=["no-file", "no-time", "speed", "rate", "no-source"],
)
def test_a_refused_load_run_says_what_is_at_fault(
    simulator: Simulator, tmp_path: Path, source: dict[str, Any], code: str, reason: str, about: str
) -> None:
    """ErrorInfo tells a file's fault from a fault of the request."""
    (tmp_path / "timeless.csv").write_text("a,b\n1,2\n")
    (tmp_path / "good.csv").write_text("time,kind,value\n2020-01-01,k,1\n")
    request = pb.RunLoadRequest(run="r", ingest_address="127.0.0.1:9", profile=pb.Profile(duration_seconds=1), **source)
    if "replay" in source:
        request.replay.path = str(tmp_path / request.replay.path)
    else:
        request.profile.constant.rate = 1e6
    with pytest.raises(grpc.RpcError) as refused:
        list(simulator.stub.RunLoad(request, timeout=WAIT_S))
    told = refusal(refused.value)
    assert (told.code.name, told.reason, told.about) == (code, reason, about)


def _load_run(simulator: Simulator, ingest: str, path: Path, *, uploads: bool) -> LoadRun:
    order = LoadOrder(f"run-{uploads}", load("replay", path=str(path)), duration_s=1.0)
    return SimulatorLoad(simulator.address, ingest_address=ingest, uploads=uploads).run(order, lambda _: None)


def _takes_a_file(simulator: Simulator) -> bool:
    """Return whether the simulator takes a file. The file is removed at once."""
    try:
        simulator.upload(*messages("z.csv", b"x"))
    except grpc.RpcError:
        return False
    with contextlib.suppress(grpc.RpcError):
        simulator.upload(chunk(b""))
    return True


def _until(condition: Callable[[], bool]) -> bool:
    """Return whether the condition becomes true in time."""
    end, pause = time.monotonic() + WAIT_S, threading.Event()
    while not condition():
        if time.monotonic() > end:
            return False
        pause.wait(0.02)
    return True
