"""A process knows the CPU beneath it, whatever an emulator tells it of itself."""

import platform
from pathlib import Path

import pytest

from lab.model import processor_of
from services.serving.cpu import cpu_architecture

AMD = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu vme\n"
BOARD = "processor\t: 0\nBogoMIPS\t: 108.00\nCPU implementer\t: 0x41\n"


@pytest.mark.parametrize(("text", "found"), [(AMD, "x86_64"), (BOARD, "aarch64"), ("something else\n", ""), ("", "")])
def test_an_older_kernel_is_known_by_what_it_writes_of_its_cpu(tmp_path: Path, text: str, found: str) -> None:
    """Each architecture's kernel has keys of its own; what nobody knows is empty."""
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_architecture(tmp_path / "no such file", tmp_path / "cpuinfo") == found


def test_the_kernel_s_own_word_comes_first(tmp_path: Path) -> None:
    """Newer emulators make up /proc/cpuinfo, too."""
    (tmp_path / "arch").write_text("x86_64\n")
    (tmp_path / "cpuinfo").write_text(BOARD)
    assert cpu_architecture(tmp_path / "arch", tmp_path / "cpuinfo") == "x86_64"


def test_nobody_knows_without_either(tmp_path: Path) -> None:
    """And nothing fails."""
    assert cpu_architecture(tmp_path / "a", tmp_path / "b") == ""


def test_this_machine_runs_its_own_programs() -> None:
    """The word of the kernel and that of the process name the same processors."""
    beneath = cpu_architecture()
    assert processor_of(beneath) in {"", processor_of(platform.machine())}
