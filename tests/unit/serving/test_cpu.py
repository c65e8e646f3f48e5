"""A process finds the architecture of its CPU, also below a program emulator."""

import platform
from pathlib import Path

import pytest

from lab.model import processor_of
from services.serving.cpu import cpu_architecture

AMD = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu vme\n"
BOARD = "processor\t: 0\nBogoMIPS\t: 108.00\nCPU implementer\t: 0x41\n"


@pytest.mark.parametrize(
    ("text", "architecture"), [(AMD, "x86_64"), (BOARD, "aarch64"), ("something else\n", ""), ("", "")]
)
def test_an_older_kernel_is_known_by_its_keys_in_cpuinfo(tmp_path: Path, text: str, architecture: str) -> None:
    """Each architecture's kernel has keys of its own. Unknown keys give an empty text."""
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_architecture(tmp_path / "no such file", tmp_path / "cpuinfo") == architecture


def test_the_kernel_s_architecture_comes_before_cpuinfo(tmp_path: Path) -> None:
    """Newer emulators invent /proc/cpuinfo, too."""
    (tmp_path / "arch").write_text("x86_64\n")
    (tmp_path / "cpuinfo").write_text(BOARD)
    assert cpu_architecture(tmp_path / "arch", tmp_path / "cpuinfo") == "x86_64"


def test_the_architecture_is_empty_without_either_file(tmp_path: Path) -> None:
    """No error is raised."""
    assert cpu_architecture(tmp_path / "a", tmp_path / "b") == ""


def test_this_machine_runs_its_own_programs() -> None:
    """Kernel and process name the same processor."""
    architecture = cpu_architecture()
    assert processor_of(architecture) in {"", processor_of(platform.machine())}
