"""Keeps the programs of a stack running: `python -m lab.targets.processes.supervision.supervisor FOLDER`.

A `Child` stands for each program with its process; the supervisor decides when a child starts and stops. The supervisor
has one thread. It imports only the standard library and a few modules of the lab. A child's process gets a parent-death
signal: it ends when the supervisor ends, however that happens.
"""

import argparse
import fcntl
import math
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.targets.processes.folder import StackFolder
from lab.targets.processes.metrics import scraping
from lab.targets.processes.plan import Plan, Program, read_plan
from lab.targets.processes.state import Failure, Phase, StackState, write_state
from lab.targets.processes.supervision import pauses
from lab.targets.processes.supervision.child import Child

if TYPE_CHECKING:
    from lab.model import Death

MOST_EARLY_EXITS: Final = 3
"""Exits of a program before it was ever ready; with the last of them the start of the stack fails."""
CHANGING_POLL_S: Final = 0.02
"""Between two looks at the programs while some start or stop: short beside the second that a start takes."""
UP_POLL_S: Final = 0.25
"""Between two looks at the programs while all are up; the exit of a program is a signal, which is seen at once."""
ABANDONED_GRACE_S: Final = 1.5
"""Between signals 15 and 9 once the process that started the stack is gone: nobody waits for the results."""
EARLIER_DEATHS: Final = 1_000
"""Deaths that are kept beside the newest; the state is written anew with every death."""
ROOM_BYTES: Final = 65_536
"""Set aside for the state of a stack that fills the disk; random, since a file system may compress any others."""
SIGNALS_BYTES: Final = 512
"""Most signals that one look takes note of, a byte each."""


