"""Tiny programs that behave like services, and a stack folder in which they are supervised."""

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

# Writes its events into TRACE, listens on LAB_BIND, announces itself, ends cleanly on signal 15.
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
facts = {"service": name, "pid": os.getpid(), "instance_id": uuid.uuid4().hex, "grpc": address, "metrics": address}
with open(ready + ".tmp", "w") as file:
    json.dump(facts, file)
note("ready")
os.replace(ready + ".tmp", ready)
while True:
    signal.pause()
"""
FAILS = "import sys; print('first line'); print('store says no: wrong password'); sys.exit(int(sys.argv[1]))"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
ENDS = "print('prepared: all of it')"


class World:
    """A stack folder, its programs and their supervisor."""

    def __init__(self, root: Path) -> None:
        self.folder = StackFolder(root / "stack")
        self.folder.make()
        self.trace = root / "trace.jsonl"
        self.supervisor: subprocess.Popen[bytes] | None = None

    def service(self, name: str, *after: str, grace_s: float = 5.0) -> Program:
        """Return a well-behaved program with a ready file."""
        ready = self.folder.ready / f"{name}.json"
        return self.script(
            name, WELL_BEHAVED, name, str(ready), str(self.trace), after=after, ready=Ready("file", str(ready), 20),
            grace_s=grace_s,
        )  # fmt: skip

    def script(
        self, name: str, text: str, *arguments: str, ready: Ready, after: tuple[str, ...] = (), grace_s: float = 5.0
    ) -> Program:
        """Return a program that runs the given text."""
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
        """Run the programs under a supervisor for as long as the context lasts."""
        write_plan(self.folder.plan, Plan(programs, throw_away=not keep, scrape_dir=str(self.folder.ready)))
        extra = [] if lifeline is None else ["--lifeline", str(lifeline)]
        command = [sys.executable, "-m", "lab.targets.processes.supervision.supervisor", str(self.folder.root), *extra]
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
        """The state that the supervisor wrote last."""
        state = read_state(self.folder.state)
        assert state is not None, self.folder.log_of("supervisor").read_text()
        return state

    def until(self, phase: str) -> StackState:
        """Wait until the stack is in a phase; return its state."""
        eventually(lambda: self.folder.state.exists() and self.state.phase == phase, what=lambda: f"{phase}")
        return self.state

    def pid(self, name: str) -> int:
        """Return the process ID of a program."""
        program = self.state.program(name)
        assert program is not None
        return program.pid

    def events(self) -> list[str]:
        """Return the events that programs wrote, `name event`, oldest first."""
        events = [json.loads(line) for line in self.trace.read_text().splitlines()] if self.trace.exists() else []
        return [f"{event['program']} {event['event']}" for event in sorted(events, key=lambda event: int(event["at"]))]


def eventually(condition: Callable[[], bool], *, seconds: float = 20.0, what: Callable[[], str] = lambda: "") -> None:
    """Wait until a condition holds, or fail."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what()}"
        pause.wait(0.02)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
