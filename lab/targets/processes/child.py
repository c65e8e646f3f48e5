"""One program under supervision: starting, noticing its end, starting again, stopping."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from lab.model import Death
from lab.targets import parent_death
from lab.targets.processes import readiness
from lab.targets.processes.plan import Program
from lab.targets.processes.state import ProgramPhase, ProgramState

BACKOFF_FIRST_S = 0.1
BACKOFF_LONGEST_S = 5.0
HEALTHY_S = 1.0
"""Ready for this long, a program did its work: its death is no failed start, and the next start comes at once."""
TAIL_LINES = 5
TAIL_BYTES = 8_192
LINE_CHARACTERS = 300


class Child:
    """A program and the process that runs it now, if any."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.state = ProgramState(program.name, log=program.log)
        self.was_ready = False
        self.early_exits = 0
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._pinned: dict[str, str] = {}
        self._backoff_s = BACKOFF_FIRST_S
        self._next_start = 0.0
        self._started = 0.0
        self._ready_since = 0.0

    @property
    def phase(self) -> ProgramPhase:
        """What it does now."""
        return self.state.phase

    @property
    def is_up(self) -> bool:
        """Whether what comes after it may start."""
        return self.phase in {"ready", "done"}

    @property
    def may_start(self) -> bool:
        """Whether it waits, and has waited long enough since its last end."""
        return self.phase == "waiting" and time.monotonic() >= self._next_start

    @property
    def is_late(self) -> bool:
        """Whether it should have been ready by now."""
        return self.phase == "starting" and time.monotonic() > self._started + self.program.ready.deadline_s

    def start(self) -> None:
        """Start it on a leash, in a session of its own; its log grows."""
        program = self.program
        if program.ready.kind == "file":
            Path(program.ready.where).unlink(missing_ok=True)
        command = [sys.executable, "-I", "-S", parent_death.__file__, str(os.getpid()), *program.command]
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
        """Look whether it is ready by now; True when that is news."""
        if self.phase != "starting" or self.program.ready.kind == "once" or not self._answers():
            return False
        self._ready_since = time.monotonic()
        self.was_ready = True
        self.state = replace(self.state, phase="ready", ready_ns=time.time_ns())
        return True

    def ended(self) -> Death | None:
        """How its process ended, when it just did; the program then waits for its next start, or is done."""
        if self._process is None or self._process.poll() is None:
            return None
        code, self._process = self._process.returncode, None
        death = Death(self.program.name, self.state.instance_id, time.time_ns(), max(-code, 0), max(code, 0))
        kill_group(self.state.pid)
        if self.program.ready.kind == "once" and code == 0:
            self.state = replace(self.state, phase="done", pid=0, ready_ns=time.time_ns(), last_line=self._last_line())
            return None
        self._wait_for_next_start()
        return death

    def ask_to_stop(self) -> None:
        """Signal 15; a stopped process goes on first, else it could not hear it."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.terminate()
                self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Signal 9 to it and whatever it started."""
        if self._process is not None:
            kill_group(self.state.pid)

    @property
    def is_running(self) -> bool:
        """Whether it has a process."""
        return self._process is not None

    def stopped(self) -> None:
        """Note that it is not to be started again."""
        self.state = replace(self.state, phase="stopped", pid=0)

    def log_tail(self) -> tuple[str, ...]:
        """The last lines of its log."""
        try:
            text = Path(self.program.log).read_bytes()[-TAIL_BYTES:].decode(errors="replace")
        except OSError:
            return ()
        lines = [line.rstrip()[:LINE_CHARACTERS] for line in text.splitlines() if line.strip()]
        return tuple(lines[-TAIL_LINES:])

    def _last_line(self) -> str:
        return "".join(self.log_tail()[-1:])

    def _wait_for_next_start(self) -> None:
        if self.phase == "ready" and time.monotonic() - self._ready_since > HEALTHY_S:
            self._backoff_s = BACKOFF_FIRST_S
        if not self.was_ready:
            self.early_exits += 1
        self._next_start = time.monotonic() + self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, BACKOFF_LONGEST_S)
        self.state = replace(self.state, phase="waiting", pid=0)

    def _answers(self) -> bool:
        ready = self.program.ready
        if ready.kind == "redis":
            return readiness.redis_answers(ready.where)
        if ready.kind == "http":
            return readiness.http_answers(ready.where)
        announced = readiness.announcement(Path(ready.where), self.state.pid)
        if announced is None:
            return False
        self.state = replace(self.state, instance_id=announced.instance_id, addresses=announced.addresses)
        self._pinned = _pinned(self.program.pins, announced.addresses)
        return True


def kill_group(leader: int) -> None:
    """Signal 9 to a whole process group, if any of it is left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _pinned(pins: Mapping[str, str], addresses: Mapping[str, str]) -> dict[str, str]:
    """The variables that make a program come back where it was."""
    found = {}
    for variable, wanted in pins.items():
        kind, _, part = wanted.partition(":")
        address = addresses.get(kind, "")
        if address:
            found[variable] = address.rpartition(":")[2] if part == "port" else address
    return found


def _inherited() -> dict[str, str]:
    """The supervisor's own environment, which it hands on and never reads a setting from."""
    return dict(os.environ)  # noqa: TID251