class Supervisor:
    """Starts programs in order, restarts those that died, stops them in reverse."""

    def __init__(self, folder: StackFolder, plan: Plan, lifeline: int | None) -> None:
        self._folder, self._plan, self._lifeline = folder, plan, lifeline
        self._children = {program.name: Child(program, folder.root) for program in plan.programs}
        self._deaths: list[Death] = []
        self._failure: Failure | None = None
        self._phase: Phase = "starting"
        self._started_ns = time.time_ns()
        self._stop_signals = 0
        self._abandoned = False
        self._published: StackState | None = None
        self._wake = _wake_on_signals(self._on_stop)
        self._folder.room.write_bytes(os.urandom(ROOM_BYTES))

    def run(self) -> int:
        """Run until a signal, the end of the lifeline or a failed start. Return 0, or 1 after a failed start."""
        while not self._must_stop():
            self._step()
            self._publish()
            self._wait(UP_POLL_S if self._is_up() else CHANGING_POLL_S)
        self._phase = "stopping"
        self._publish()
        self._stop_all()
        self._phase = "failed" if self._failure else "stopped"
        self._publish()
        if self._plan.throw_away and self._abandoned:
            # The process that would read the logs and remove the folder is gone.
            shutil.rmtree(self._folder.root, ignore_errors=True)
        return 1 if self._failure else 0

    def _on_stop(self) -> None:
        self._stop_signals += 1

    def _must_stop(self) -> bool:
        return bool(self._stop_signals or self._abandoned or self._failure)

    def _step(self) -> None:
        for child in self._children.values():
            self._note_exit(child)
            if child.become_ready():
                scraping.write_targets(self._plan.scrape_dir, child.state)
            if child.is_late:
                self._give_up_on(child)
            if child.may_start and all(self._children[name].is_up for name in child.program.after):
                child.start()
        if self._phase == "starting" and self._is_up():
            self._phase = "ready"
        pauses.end_orphaned(self._folder.pauses)

    def _note_exit(self, child: Child) -> None:
        """Record an exit as a death. An exit before the program was ever ready may fail the start of the stack."""
        death = child.collect_exit()
        if death is None:
            return
        if child.was_ready:
            self._deaths = [*self._deaths[-EARLIER_DEATHS:], death]
            return
        if fails_start(child.program, exit_code=death.exit_code, early_exits=child.early_exits):
            reason = f"was ended by signal {death.signal}" if death.signal else f"exited with {death.exit_code}"
            self._failure = Failure(child.program.name, reason, death.exit_code, child.log_tail())

    def _give_up_on(self, child: Child) -> None:
        """Kill a program that is not ready in time. On the program's first start, the start of the stack fails."""
        if not child.was_ready:
            reason = f"was not ready within {child.program.ready.deadline_s:g} s"
            self._failure = Failure(child.program.name, reason, 0, child.log_tail())
        child.kill()

    def _is_up(self) -> bool:
        return all(child.is_up for child in self._children.values())

    def _wait(self, seconds: float) -> None:
        """Wait for a signal or the end of the lifeline, for at most *seconds*."""
        sources = [self._wake] if self._lifeline is None or self._abandoned else [self._wake, self._lifeline]
        readable, _, _ = select.select(sources, [], [], seconds)
        if self._wake in readable:
            os.read(self._wake, SIGNALS_BYTES)
        if self._lifeline is not None and self._lifeline in readable and not os.read(self._lifeline, 1):
            self._abandoned = True

    def _stop_all(self) -> None:
        """Stop the programs that no other program needs, then the programs that those needed, and so on."""
        depths = {name: self._plan.depth(name) for name in self._children}
        for depth in sorted(set(depths.values()), reverse=True):
            self._stop([self._children[name] for name in depths if depths[name] == depth])

    def _stop(self, children: list[Child]) -> None:
        started = time.monotonic()
        for child in children:
            child.ask_to_stop()
        while any(child.is_running for child in children):
            for child in children:
                if time.monotonic() > started + min(child.program.grace_s, self._longest_grace_s):
                    child.kill()
                child.collect_exit()
            self._wait(CHANGING_POLL_S)
        for child in children:
            child.mark_stopped()
        self._publish()

    @property
    def _longest_grace_s(self) -> float:
        """The limit on every program's grace: short after the end of the lifeline, 0 after a second signal."""
        if self._stop_signals > 1:
            return 0.0
        return ABANDONED_GRACE_S if self._abandoned else math.inf

    def _publish(self) -> None:
        programs = tuple(child.state for child in self._children.values())
        state = StackState(
            self._phase, os.getpid(), self._started_ns, programs, deaths=tuple(self._deaths), failure=self._failure
        )
        if state != self._published and self._folder.root.is_dir() and self._try_to_write(state):
            self._published = state

    def _try_to_write(self, state: StackState) -> bool:
        """Write a state, on a full disk in the room that was set aside; return False where it must be tried again."""
        try:
            write_state(self._folder.state, state)
        except OSError:
            # A full disk stops the store first. Whoever reads the state must learn that.
            self._folder.room.unlink(missing_ok=True)
            return False
        return True


def fails_start(program: Program, *, exit_code: int, early_exits: int) -> bool:
    """Return whether the start of a stack fails with an exit of a program that was never ready.

    Args:
        program: The program.
        exit_code: Its exit code; 0 after a signal.
        early_exits: How often it has ended before it was ready, this exit included.
    """
    return program.ready.kind == "once" or exit_code == os.EX_CONFIG or early_exits >= MOST_EARLY_EXITS


def _wake_on_signals(on_stop: Callable[[], None]) -> int:
    """Return a descriptor that becomes readable at every signal; SIGTERM, SIGINT and SIGHUP also call *on_stop*."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: on_stop())
    return reader


def main(arguments: list[str]) -> int:
    """Supervise the plan in a folder."""
    parser = argparse.ArgumentParser(prog="python -m lab.targets.processes.supervision.supervisor")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lifeline", type=int, default=None, help="descriptor that is closed when the lab ends")
    parser.add_argument("--lock", type=int, default=None, help="descriptor of the stack's lock, held until the end")
    options = parser.parse_args(arguments)
    for inherited in (options.lifeline, options.lock):
        if inherited is not None:
            fcntl.fcntl(inherited, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    folder = StackFolder(options.folder.resolve())
    return Supervisor(folder, read_plan(folder.plan), options.lifeline).run()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
