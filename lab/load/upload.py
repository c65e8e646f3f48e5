"""Uploads a file to replay to a simulator that cannot open this machine's files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.errors import DataFault
from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.limits import MAX_UPLOAD_BYTES, UPLOAD_CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import SimulatorServiceStub

DEADLINE_S: Final = 120.0
"""For 64 MiB at half a megabyte a second."""
HERE: Final = "-p target processes      (opens the file itself), or a shorter file, or one in Parquet"


def content_of(path: str) -> bytes:
    """Return all bytes of a file that may be uploaded.

    Raises:
        DataFault: The file is larger than a simulator takes, or cannot be read; nothing was sent.
    """
    try:
        size = Path(path).stat().st_size
        if size <= MAX_UPLOAD_BYTES:
            return Path(path).read_bytes()
    except OSError as error:
        raise DataFault(f"cannot replay {path}", found=error.strerror or str(error), code="NO_FILE") from error
    size_limit = f"it has {size / 2**20:,.1f} MiB; a simulator that runs elsewhere takes {MAX_UPLOAD_BYTES >> 20} MiB"
    raise DataFault(f"cannot send {path} to the simulator", found=size_limit, next_step=HERE, code="FILE_TOO_LARGE")


def send(stub: SimulatorServiceStub, path: str, content: bytes) -> str:
    """Upload a file and return its path on the simulator, for `ReplaySource.path`.

    Raises:
        grpc.RpcError: The simulator does not take the file.
    """
    return str(stub.Upload(messages(Path(path).name, content), timeout=DEADLINE_S).path)


def messages(name: str, content: bytes) -> Iterator[pb.UploadRequest]:
    """Yield the messages of an upload: the header of the file, then its bytes in chunks."""
    digest = hashlib.sha256(content).digest()
    yield pb.UploadRequest(header=pb.FileHeader(name=name, size_bytes=len(content), sha256=digest))
    for begin in range(0, len(content), UPLOAD_CHUNK_BYTES):
        yield pb.UploadRequest(chunk=content[begin : begin + UPLOAD_CHUNK_BYTES])
