"""Keeps one program of a stack running until it is told to stop."""

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from lab.model import Death
from lab.targets.parent_death import with_parent_death
from lab.targets.processes.plan import Program
from lab.targets.processes.state import ProgramPhase, ProgramState
from lab.targets.processes.supervision import log_end, readiness

FIRST_BACKOFF_S: Final = 0.1
LONGEST_BACKOFF_S: Final = 5.0
HEALTHY_S: Final = 1.0
"""A program that was ready for this long is restarted after the shortest pause."""


class Child:
    """A program and its process, if the program runs now.

    Args:
        program: The program.
        folder: Working folder of its process.
        clock: Monotonic seconds.
    """

    def __init__(self, program: Program, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.program, self.clock = program, clock
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
        return self.phase == "waiting" and self.clock() >= self._next_start

    @property
    def is_late(self) -> bool:
        """Whether the program is still starting after its deadline."""
        return self.phase == "starting" and self.clock() > self._started + self.program.ready.deadline_s

    def start(self) -> None:
        """Start the program with a parent-death signal, in its own session. Its output is appended to its log."""
        program = self.program
        if program.ready.kind == "file":
            Path(program.ready.where).unlink(missing_ok=True)
        command = with_parent_death(program.command)
        self._started, started_ns = self.clock(), time.time_ns()
        with self._log.open("ab") as log:
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
        self._ready_since = self.clock()
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
        by_signal, exit_code = max(-code, 0), max(code, 0)
        words = log_end.last_words(self._log, self._folder)
        death = Death(self.program.name, self.state.instance_id, time.time_ns(), by_signal, exit_code, words)
        kill_group(self.state.pid)
        if self.program.ready.kind == "once" and code == 0:
            line = log_end.last_line(self._log)
            self.state = replace(self.state, phase="done", pid=0, ready_ns=time.time_ns(), last_line=line)
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
        return log_end.last_lines(self._log)

    @property
    def _log(self) -> Path:
        return Path(self.program.log)

    def _wait_for_next_start(self) -> None:
        if self.phase == "ready" and self.clock() - self._ready_since > HEALTHY_S:
            self._exits_in_a_row = 0
        if not self.was_ready:
            self.early_exits += 1
        self._next_start = self.clock() + backoff_s(self._exits_in_a_row)
        self._exits_in_a_row += 1
        self.state = replace(self.state, phase="waiting", pid=0)

    def _is_ready(self) -> bool:
        ready = self.program.ready
        if ready.kind == "redis":
            return readiness.redis_answers(ready.where, ready.user, ready.password_file)
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
