"""The header of a program tells its architecture, whatever archive the program is in."""

import io
import struct
import tarfile

import pytest

from lab.errors import DataFault
from lab.images.binaries import Binary, binaries, elf_machine
from lab.images.check import judge
from lab.images.manifests import Built
from lab.images.streams import VerifiedStream, digest_of
from tests.registry import layer

PYTHON = Binary("usr/local/bin/python3.11", 183, is_interpreter=True)
MODULE = Binary("app/core.so", 183, is_interpreter=False)


def header(machine: int, order: str = "<") -> bytes:
    """Return the first bytes of an ELF file."""
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
    """The header names its own byte order."""
    assert elf_machine(first) == machine


def test_interpreters_and_native_modules_are_found_in_a_layer() -> None:
    """Scripts, links and other programs are skipped."""
    packed = layer(
        {
            "./usr/local/bin/python3.11": header(183),
            "usr/bin/python3": b"#!/bin/sh",
            "usr/bin/grep": header(62),
            "lib/libz.so.1.2.13": header(62),
            "usr/share/python3.so.txt": header(62),
        }
    )
    programs = list(binaries(io.BytesIO(packed)))
    assert programs == [PYTHON, Binary("lib/libz.so.1.2.13", 62, is_interpreter=False)]
    assert [program.architecture for program in programs] == ["arm64", "amd64"]


def test_a_layer_is_read_however_small_its_pieces_arrive() -> None:
    """A network cuts data anywhere."""
    packed = layer({"bin/python3": header(62)})
    stream = VerifiedStream((packed[at : at + 3] for at in range(0, len(packed), 3)), digest_of(packed), "x")
    assert [program.e_machine for program in binaries(stream)] == [62]
    stream.finish()


def test_a_file_that_is_no_layer_is_an_error() -> None:
    """It is not taken for an empty layer."""
    with pytest.raises(tarfile.TarError):
        list(binaries(io.BytesIO(b"\x28\xb5\x2f\xfd" + bytes(2000))))


def test_bytes_that_do_not_have_the_digest_are_refused_at_the_end() -> None:
    """Also where nothing was read before."""
    stream = VerifiedStream([b"one", b"", b"two"], digest_of(b"onetwo"), "x")
    assert (stream.read(4), stream.read()) == (b"onet", b"wo")
    stream.finish()
    with pytest.raises(DataFault, match="x was changed"):
        VerifiedStream([b"one"], digest_of(b"two"), "x").finish()


@pytest.mark.parametrize(
    ("built", "programs", "words"),
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
    built: Built, programs: tuple[Binary, ...], words: str | None
) -> None:
    """Both must be for the architecture that the image is locked for."""
    fault = judge("x@sha256:1", "arm64", built, programs)
    assert (fault is None) if words is None else (fault is not None and words in str(fault))
