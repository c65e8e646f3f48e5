"""Keeps the programs of a stack running: `python -m lab.targets.processes.supervisor FOLDER`.

The supervisor has one thread and imports the standard library only. It starts every program with a parent-death signal,
so that the programs end when the supervisor ends, however that happens.
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
from typing import TYPE_CHECKING

from lab.targets.processes import pauses, scraping
from lab.targets.processes.child import Child
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.plan import Plan, read_plan
from lab.targets.processes.state import Failure, Phase, StackState, write_state

if TYPE_CHECKING:
    from lab.model import Death

EX_CONFIG = 78
EARLY_EXITS = 3
PAUSE_S = 0.02
UP_PAUSE_S = 0.25
ABANDONED_GRACE_S = 1.5
KEPT_DEATHS = 1_000


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

    def run(self) -> int:
        """Run until a signal, the end of the lifeline or a failed start. Return 0, or 1 after a failed start."""
        while not self._must_stop():
            self._step()
            self._publish()
            self._wait(UP_PAUSE_S if self._is_up() else PAUSE_S)
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
        if self._phase == "starting" and all(child.is_up for child in self._children.values()):
            self._phase = "ready"
        pauses.end_orphaned(self._folder.pauses)

    def _note_exit(self, child: Child) -> None:
        """Record an exit as a death. An exit before the program was ever ready may fail the start of the stack."""
        death = child.ended()
        if death is None:
            return
        if child.was_ready:
            self._deaths = [*self._deaths[-KEPT_DEATHS:], death]
            return
        once = child.program.ready.kind == "once"
        if once or death.exit_code == EX_CONFIG or child.early_exits >= EARLY_EXITS:
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
            os.read(self._wake, 512)
        if self._lifeline is not None and self._lifeline in readable and not os.read(self._lifeline, 512):
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
                child.ended()
            self._wait(PAUSE_S)
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
        if state != self._published and self._folder.root.is_dir():
            write_state(self._folder.state, state)
            self._published = state


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
    parser = argparse.ArgumentParser(prog="python -m lab.targets.processes.supervisor")
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
