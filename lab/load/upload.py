"""A file to replay on its way to a simulator that runs elsewhere."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.errors import DataFault
from services.contracts.limits import MAX_UPLOAD_BYTES, UPLOAD_CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.contracts.generated.lab.simulator.v1.simulator_pb2 import UploadRequest
    from services.contracts.generated.lab.simulator.v1.simulator_pb2_grpc import SimulatorServiceStub

DEADLINE_S: Final = 120.0
"""For 64 MiB: half a megabyte a second."""
HERE: Final = "-p target processes      (opens the file itself), or a shorter file, or one in Parquet"


def content_of(path: str) -> bytes:
    """All bytes of a file that may be sent.

    Raises:
        DataFault: It is larger than a simulator takes, or cannot be read; nothing was sent.
    """
    try:
        size = Path(path).stat().st_size
        if size <= MAX_UPLOAD_BYTES:
            return Path(path).read_bytes()
    except OSError as error:
        raise DataFault(f"cannot replay {path}", found=error.strerror or str(error), code="NO_FILE") from error
    found = f"it has {size / 2**20:,.1f} MiB; a simulator that runs elsewhere takes {MAX_UPLOAD_BYTES >> 20} MiB"
    raise DataFault(f"cannot send {path} to the simulator", found=found, next_step=HERE, code="FILE_TOO_LARGE")


def send(stub: SimulatorServiceStub, path: str, content: bytes) -> str:
    """Send a file; what `ReplaySource.path` is to be, on the simulator that the stub's channel leads to.

    Raises:
        grpc.RpcError: The simulator does not take it.
    """
    return str(stub.Upload(messages(Path(path).name, content), timeout=DEADLINE_S).path)


def messages(name: str, content: bytes) -> Iterator[UploadRequest]:
    """A file as the simulator reads it: what is about to come, then its bytes."""
    from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb  # noqa: PLC0415 - heavy

    digest = hashlib.sha256(content).digest()
    yield pb.UploadRequest(header=pb.FileHeader(name=name, size_bytes=len(content), sha256=digest))
    for begin in range(0, len(content), UPLOAD_CHUNK_BYTES):
        yield pb.UploadRequest(chunk=content[begin : begin + UPLOAD_CHUNK_BYTES])
