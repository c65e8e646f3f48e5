"""A stack of local processes that is up: where it is, how it is, and how to break it for a while."""

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lab.errors import Unavailable, UsageFault
from lab.model import Death, Endpoints, NodeClock, ServiceStatus, StoreFacts
from lab.rpc import service_status
from lab.systems.services import SERVICES
from lab.targets.follow import followed_files
from lab.targets.processes import pauses
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.locks import Lock, Taken
from lab.targets.processes.plan import read_plan
from lab.targets.processes.recipe import BOOTSTRAP, store_facts
from lab.targets.processes.state import ProgramState, StackState, read_state


class ProcessDeployment:
    """What `lab.targets.port.Deployment` promises, read from the supervisor's own words."""

    def __init__(self, folder: StackFolder) -> None:
        self.folder = folder
        self._plan = read_plan(folder.plan)

    @property
    def config_hash(self) -> str:
        """Tells whether another request wants the same."""
        return self._plan.config_hash

    @property
    def state(self) -> StackState:
        """What the supervisor says now.

        Raises:
            Unavailable: The stack has ended.
        """
        state = read_state(self.folder.state) if self.folder.is_alive else None
        if state is None or state.phase not in {"starting", "ready"}:
            raise Unavailable(
                "the stack has ended",
                found=f"nothing supervises {self.folder.root} any more",
                next_step="lab up",
            )
        return state

    @property
    def endpoints(self) -> Endpoints:
        """Where everything is."""
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
        """As `endpoints`: an address of a program that is not running is empty."""
        return self.endpoints

    @property
    def metrics_command(self) -> str:
        """Nothing: the metrics server is where `endpoints` says."""
        return ""

    @property
    def store(self) -> StoreFacts:
        """The store behind it, as bootstrap found it: `bootstrap: valkey 9.1.2, durable`."""
        program = self.state.program(BOOTSTRAP)
        return store_facts(program.last_line if program else "")

    def statuses(self) -> Sequence[ServiceStatus]:
        """What every service says of itself now."""
        state = self.state
        programs = [program for name in SERVICES if (program := state.program(name))]
        said = service_status.statuses_of({program.name: _grpc(program) for program in programs})
        ages = {program.name: program for program in programs}
        return [
            status if status.healthy or ages[status.name].phase == "ready" else _with_phase(status, ages[status.name])
            for status in said
        ]

    def everybody(self) -> Sequence[ServiceStatus]:
        """As `statuses`, which tells of services that are not running as well."""
        return self.statuses()

    def deaths(self) -> Sequence[Death]:
        """Processes that ended without having been asked to, since the stack is up."""
        return self.state.deaths

    def clocks(self) -> Sequence[NodeClock]:
        """None: everything here is timed by one clock."""
        return ()

    def kill(self, service: str) -> int:
        """End a process with signal 9; nanoseconds since the epoch. The supervisor starts it again."""
        process = os.pidfd_open(self._pid(service))
        try:
            # Between the state's being read and the descriptor's being opened the number could have changed hands.
            self._pid(service)
            at_ns = time.time_ns()
            signal.pidfd_send_signal(process, signal.SIGKILL)
        finally:
            os.close(process)
        return at_ns

    @contextmanager
    def paused(self, service: str) -> Iterator[None]:
        """Stop a process for as long as the context lasts, or until this process dies."""
        with pauses.pause(self.folder.pauses, self._pid(service)):
            yield

    @contextmanager
    def measured_by(self, run: str) -> Iterator[None]:
        """Keep other measured runs away from this stack for as long as the context lasts.

        Raises:
            Unavailable: Another run measures it; the message names that run.
        """
        holder = f"{run or 'a run'} (process {os.getpid()})"
        try:
            lock = Lock(self.folder.measuring, holder)
        except Taken as taken:
            raise Unavailable(
                f"cannot measure on the stack that is up: {taken.holder} is measuring on it",
                next_step="wait for it to end; two loads on one stack would measure each other",
                code="STACK_BUSY",
            ) from taken
        try:
            yield
        finally:
            lock.release()

    def facts(self) -> Mapping[str, object]:
        """Nothing: it has no images, and this machine is described elsewhere."""
        return {}

    def log_files(self) -> Mapping[str, Path]:
        """Program → its log, also of what has ended by now."""
        return {program.name: Path(program.log) for program in self._plan.programs}

    def programs(self) -> Sequence[str]:
        """What it consists of, also what has ended by now."""
        return list(self.log_files())

    def last_lines(self, name: str, lines: int) -> Sequence[str]:
        """The last lines of a program's log."""
        return self.log_files()[name].read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]

    def follow(self, names: Sequence[str], lines: int) -> Iterator[str]:
        """The last lines of each of these logs, then what is written to them."""
        files = self.log_files()
        return followed_files([files[name] for name in names], lines)

    def span_files(self) -> Sequence[Path]:
        """Files of spans, OTLP JSON lines; gone with a throw-away stack."""
        return sorted(self.folder.spans.glob("*.jsonl"))

    def _pid(self, service: str) -> int:
        program = self.state.program(service)
        if program is None:
            known = ", ".join(program.name for program in self.state.programs)
            raise UsageFault(f'no program "{service}" in this stack', found=f"it has: {known}")
        if not program.pid:
            raise Unavailable(f"{service} is not running now", found="the supervisor is starting it again")
        return program.pid


def _grpc(program: ProgramState) -> str:
    return program.addresses.get("grpc", "")


def _address(state: StackState, name: str) -> str:
    program = state.program(name)
    return _grpc(program) if program else ""


def _with_phase(status: ServiceStatus, program: ProgramState) -> ServiceStatus:
    """What the supervisor knows and the service cannot say."""
    return replace(status, detail=f"{program.phase}; {status.detail}".rstrip("; "))
