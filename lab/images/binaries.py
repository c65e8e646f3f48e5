"""What machine the programs inside an image's layer were compiled for, by their ELF headers."""

import re
import tarfile
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

from lab.images.streams import VerifiedStream

MACHINES: Final = {3: "386", 21: "ppc64le", 22: "s390x", 40: "arm", 62: "amd64", 183: "arm64", 243: "riscv64"}
"""`e_machine` of the ELF header → the architecture as images name it."""
INTERPRETER: Final = re.compile(r"(.*/)?bin/python3(\.\d+)?")
NATIVE: Final = re.compile(r".+\.so(\.\d+)*")
HEADER: Final = 20


class Binary(NamedTuple):
    """A program or native module: its path, the machine it is for, whether it is Python itself."""

    path: str
    e_machine: int
    is_interpreter: bool

    @property
    def architecture(self) -> str:
        """The architecture as images name it."""
        return MACHINES.get(self.e_machine, f"e_machine {self.e_machine}")


def machine_of(header: bytes) -> int | None:
    """`e_machine` of a file's first 20 bytes; None where it is no ELF file."""
    if len(header) < HEADER or header[:4] != b"\x7fELF":
        return None
    return int.from_bytes(header[18:20], "big" if header[5] == 2 else "little")


def binaries(layer: VerifiedStream | IO[bytes]) -> Iterator[Binary]:
    """Python interpreters and native modules of a layer, in its order.

    Raises:
        tarfile.TarError: It is no tar archive, or compressed in a way this Python cannot read.
    """
    with tarfile.open(fileobj=layer, mode="r|*") as archive:
        for member in archive:
            is_interpreter = INTERPRETER.fullmatch(member.name) is not None
            if member.isreg() and (is_interpreter or NATIVE.fullmatch(member.name)):
                file = archive.extractfile(member)
                machine = machine_of(file.read(HEADER)) if file else None
                if machine is not None:
                    yield Binary(member.name.removeprefix("./"), machine, is_interpreter)
