"""A file that is sent to a simulator: played as if it were its own, refused where it is not what was announced."""

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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
    """A simulator in a process of its own, and where it keeps what is sent."""

    address: str
    process_id: int
    folder: Path
    stub: SimulatorServiceStub

    def upload(self, *parts: pb.UploadRequest) -> str:
        """What it answers to these messages; the gRPC error where it refuses."""
        return str(self.stub.Upload(iter(parts), timeout=WAIT_S).path)

    def kept(self) -> list[str]:
        """Names of the files that it keeps."""
        return sorted(path.name for path in self.folder.glob("lab-upload-*/*"))


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Simulator]:
    """A simulator with a folder of its own for temporary files."""
    room = folder / "room"
    room.mkdir()
    with service("simulator", folder, {"TMPDIR": str(room)}):
        ready = ready_file(folder, "simulator")
        with grpc.insecure_channel(ready["grpc"]) as channel:
            yield Simulator(ready["grpc"], int(ready["pid"]), room, SimulatorServiceStub(channel))


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One for all tests that leave it empty."""
    with running(tmp_path_factory.mktemp("simulator")) as simulator:
        yield simulator


def refusal(error: Any) -> tuple[grpc.StatusCode, str, str]:
    """Status, reason and message that a caller is told."""
    status = rpc_status.from_call(error)
    assert status is not None
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    return error.code(), info.reason, error.details()


def header(
    content: bytes = CONTENT, *, name: str = "x.csv", size: int | None = None, sha256: bytes | None = None
) -> pb.UploadRequest:
    """What announces a file, but for what is said otherwise."""
    digest = hashlib.sha256(content).digest() if sha256 is None else sha256
    size_bytes = len(content) if size is None else size
    return pb.UploadRequest(header=pb.FileHeader(name=name, size_bytes=size_bytes, sha256=digest))


def chunk(content: bytes) -> pb.UploadRequest:
    """A part of a file."""
    return pb.UploadRequest(chunk=content)


def test_a_file_is_kept_whole_under_its_name_until_the_next_one(simulator: Simulator) -> None:
    """Larger than a chunk, and larger than a message may be."""
    content = bytes(range(256)) * (20 << 10)
    path = Path(simulator.upload(*messages("first.csv", content)))
    assert path.read_bytes() == content
    assert path.name == "first.csv"
    simulator.upload(*messages("second.parquet", b"x"))
    assert simulator.kept() == ["second.parquet"]
    assert _until(lambda: _is_taken(simulator))


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
def test_what_is_not_what_was_announced_is_refused(
    simulator: Simulator, parts: list[pb.UploadRequest], code: str, reason: str, words: str
) -> None:
    """With a status, a reason, a sentence; nothing of it is kept."""
    with pytest.raises(grpc.RpcError) as refused:
        simulator.upload(*parts)
    said = refusal(refused.value)
    assert (said[0].name, said[1]) == (code, reason)
    assert words in said[2]
    assert simulator.kept() == []


def test_a_file_too_large_is_refused_before_it_comes(simulator: Simulator) -> None:
    """The rest of it is not waited for."""
    over = threading.Event()

    def parts() -> Iterator[pb.UploadRequest]:
        yield header(size=MAX_UPLOAD_BYTES + 1)
        over.wait(WAIT_S)

    try:
        with pytest.raises(grpc.RpcError) as refused:
            simulator.stub.Upload(parts(), timeout=WAIT_S)
    finally:
        over.set()
    assert refusal(refused.value)[1] == "FILE_TOO_LARGE"


def test_a_second_file_waits_for_nobody_and_one_that_is_given_up_makes_room(simulator: Simulator) -> None:
    """One at a time, since there is room for one."""
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
    assert refusal(refused.value)[:2] == (grpc.StatusCode.RESOURCE_EXHAUSTED, "FILE_COMING_IN")
    first.cancel()
    over.set()
    assert _until(lambda: simulator.kept() == [])
    assert _until(lambda: _is_taken(simulator))


def test_leftovers_of_a_process_that_was_killed_are_removed(tmp_path: Path) -> None:
    """A pod's room outlives its containers, whose processes bear the same number; what belongs to others stays."""
    with running(tmp_path) as simulator:
        for owner in (999_999_999, simulator.process_id, os.getpid()):
            (simulator.folder / f"lab-upload-{owner}-x").mkdir()
            (simulator.folder / f"lab-upload-{owner}-x" / f"of-{owner}.csv").touch()
        simulator.upload(*messages("new.csv", b"x"))
        assert simulator.kept() == ["new.csv", f"of-{os.getpid()}.csv"]


def test_a_file_that_nobody_played_goes_with_the_process(tmp_path: Path) -> None:
    """When it is asked to stop."""
    with running(tmp_path) as simulator:
        simulator.upload(*messages("x.csv", b"x"))
        psutil.Process(simulator.process_id).terminate()
        assert _until(lambda: simulator.kept() == [])


def test_a_file_that_was_sent_is_played_as_if_it_were_the_simulators_own(tmp_path: Path, store: str) -> None:
    """The same events, each acknowledged once; it is kept no longer than it takes to read it."""
    path = tmp_path / "readings.csv"
    path.write_bytes(CONTENT)
    with running(tmp_path) as simulator, service("ingest-api", tmp_path, {"LAB_REDIS_URL": store}):
        ingest = ready_file(tmp_path, "ingest-api")["grpc"]
        load_run = [_load_run(simulator, ingest, path, uploads=uploads) for uploads in (False, True)]
        assert [one.account.acknowledged for one in load_run] == [ROWS, ROWS]
        assert load_run[0].producer_ledger == load_run[1].producer_ledger
        assert simulator.kept() == []


def test_a_file_that_cannot_be_read_is_the_files_fault(tmp_path: Path, simulator: Simulator) -> None:
    """Though it was sent without a fault; and it is not kept."""
    path = tmp_path / "readings.csv"
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(DataFault, match=r"readings\.csv"):
        _load_run(simulator, "127.0.0.1:9", path, uploads=True)
    assert simulator.kept() == []


def _load_run(simulator: Simulator, ingest: str, path: Path, *, uploads: bool) -> LoadRun:
    order = LoadOrder(f"run-{uploads}", load("replay", path=str(path)), duration_s=1.0)
    return SimulatorLoad(simulator.address, ingest_address=ingest, uploads=uploads).run(order, lambda _: None)


def _is_taken(simulator: Simulator) -> bool:
    """Whether it takes a file; it is given back at once."""
    try:
        simulator.upload(*messages("z.csv", b"x"))
    except grpc.RpcError:
        return False
    with contextlib.suppress(grpc.RpcError):
        simulator.upload(chunk(b""))
    return True


def _until(condition: Callable[[], bool]) -> bool:
    """Whether it comes true in time."""
    end, pause = time.monotonic() + WAIT_S, threading.Event()
    while not condition():
        if time.monotonic() > end:
            return False
        pause.wait(0.02)
    return True
