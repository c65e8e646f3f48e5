"""The program that the lab sends into a pod signals the process of one module, and no other."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from lab.targets.kubernetes.breaking import in_the_pod
from tests.waiting import until

SLEEPER = "import signal\nprint('up', flush=True)\nsignal.pause()\n"
Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Yield a function that starts `python -m MODULE` and returns once the process runs."""
    started: list[subprocess.Popen[bytes]] = []

    def start_module(module: str) -> "subprocess.Popen[bytes]":
        (tmp_path / f"{module}.py").write_text(SLEEPER)
        process = subprocess.Popen([sys.executable, "-m", module], cwd=tmp_path, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        return process

    yield start_module
    for process in started:
        process.kill()
        process.communicate()


def sent(module: str, *, seconds: float) -> "subprocess.Popen[bytes]":
    """Start the program as the lab does: as text, with nothing but the standard library."""
    text = Path(in_the_pod.__file__).read_text(encoding="utf-8")
    command = [sys.executable, "-I", "-S", "-c", text, module, f"{seconds:g}"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def module_name() -> str:
    """Return the name of a module that no other process of this machine runs."""
    return f"sleeper_{uuid4().hex}"


def state_of(process: "subprocess.Popen[bytes]") -> str:
    """Return the state of a process: S where it sleeps, T where it is stopped."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_process_is_ended_by_signal_9(start: Start) -> None:
    """Its id is printed first; the process of another module runs on."""
    module = module_name()
    ended, other = start(module), start(module_name())
    output, _ = sent(module, seconds=0).communicate(timeout=30)
    assert int(output) == ended.pid
    assert ended.wait(30) == -signal.SIGKILL
    assert other.poll() is None


def test_a_stopped_process_goes_on_when_standard_input_ends(start: Start) -> None:
    """However long it was to be stopped."""
    module = module_name()
    process = start(module)
    program = sent(module, seconds=60)
    assert program.stdout is not None
    assert int(program.stdout.readline()) == process.pid
    until(lambda: state_of(process) == "T")
    program.communicate(timeout=30)
    until(lambda: state_of(process) == "S")


def test_a_stopped_process_goes_on_when_its_time_is_over(start: Start) -> None:
    """Also where standard input does not end."""
    module = module_name()
    process = start(module)
    program = sent(module, seconds=0.1)
    assert program.wait(30) == 0
    until(lambda: state_of(process) == "S")
    program.communicate()


def test_a_module_that_no_process_runs_is_an_error() -> None:
    """It is named on standard error."""
    module = module_name()
    program = sent(module, seconds=0)
    output, errors = program.communicate(timeout=30)
    assert (program.returncode, output) == (1, b"")
    assert errors.decode().strip() == f"no process runs {module}"
