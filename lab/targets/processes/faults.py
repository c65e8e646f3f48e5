"""Injects faults into the processes of a stack."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.errors import Unavailable
from lab.targets.processes.plan import no_such_program
from lab.targets.processes.state import StackState
from lab.targets.processes.supervision import pauses


@dataclass(frozen=True, slots=True)
class ProcessFaults:
    """Signals the processes of one stack, and touches nothing else.

    Attributes:
        state: Returns the state that the supervisor publishes now.
        pauses: Folder of the pauses, which the supervisor ends when this process dies.
    """

    state: Callable[[], StackState]
    pauses: Path

    def kill(self, service: str) -> int:
        """End a process with signal 9; return nanoseconds since the epoch. The supervisor restarts the process.

        Raises:
            UsageFault: The stack has no such program.
            Unavailable: The program has no process at the moment, or the stack has ended.
        """
        with _still_running(service):
            process = os.pidfd_open(self._pid(service))
            try:
                # The id may belong to another process since the state was read.
                self._pid(service)
                at_ns = time.time_ns()
                signal.pidfd_send_signal(process, signal.SIGKILL)
            finally:
                os.close(process)
            return at_ns

    @contextmanager
    def paused(self, service: str) -> Iterator[None]:
        """Stop a process for as long as the context lasts, or until this process dies; raises as `kill`."""
        with ExitStack() as stopped:
            with _still_running(service):
                stopped.enter_context(pauses.pause(self.pauses, self._pid(service)))
            yield

    def _pid(self, service: str) -> int:
        state = self.state()
        program = state.program(service)
        if program is None:
            raise no_such_program(service, (program.name for program in state.programs))
        if not program.pid:
            raise _not_running(service)
        return program.pid


@contextmanager
def _still_running(service: str) -> Iterator[None]:
    """Raise Unavailable where a process has ended and the supervisor has not written so yet."""
    try:
        yield
    except ProcessLookupError as error:
        raise _not_running(service) from error


def _not_running(service: str) -> Unavailable:
    return Unavailable(
        f"{service} is not running now",
        found="the supervisor is starting it again",
        next_step="lab status      (shows when it is ready)",
    )
