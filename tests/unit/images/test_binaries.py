"""Machine code is told by its header, in whatever kind of archive it lies."""

import io
import struct
import tarfile

import pytest

from lab.errors import DataFault
from lab.images.binaries import Binary, binaries, machine_of
from lab.images.check import judge
from lab.images.manifests import Built
from lab.images.streams import VerifiedStream, digest_of
from tests.registry import layer

PYTHON = Binary("usr/local/bin/python3.11", 183, is_interpreter=True)
MODULE = Binary("app/core.so", 183, is_interpreter=False)


def header(machine: int, order: str = "<") -> bytes:
    """The first bytes of an ELF file."""
    return b"\x7fELF\x02" + (b"\x01" if order == "<" else b"\x02") + bytes(10) + struct.pack(f"{order}HH", 2, machine)


@pytest.mark.parametrize(
    ("first", "machine"),
    [
        (header(62), 62),
        (header(183), 183),
        (header(22, ">"), 22),
        (b"#!/bin/sh", None),
        (b"\x7fELF", None),
        (b"", None),
    ],
)
def test_the_machine_stands_in_the_header(first: bytes, machine: int | None) -> None:
    """In the byte order that the header names."""
    assert machine_of(first) == machine


def test_interpreters_and_native_modules_are_found_in_a_layer() -> None:
    """Scripts, links and other programs are not looked at."""
    packed = layer(
        {
            "./usr/local/bin/python3.11": header(183),
            "usr/bin/python3": b"#!/bin/sh",
            "usr/bin/grep": header(62),
            "lib/libz.so.1.2.13": header(62),
            "usr/share/python3.so.txt": header(62),
        }
    )
    found = list(binaries(io.BytesIO(packed)))
    assert found == [PYTHON, Binary("lib/libz.so.1.2.13", 62, is_interpreter=False)]
    assert [one.architecture for one in found] == ["arm64", "amd64"]


def test_a_layer_is_read_however_small_its_pieces_arrive() -> None:
    """A network gives what it has."""
    packed = layer({"bin/python3": header(62)})
    stream = VerifiedStream((packed[at : at + 3] for at in range(0, len(packed), 3)), digest_of(packed), "x")
    assert [one.e_machine for one in binaries(stream)] == [62]
    stream.finish()


def test_what_is_no_layer_is_an_error() -> None:
    """Not an empty one."""
    with pytest.raises(tarfile.TarError):
        list(binaries(io.BytesIO(b"\x28\xb5\x2f\xfd" + bytes(2000))))


def test_bytes_that_are_not_what_was_named_are_refused_at_the_end() -> None:
    """Also when nobody read them."""
    stream = VerifiedStream([b"one", b"", b"two"], digest_of(b"onetwo"), "x")
    assert (stream.read(4), stream.read()) == (b"onet", b"wo")
    stream.finish()
    with pytest.raises(DataFault, match="x was changed"):
        VerifiedStream([b"one"], digest_of(b"two"), "x").finish()


@pytest.mark.parametrize(
    ("built", "found", "words"),
    [
        (Built("arm64", "linux"), (PYTHON, MODULE), None),
        (Built("amd64", "linux"), (PYTHON, MODULE), "says linux/amd64"),
        (Built("arm64", "windows"), (PYTHON, MODULE), "says windows/arm64"),
        (Built("arm64", "linux"), (PYTHON._replace(e_machine=62), MODULE), "python3.11 says amd64"),
        (Built("arm64", "linux"), (PYTHON, MODULE._replace(e_machine=62)), "core.so says amd64"),
        (Built("arm64", "linux"), (PYTHON._replace(e_machine=9), MODULE), "e_machine 9"),
        (Built("arm64", "linux"), (MODULE,), "no Python interpreter"),
    ],
)
def test_an_image_is_what_configuration_and_machine_code_say(
    built: Built, found: tuple[Binary, ...], words: str | None
) -> None:
    """Both have to say the architecture that it is locked for."""
    fault = judge("x@sha256:1", "arm64", built, found)
    assert (fault is None) if words is None else (fault is not None and words in str(fault))
