"""A stack of local processes, by the state that its supervisor publishes."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from lab.errors import Unavailable, UsageFault
from lab.model import Death, Endpoints, NodeClock, ProcessIdentity, ServiceStatus, StoreFacts
from lab.rpc import service_status
from lab.systems.services import SERVICES
from lab.targets.follow import followed_files
from lab.targets.processes import pauses
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.locks import Lock, Taken
from lab.targets.processes.plan import read_plan
from lab.targets.processes.state import ProgramState, StackState, read_state


class ProcessDeployment:
    """Satisfies `lab.targets.port.KeptStack` with the state that the supervisor publishes.

    Args:
        folder: Folder of the stack.
        await_ready: Waits until a stack that was just begun is ready; a stack that is up needs no wait.
    """

    def __init__(self, folder: StackFolder, await_ready: Callable[[], None] = lambda: None) -> None:
        self.stack_folder = folder
        self._await_ready = await_ready
        self._plan = read_plan(folder.plan)

    def bring_up(self) -> None:
        """See `Deployment.bring_up`; the supervisor starts the programs, so that only waiting is left."""
        self._await_ready()

    def identities(self) -> Sequence[ProcessIdentity]:
        """Return nothing: every process runs from this installation, on this machine."""
        return ()

    @property
    def metrics_hint(self) -> str:
        """Nothing."""
        return ""

    @property
    def folder(self) -> Path:
        """Where the stack keeps plan, state, logs and data."""
        return self.stack_folder.root

    @property
    def servers(self) -> Endpoints:
        """Same as `endpoints`: reading an address here opens no connection."""
        return self.endpoints

    @property
    def config_hash(self) -> str:
        """Hash of the configuration; requests for the same configuration have the same hash."""
        return self._plan.config_hash

    @property
    def state(self) -> StackState:
        """The state that the supervisor publishes now.

        Raises:
            Unavailable: The stack has ended.
        """
        state = read_state(self.stack_folder.state) if self.stack_folder.is_alive else None
        if state is None or state.phase not in {"starting", "ready"}:
            raise Unavailable(
                "the stack has ended",
                found=f"nothing supervises {self.folder} any more",
                next_step="lab up",
            )
        return state

    @property
    def endpoints(self) -> Endpoints:
        """Addresses of everything, host:port or URL; empty for a service that has not been ready yet.

        Raises:
            Unavailable: The stack has ended.
        """
        state = self.state
        ingest, worker, query, simulator = (_address(state, name) for name in SERVICES)
        return Endpoints(
            ingest=ingest,
            worker=worker,
            query=query,
            simulator=simulator,
            redis_url=self._plan.redis_url,
            prometheus_url=self._plan.prometheus_url,
        )

    @property
    def within_reach(self) -> Endpoints:
        """Same as `endpoints`: the address of a program that does not run is empty."""
        return self.endpoints

    @property
    def metrics_command(self) -> str:
        """Nothing: the metrics server is reachable at its own URL."""
        return ""

    @property
    def store(self) -> StoreFacts:
        """The store behind the stack, as bootstrap printed it."""
        return self.state.store

    def statuses(self) -> Sequence[ServiceStatus]:
        """Return the status that every service reports now."""
        state = self.state
        programs = [program for name in SERVICES if (program := state.program(name))]
        reported = service_status.statuses_of({program.name: _grpc(program) for program in programs})
        by_name = {program.name: program for program in programs}
        return [
            status
            if status.healthy or by_name[status.name].phase == "ready"
            else _with_phase(status, by_name[status.name])
            for status in reported
        ]

    def everybody(self) -> Sequence[ServiceStatus]:
        """Return `statuses`, which includes services that do not run."""
        return self.statuses()

    def deaths(self) -> Sequence[Death]:
        """Return the processes that ended unexpectedly since the stack came up."""
        return self.state.deaths

    def clocks(self) -> Sequence[NodeClock]:
        """Return nothing: this machine has one clock."""
        return ()

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
                stopped.enter_context(pauses.pause(self.stack_folder.pauses, self._pid(service)))
            yield

    @contextmanager
    def measured_by(self, run: str) -> Iterator[None]:
        """Keep other measured runs away from this stack for as long as the context lasts.

        Raises:
            Unavailable: Another run measures the stack; the message names that run.
        """
        holder = f"{run or 'a run'} (process {os.getpid()})"
        try:
            lock = Lock(self.stack_folder.measuring, holder)
        except Taken as taken:
            raise Unavailable(
                "cannot measure on the stack that is up",
                found=f"{taken.holder} is measuring on it",
                next_step="wait for it to end; two loads on one stack would measure each other",
                code="STACK_BUSY",
            ) from taken
        try:
            yield
        finally:
            lock.release()

    def facts(self) -> Mapping[str, object]:
        """Return nothing: there are no images, and this machine is described elsewhere."""
        return {}

    def log_files(self) -> Mapping[str, Path]:
        """Return program → its log, also of programs that have ended."""
        return {program.name: Path(program.log) for program in self._plan.programs}

    def programs(self) -> Sequence[str]:
        """Return the names of all programs, also of those that have ended."""
        return list(self.log_files())

    def last_lines(self, name: str, lines: int) -> Sequence[str]:
        """Return the last lines of a program's log."""
        return self.log_files()[name].read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]

    def follow(self, names: Sequence[str], lines: int) -> Iterator[str]:
        """Yield the last lines of some logs, then every new line, without end."""
        files = self.log_files()
        return followed_files([files[name] for name in names], lines)

    def span_files(self) -> Sequence[Path]:
        """Return files of spans, OTLP JSON lines; they are removed with a throw-away stack."""
        return sorted(self.stack_folder.spans.glob("*.jsonl"))

    def _pid(self, service: str) -> int:
        program = self.state.program(service)
        if program is None:
            known = ", ".join(program.name for program in self.state.programs)
            raise UsageFault(
                f'no program "{service}" in this stack', found=f"it has: {known}", next_step="name one of these"
            )
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


def _grpc(program: ProgramState) -> str:
    return program.addresses.get("grpc", "")


def _address(state: StackState, name: str) -> str:
    program = state.program(name)
    return _grpc(program) if program else ""


def _with_phase(status: ServiceStatus, program: ProgramState) -> ServiceStatus:
    """Add the phase that the supervisor knows and the service cannot report."""
    return replace(status, detail=f"{program.phase}; {status.detail}".rstrip("; "))
