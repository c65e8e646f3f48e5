"""Keeps one program of a stack running until it is told to stop."""

import math
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from lab.model import Death
from lab.targets.parent_death import with_parent_death
from lab.targets.processes import readiness
from lab.targets.processes.plan import Program
from lab.targets.processes.state import ProgramPhase, ProgramState

FIRST_BACKOFF_S: Final = 0.1
LONGEST_BACKOFF_S: Final = 5.0
HEALTHY_S: Final = 1.0
"""A program that was ready for this long is restarted after the shortest pause."""
TAIL_LINES: Final = 5
"""Last lines of a log that the state keeps of a program that failed."""
TAIL_BYTES: Final = 8_192
"""End of a log that is read for these lines."""
FULL_BYTES: Final = 262_144
"""A disk with less free space is full: a program that writes more than a line at a time fails on it."""
LONGEST_LINE: Final = 300
"""Characters of such a line."""


class Child:
    """A program and its process, if the program runs now."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.state = ProgramState(program.name, log=program.log)
        self.was_ready = False
        self.early_exits = 0
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._pinned: dict[str, str] = {}
        self._exits_in_a_row = 0
        self._next_start = 0.0
        self._started = 0.0
        self._ready_since = 0.0

    @property
    def phase(self) -> ProgramPhase:
        """The phase of the program now."""
        return self.state.phase

    @property
    def is_up(self) -> bool:
        """Whether programs that need this one may start."""
        return self.phase in {"ready", "done"}

    @property
    def may_start(self) -> bool:
        """Whether the program waits, and its pause since the last exit is over."""
        return self.phase == "waiting" and time.monotonic() >= self._next_start

    @property
    def is_late(self) -> bool:
        """Whether the program is still starting after its deadline."""
        return self.phase == "starting" and time.monotonic() > self._started + self.program.ready.deadline_s

    def start(self) -> None:
        """Start the program with a parent-death signal, in its own session. Its output is appended to its log."""
        program = self.program
        if program.ready.kind == "file":
            Path(program.ready.where).unlink(missing_ok=True)
        command = with_parent_death(program.command)
        self._started, started_ns = time.monotonic(), time.time_ns()
        with Path(program.log).open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_inherited() | dict(program.environment) | self._pinned,
                cwd=self._folder,
                start_new_session=True,
            )
        self.state = replace(self.state, phase="starting", pid=self._process.pid, started_ns=started_ns, ready_ns=0)

    def become_ready(self) -> bool:
        """Probe a starting program. Return True when it has just become ready."""
        if self.phase != "starting" or self.program.ready.kind == "once" or not self._is_ready():
            return False
        self._ready_since = time.monotonic()
        self.was_ready = True
        self.state = replace(self.state, phase="ready", ready_ns=time.time_ns())
        return True

    def collect_exit(self) -> Death | None:
        """Return how the process ended, if it has just ended; the program then waits for its next start.

        A program that runs once and exits with 0 is done: None is returned.
        """
        if self._process is None or self._process.poll() is None:
            return None
        code, self._process = self._process.returncode, None
        how = max(-code, 0), max(code, 0)
        death = Death(self.program.name, self.state.instance_id, time.time_ns(), *how, self._last_words())
        kill_group(self.state.pid)
        if self.program.ready.kind == "once" and code == 0:
            self.state = replace(self.state, phase="done", pid=0, ready_ns=time.time_ns(), last_line=self._last_line())
            return None
        self._wait_for_next_start()
        return death

    def ask_to_stop(self) -> None:
        """Send signal 15. A stopped process is also continued; it could not handle the signal otherwise."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.terminate()
                self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Send signal 9 to the process and to every process it started."""
        if self._process is not None:
            kill_group(self.state.pid)

    @property
    def is_running(self) -> bool:
        """Whether the program has a process."""
        return self._process is not None

    def mark_stopped(self) -> None:
        """Record that the program must not be started again."""
        self.state = replace(self.state, phase="stopped", pid=0)

    def log_tail(self) -> tuple[str, ...]:
        """Return the last lines of the program's log."""
        try:
            text = Path(self.program.log).read_bytes()[-TAIL_BYTES:].decode(errors="replace")
        except OSError:
            return ()
        lines = [line.rstrip()[:LONGEST_LINE] for line in text.splitlines() if line.strip()]
        return tuple(lines[-TAIL_LINES:])

    def _last_line(self) -> str:
        return "".join(self.log_tail()[-1:])

    def _last_words(self) -> str:
        """Return the last line of the log, and that the disk is full where it is: few programs say so themselves."""
        with suppress(OSError):
            if shutil.disk_usage(self._folder).free < FULL_BYTES:
                return f"no space is left on the disk of {self._folder}; {self._last_line()}".rstrip("; ")
        return self._last_line()

    def _wait_for_next_start(self) -> None:
        if self.phase == "ready" and time.monotonic() - self._ready_since > HEALTHY_S:
            self._exits_in_a_row = 0
        if not self.was_ready:
            self.early_exits += 1
        self._next_start = time.monotonic() + backoff_s(self._exits_in_a_row)
        self._exits_in_a_row += 1
        self.state = replace(self.state, phase="waiting", pid=0)

    def _is_ready(self) -> bool:
        ready = self.program.ready
        if ready.kind == "redis":
            return readiness.redis_answers(ready.where)
        if ready.kind == "http":
            return readiness.http_answers(ready.where)
        announcement = readiness.read_announcement(Path(ready.where), self.state.pid)
        if announcement is None:
            return False
        self.state = replace(self.state, instance_id=announcement.instance_id, addresses=announcement.addresses)
        self._pinned = _pinned(self.program.pins, announcement.addresses)
        return True


def backoff_s(exits_before: int) -> float:
    """Return the seconds between an exit and the next start; they double with every exit in a row, up to a limit.

    Args:
        exits_before: Exits in a row before this exit.

    >>> [backoff_s(exits) for exits in (0, 1, 5, 6, 5_000)]
    [0.1, 0.2, 3.2, 5.0, 5.0]
    """
    doublings = min(exits_before, math.ceil(math.log2(LONGEST_BACKOFF_S / FIRST_BACKOFF_S)))
    return min(FIRST_BACKOFF_S * 2.0**doublings, LONGEST_BACKOFF_S)


def kill_group(leader: int) -> None:
    """Send signal 9 to a process group, if any of its processes is left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _pinned(pins: Mapping[str, str], addresses: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that give a restarted program its previous addresses."""
    variables = {}
    for variable, pin in pins.items():
        kind, _, part = pin.partition(":")
        address = addresses.get(kind, "")
        if address:
            variables[variable] = address.rpartition(":")[2] if part == "port" else address
    return variables


def _inherited() -> dict[str, str]:
    """Return the supervisor's own environment. It is passed on; no setting is read from it."""
    return dict(os.environ)  # noqa: TID251
