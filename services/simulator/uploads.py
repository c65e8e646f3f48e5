"""Keeps one uploaded file until it is read or replaced, or the process ends."""

import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

import grpc
import psutil

from services.contracts.generated.lab.simulator.v1 import simulator_pb2 as pb
from services.contracts.limits import MAX_UPLOAD_BYTES, UPLOAD_CHUNK_BYTES
from services.serving.status import Refused

PREFIX: Final = "lab-upload-"
MAX_NAME_BYTES: Final = 255
"""Longest name of a file on common file systems."""


class Uploads:
    """Keeps one file, below the folder for temporary files."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._receiving = threading.Lock()

    def receive(self, messages: Iterator[pb.UploadRequest]) -> Path:
        """Receive a file in place of the previous file. Return its path.

        Raises:
            Refused: The file is too large or differs from its header, there is no room, or another upload is under way.
                Nothing of the file is kept.
        """
        if not self._receiving.acquire(blocking=False):
            raise Refused(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "FILE_COMING_IN",
                "another file is coming in; send this file after it",
            )
        arrived = False
        try:
            header = _header(messages)
            path = self._emptied_folder() / header.name
            _write(path, header, messages)
            arrived = True
        except grpc.RpcError as error:
            raise Refused(grpc.StatusCode.CANCELLED, "FILE_NOT_SENT", "the caller went away") from error
        except OSError as error:
            message = f"no room for {header.name} ({header.size_bytes:,} bytes): {error.strerror}"
            raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "NO_ROOM_FOR_FILE", message) from error
        finally:
            if not arrived:
                self._empty()
            self._receiving.release()
        return path

    def forget(self, path: str) -> None:
        """Remove the file if it was uploaded. Another path is left alone."""
        if self._folder is not None and Path(path).parent == self._folder:
            Path(path).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder with its file."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _emptied_folder(self) -> Path:
        if self._folder is None:
            _remove_leftovers()
            self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self._empty()
        return self._folder

    def _empty(self) -> None:
        for file in self._folder.iterdir() if self._folder is not None else ():
            file.unlink(missing_ok=True)


def _remove_leftovers() -> None:
    """Remove folders of killed processes. In a container the next process has the same number."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        number = folder.name.removeprefix(PREFIX).partition("-")[0]
        if number.isdecimal() and (int(number) == os.getpid() or not psutil.pid_exists(int(number))):
            shutil.rmtree(folder, ignore_errors=True)


def _header(messages: Iterator[pb.UploadRequest]) -> pb.FileHeader:
    """Return the header, which is the first message. Raises Refused for a file that cannot be taken."""
    first = next(messages, None)
    if first is None or first.WhichOneof("part") != "header":
        _refuse("FILE_NOT_ANNOUNCED", "the first message must be the header", field="header")
    header = first.header
    name = header.name
    if (
        not name.isprintable()
        or Path(name).name != name
        or name == ".."
        or not 0 < len(name.encode()) <= MAX_NAME_BYTES
    ):
        _refuse("BAD_FILE_NAME", f"{name[:80]!r} is no name of a file without a folder", field="header.name")
    if header.size_bytes > MAX_UPLOAD_BYTES:
        message = f"{name}: {header.size_bytes:,} bytes, limit {MAX_UPLOAD_BYTES:,}"
        raise Refused(
            grpc.StatusCode.RESOURCE_EXHAUSTED, "FILE_TOO_LARGE", message, field="header.size_bytes", about="data"
        )
    if len(header.sha256) != hashlib.sha256().digest_size:
        _refuse("BAD_FILE_DIGEST", f"{len(header.sha256)} bytes, 32 are needed", field="header.sha256")
    return header


def _write(path: Path, header: pb.FileHeader, messages: Iterator[pb.UploadRequest]) -> None:
    """Write the chunks. Raises Refused where they differ from the header."""
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        for message in messages:
            chunk = message.chunk
            size += len(chunk)
            if len(chunk) > UPLOAD_CHUNK_BYTES:
                _refuse("FILE_CHUNK_TOO_LARGE", f"{len(chunk):,} bytes, limit {UPLOAD_CHUNK_BYTES:,}", field="chunk")
            if size > header.size_bytes:
                _refuse(
                    "FILE_TOO_LONG",
                    f"{header.name}: more than the {header.size_bytes:,} bytes announced",
                    field="chunk",
                )
            digest.update(chunk)
            file.write(chunk)
    if size < header.size_bytes:
        _refuse(
            "FILE_TOO_SHORT", f"{header.name}: {size:,} of the {header.size_bytes:,} bytes announced", field="chunk"
        )
    if digest.digest() != header.sha256:
        _refuse(
            "FILE_DIFFERS",
            f"{header.name}: its SHA-256 is {digest.hexdigest()[:12]}…, not that of the header",
            field="chunk",
        )


def _refuse(reason: str, message: str, *, field: str) -> NoReturn:
    """Refuse a file whose header or bytes are at fault."""
    raise Refused(grpc.StatusCode.INVALID_ARGUMENT, reason, f"{field}: {message}", field=field, about="data")
