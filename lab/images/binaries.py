"""Reads the architecture of the programs in an image's layer from their ELF headers."""

import re
import tarfile
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

from lab.images.streams import VerifiedStream

ELF_ARCHITECTURES: Final = {3: "386", 21: "ppc64le", 22: "s390x", 40: "arm", 62: "amd64", 183: "arm64", 243: "riscv64"}
"""`e_machine` of the ELF header → architecture, as images name it."""
INTERPRETER: Final = re.compile(r"(.*/)?bin/python3(\.\d+)?")
NATIVE: Final = re.compile(r".+\.so(\.\d+)*")
HEADER: Final = 20
"""Bytes of a file that hold `e_machine`."""


class Binary(NamedTuple):
    """A program or native module: its path, its `e_machine`, and whether it is Python itself."""

    path: str
    e_machine: int
    is_interpreter: bool

    @property
    def architecture(self) -> str:
        """The architecture, as images name it."""
        return ELF_ARCHITECTURES.get(self.e_machine, f"e_machine {self.e_machine}")


def elf_machine(header: bytes) -> int | None:
    """Return `e_machine` from the first 20 bytes of a file; None where the file is no ELF file."""
    if len(header) < HEADER or header[:4] != b"\x7fELF":
        return None
    return int.from_bytes(header[18:20], "big" if header[5] == 2 else "little")


def binaries(layer: VerifiedStream | IO[bytes]) -> Iterator[Binary]:
    """Yield the Python interpreters and native modules of a layer, in its order.

    Raises:
        tarfile.TarError: The layer is no tar archive, or is compressed in a way that this Python cannot read.
    """
    with tarfile.open(fileobj=layer, mode="r|*") as archive:
        for member in archive:
            is_interpreter = INTERPRETER.fullmatch(member.name) is not None
            if member.isreg() and (is_interpreter or NATIVE.fullmatch(member.name)):
                file = archive.extractfile(member)
                machine = elf_machine(file.read(HEADER)) if file else None
                if machine is not None:
                    yield Binary(member.name.removeprefix("./"), machine, is_interpreter)
