"""The rig's processes: started with a pid file each, found again by others, ended by their own number."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from lab.errors import Unavailable
from lab.files import write_text
from lab.targets import parent_death
from tests.cluster.rig import machine
from tests.cluster.rig.facts import NAMESPACES, RUN
from tests.cluster.rig.network import NAMESPACE_FOLDER, inside
from tests.cluster.rig.requirements import machine_environment

GRACE_S: Final = 5.0
KILLED_S: Final = 30.0
"""What is killed may still wait for its disk."""
LOG_TAIL: Final = 600
STRAY_ROUNDS: Final = 20


class Running(NamedTuple):
    """A process by its number and the moment it started: a number alone may be another's by now."""

    pid: int
    started: str


class Processes:
    """Processes of one rig, by the names it gives them."""

    def __init__(self, state: Path, *, tied_to_parent: bool) -> None:
        self._pids, self._logs, self._leashed = state / "pids", state / "log", tied_to_parent
        # Kept, since a child that is forgotten before it ended is a warning.
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, *command: str, namespace: str = "") -> None:
        """Start one; leashed, it ends with this program, else it stays until it is stopped."""
        self._pids.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        environment = machine_environment()
        whole = (*inside(namespace), *command) if namespace else command
        first = shutil.which(whole[0], path=environment["PATH"]) or whole[0]
        parent_death_command = (
            (sys.executable, "-I", "-S", parent_death.__file__, str(os.getpid())) if self._leashed else ()
        )
        with (self._logs / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(
                [*parent_death_command, first, *whole[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        self._children.append(child)
        write_text(self._pids / name, f"{child.pid} {_started(child.pid)}")

    def running(self, *prefixes: str) -> dict[str, Running]:
        """Processes that still run, by name; only names that begin with one of the prefixes."""
        found = {}
        for path in sorted(self._pids.glob("[!.]*")):
            if not prefixes or path.name.startswith(prefixes):
                pid, _, started = path.read_text(encoding="utf-8").partition(" ")
                process = Running(int(pid), started)
                if is_running(process):
                    found[path.name] = process
        return found

    def require(self, name: str) -> None:
        """Raise Unavailable with the end of its log when a process has ended."""
        if name not in self.running(name):
            raise Unavailable(f"{name} of the rig ended", found=self.last_words(name))

    def last_words(self, name: str) -> str:
        """The end of its log."""
        return (self._logs / f"{name}.log").read_text(encoding="utf-8", errors="replace").strip()[-LOG_TAIL:]

    def stop(self, *prefixes: str) -> None:
        """Stop those whose names begin so."""
        asked = self.running(*prefixes).values()
        end_all(asked)
        for child in self._children:
            if any(child.pid == process.pid for process in asked):
                child.wait(GRACE_S)


def strays() -> dict[int, str]:
    """What runs in the rig's namespaces and cgroups, and the runtime's shims: pid → command."""
    spaces = {(NAMESPACE_FOLDER / name).stat().st_ino for name in NAMESPACES if (NAMESPACE_FOLDER / name).exists()}
    pods = machine.processes_in_cgroups()
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            command = process.cmdline()
            is_shim = process.name().startswith("containerd-shim") and any(
                part.startswith(f"{RUN}/") for part in command
            )
            in_space = Path(f"/proc/{process.pid}/ns/net").stat().st_ino in spaces
            if (is_shim or in_space or process.pid in pods) and process.status() != psutil.STATUS_ZOMBIE:
                found[process.pid] = " ".join(command)[:120]
    return found


def end_strays() -> None:
    """Kill them: what is left once everything was asked to stop.

    Raises:
        Unavailable: New ones keep appearing.
    """
    for _ in range(STRAY_ROUNDS):
        found = strays()
        if not found:
            return
        end_all((Running(pid, _started(pid)) for pid in found), grace_s=0.0)
    raise Unavailable("processes of the rig cannot be ended", found="\n".join(found.values()))


def end_all(processes: Iterable[Running], grace_s: float = GRACE_S) -> None:
    """Signal 15, after a grace signal 9; returns when all have ended.

    Raises:
        Unavailable: One does not end by signal 9 either.
    """
    left, pause = list(processes), threading.Event()
    for asked, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, KILLED_S)):
        end = time.monotonic() + patience_s
        _send(left if patience_s else (), asked)
        while (left := [process for process in left if is_running(process)]) and time.monotonic() < end:
            pause.wait(0.02)
    if left:
        raise Unavailable("processes of the rig do not end", found=" ".join(str(process.pid) for process in left))


def is_running(process: Running) -> bool:
    """Whether this very process still runs."""
    return process.started != "" and _started(process.pid) == process.started


def _send(processes: Iterable[Running], number: signal.Signals) -> None:
    for process in processes:
        if is_running(process):
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks since it booted; empty when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] in "ZX" else fields[19]
