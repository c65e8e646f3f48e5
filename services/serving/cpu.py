"""Which architecture the machine beneath this process really has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

KERNEL: Final = Path("/proc/sys/kernel/arch")
"""The kernel's own word since Linux 6.1. An emulator of programs answers `uname` for itself and passes this through."""
CPU_INFO: Final = Path("/proc/cpuinfo")
KEYS: Final = {"vendor_id": "x86_64", "CPU implementer": "aarch64"}
"""Key of /proc/cpuinfo → the architecture whose kernels write it, for older kernels."""


def cpu_architecture(kernel: Path = KERNEL, cpu_info: Path = CPU_INFO) -> str:
    """Architecture of the CPU, as the kernel names it; empty where nobody can tell.

    It differs from `platform.machine()` where this process runs under an emulator of programs, such as qemu-user. A
    whole virtual machine that is emulated looks real from inside.
    """
    said = _read(kernel).strip()
    return said or next(_known(_read(cpu_info)), "")


def _known(text: str) -> Iterator[str]:
    keys = (line.partition(":")[0].strip() for line in text.splitlines())
    return (KEYS[key] for key in keys if key in KEYS)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
