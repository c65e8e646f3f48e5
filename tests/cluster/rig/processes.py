"""Starts, finds and ends the rig's processes."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from lab.errors import Unavailable
from lab.files import write_text
from lab.targets.parent_death import with_parent_death
from tests.cluster.rig import machine
from tests.cluster.rig.facts import NAMESPACES, RUN
from tests.cluster.rig.network import NAMESPACE_FOLDER, inside
from tests.cluster.rig.requirements import machine_environment

GRACE_S: Final = 5.0
KILLED_S: Final = 30.0
"""A killed process may still wait for its disk."""
LOG_TAIL: Final = 600
STRAY_ROUNDS: Final = 20


class Running(NamedTuple):
    """A process by its ID and its start time; another process may get the same ID later."""

    pid: int
    started: str


class Processes:
    """The processes of a rig, by name."""

    def __init__(self, state: Path, *, tied_to_parent: bool) -> None:
        self._pids, self._logs, self._tied_to_parent = state / "pids", state / "log", tied_to_parent
        # Python warns when a child is forgotten before it has ended.
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, *command: str, namespace: str = "") -> None:
        """Start a process. With `tied_to_parent` it ends with this program, else it runs until it is stopped."""
        self._pids.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        environment = machine_environment()
        full = (*inside(namespace), *command) if namespace else command
        program = shutil.which(full[0], path=environment["PATH"]) or full[0]
        exact = [program, *full[1:]]
        with (self._logs / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(
                with_parent_death(exact) if self._tied_to_parent else exact,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        self._children.append(child)
        write_text(self._pids / name, f"{child.pid} {_started(child.pid)}")

    def running(self, *prefixes: str) -> dict[str, Running]:
        """Return the running processes whose names begin with one of the prefixes, by name."""
        processes = {}
        for path in sorted(self._pids.glob("[!.]*")):
            if not prefixes or path.name.startswith(prefixes):
                pid, _, started = path.read_text(encoding="utf-8").partition(" ")
                process = Running(int(pid), started)
                if is_running(process):
                    processes[path.name] = process
        return processes

    def require(self, name: str) -> None:
        """Raise Unavailable with the end of the log when a process has ended."""
        if name not in self.running(name):
            raise Unavailable(f"{name} of the rig ended", found=self.log_tail(name))

    def log_tail(self, name: str) -> str:
        """Return the end of a process's log."""
        return (self._logs / f"{name}.log").read_text(encoding="utf-8", errors="replace").strip()[-LOG_TAIL:]

    def stop(self, *prefixes: str) -> None:
        """Stop the processes whose names begin with one of the prefixes."""
        processes = self.running(*prefixes).values()
        end_all(processes)
        for child in self._children:
            if any(child.pid == process.pid for process in processes):
                child.wait(GRACE_S)


def strays() -> dict[int, str]:
    """Return pid → command of the processes in the rig's namespaces and cgroups, and of the runtime's shims."""
    spaces = {(NAMESPACE_FOLDER / name).stat().st_ino for name in NAMESPACES if (NAMESPACE_FOLDER / name).exists()}
    pods = machine.processes_in_cgroups()
    commands = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            command = process.cmdline()
            is_shim = process.name().startswith("containerd-shim") and any(
                part.startswith(f"{RUN}/") for part in command
            )
            in_space = Path(f"/proc/{process.pid}/ns/net").stat().st_ino in spaces
            if (is_shim or in_space or process.pid in pods) and process.status() != psutil.STATUS_ZOMBIE:
                commands[process.pid] = " ".join(command)[:120]
    return commands


def end_strays() -> None:
    """Kill the processes of `strays`.

    Raises:
        Unavailable: New processes keep appearing.
    """
    for _ in range(STRAY_ROUNDS):
        left = strays()
        if not left:
            return
        end_all((Running(pid, _started(pid)) for pid in left), grace_s=0.0)
    raise Unavailable("processes of the rig cannot be ended", found="\n".join(left.values()))


def end_all(processes: Iterable[Running], grace_s: float = GRACE_S) -> None:
    """Send signal 15, after a grace signal 9; return when all processes have ended.

    Raises:
        Unavailable: A process does not end after signal 9.
    """
    left, pause = list(processes), threading.Event()
    for number, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, KILLED_S)):
        end = time.monotonic() + wait_s
        _send(left if wait_s else (), number)
        while (left := [process for process in left if is_running(process)]) and time.monotonic() < end:
            pause.wait(0.02)
    if left:
        raise Unavailable("processes of the rig do not end", found=" ".join(str(process.pid) for process in left))


def is_running(process: Running) -> bool:
    """Whether the process still runs; another process with its ID does not count."""
    return process.started != "" and _started(process.pid) == process.started


def _send(processes: Iterable[Running], number: signal.Signals) -> None:
    for process in processes:
        if is_running(process):
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)


def _started(pid: int) -> str:
    """Return when a process started, in clock ticks since the boot; empty when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] in "ZX" else fields[19]
