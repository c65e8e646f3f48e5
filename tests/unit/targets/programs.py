"""Tiny programs that obey the contract of a service, and a stack folder to supervise them in."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from lab.targets.processes.folder import StackFolder
from lab.targets.processes.plan import Plan, Program, Ready, write_plan
from lab.targets.processes.state import StackState, read_state

# Writes what happens to it into TRACE, listens on LAB_BIND, announces itself, ends cleanly on signal 15.
WELL_BEHAVED = """
import json, os, signal, socket, sys, time, uuid
name, ready, trace = sys.argv[1:4]
def note(event):
    with open(trace, "a") as file:
        file.write(json.dumps({"program": name, "event": event, "at": time.monotonic_ns()}) + "\\n")
def stop(*_):
    note("stopped")
    raise SystemExit(0)
signal.signal(signal.SIGTERM, stop)
note("started")
host, _, port = os.environ.get("LAB_BIND", "127.0.0.1:0").rpartition(":")
server = socket.create_server((host, int(port)))
address = "127.0.0.1:%d" % server.getsockname()[1]
said = {"service": name, "pid": os.getpid(), "instance_id": uuid.uuid4().hex, "grpc": address, "metrics": address}
with open(ready + ".tmp", "w") as file:
    json.dump(said, file)
note("ready")
os.replace(ready + ".tmp", ready)
while True:
    signal.pause()
"""
FAILS = "import sys; print('first line'); print('store says no: wrong password'); sys.exit(int(sys.argv[1]))"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
ENDS = "print('prepared: all of it')"


class World:
    """A stack folder, programs in it, and the processes that were started for them."""

    def __init__(self, root: Path) -> None:
        self.folder = StackFolder(root / "stack")
        self.folder.make()
        self.trace = root / "trace.jsonl"
        self.supervisor: subprocess.Popen[bytes] | None = None

    def service(self, name: str, *after: str, grace_s: float = 5.0) -> Program:
        """A well-behaved program with a ready file."""
        ready = self.folder.ready / f"{name}.json"
        return self.script(
            name, WELL_BEHAVED, name, str(ready), str(self.trace), after=after, ready=Ready("file", str(ready), 20),
            grace_s=grace_s,
        )  # fmt: skip

    def script(
        self, name: str, text: str, *arguments: str, ready: Ready, after: tuple[str, ...] = (), grace_s: float = 5.0
    ) -> Program:
        """A program whose text is given."""
        return Program(
            name,
            (sys.executable, "-I", "-S", "-c", text, *arguments),
            ready,
            str(self.folder.log_of(name)),
            after=after,
            pins={"LAB_BIND": "grpc"},
            grace_s=grace_s,
        )

    @contextmanager
    def supervised(self, *programs: Program, lifeline: int | None = None, keep: bool = True) -> Iterator["World"]:
        """The programs under a supervisor for as long as the context lasts."""
        write_plan(self.folder.plan, Plan(programs, throw_away=not keep, scrape_dir=str(self.folder.ready)))
        extra = [] if lifeline is None else ["--lifeline", str(lifeline)]
        command = [sys.executable, "-m", "lab.targets.processes.supervisor", str(self.folder.root), *extra]
        with self.folder.log_of("supervisor").open("ab") as log:
            self.supervisor = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                pass_fds=() if lifeline is None else (lifeline,),
                start_new_session=True,
            )
        try:
            yield self
        finally:
            self.supervisor.terminate()
            self.supervisor.wait(30)

    @property
    def state(self) -> StackState:
        """What the supervisor said last."""
        state = read_state(self.folder.state)
        assert state is not None, self.folder.log_of("supervisor").read_text()
        return state

    def until(self, phase: str) -> StackState:
        """Wait for a phase of the stack."""
        eventually(lambda: self.folder.state.exists() and self.state.phase == phase, what=lambda: f"{phase}")
        return self.state

    def pid(self, name: str) -> int:
        """The process of a program."""
        program = self.state.program(name)
        assert program is not None
        return program.pid

    def events(self) -> list[str]:
        """What the programs noted, oldest first: `name event`."""
        notes = [json.loads(line) for line in self.trace.read_text().splitlines()] if self.trace.exists() else []
        return [f"{note['program']} {note['event']}" for note in sorted(notes, key=lambda note: int(note["at"]))]


def eventually(condition: Callable[[], bool], *, seconds: float = 20.0, what: Callable[[], str] = lambda: "") -> None:
    """Wait until a condition holds, or fail."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what()}"
        pause.wait(0.02)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for counts as ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end(pid: int, number: int) -> None:
    """Signal a process that may be gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
