"""Finds the architecture of the CPU beneath this process, also where the process runs emulated."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

KERNEL: Final = Path("/proc/sys/kernel/arch")
"""The kernel's architecture, since Linux 6.1. A program emulator answers `uname` itself, but passes this file on."""
CPU_INFO: Final = Path("/proc/cpuinfo")
KEYS: Final = {"vendor_id": "x86_64", "CPU implementer": "aarch64"}
"""Key of /proc/cpuinfo → the architecture whose kernels write it, for older kernels."""


def cpu_architecture(kernel: Path = KERNEL, cpu_info: Path = CPU_INFO) -> str:
    """Return the architecture of the CPU, as the kernel names it; empty where it cannot be told.

    It differs from `platform.machine()` where this process runs under a program emulator, such as qemu-user. A whole
    emulated virtual machine looks real from inside.
    """
    architecture = _read(kernel).strip()
    return architecture or next(_known(_read(cpu_info)), "")


def _known(text: str) -> Iterator[str]:
    keys = (line.partition(":")[0].strip() for line in text.splitlines())
    return (KEYS[key] for key in keys if key in KEYS)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
