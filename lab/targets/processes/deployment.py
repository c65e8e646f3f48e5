"""A stack of local processes, by the state that its supervisor publishes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from lab.errors import Unavailable
from lab.model import Death, Endpoints, NodeClock, ProcessIdentity, ServiceStatus, StoreFacts
from lab.rpc import service_status
from lab.rpc.channels import connector
from lab.systems.services import SERVICES
from lab.targets.processes.faults import ProcessFaults
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.logs import ProgramLogs
from lab.targets.processes.measuring import measured_by
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
        self._logs = ProgramLogs(self._plan)
        self._faults = ProcessFaults(lambda: self.state, folder.pauses)

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
            access=self._plan.access,
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
        reported = service_status.statuses_of(
            {program.name: _grpc(program) for program in programs}, connector(self._plan.access)
        )
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
        """See `ProcessFaults.kill`."""
        return self._faults.kill(service)

    def paused(self, service: str) -> AbstractContextManager[None]:
        """See `ProcessFaults.paused`."""
        return self._faults.paused(service)

    def measured_by(self, run: str) -> AbstractContextManager[None]:
        """Keep other measured runs away from this stack; see `lab.targets.processes.measuring.measured_by`."""
        return measured_by(self.stack_folder.measuring, run)

    def facts(self) -> Mapping[str, object]:
        """Return nothing: there are no images, and this machine is described elsewhere."""
        return {}

    def log_files(self) -> Mapping[str, Path]:
        """Return program → its log, also of programs that have ended."""
        return self._logs.files()

    def programs(self) -> Sequence[str]:
        """Return the names of all programs, also of those that have ended."""
        return list(self._logs.files())

    def last_lines(self, name: str, lines: int) -> Sequence[str]:
        """See `ProgramLogs.last_lines`."""
        return self._logs.last_lines(name, lines)

    def follow(self, names: Sequence[str], lines: int) -> Iterator[str]:
        """See `ProgramLogs.follow`."""
        return self._logs.follow(names, lines)

    def span_files(self) -> Sequence[Path]:
        """Return files of spans, OTLP JSON lines; they are removed with a throw-away stack."""
        return sorted(self.stack_folder.spans.glob("*.jsonl"))


def _grpc(program: ProgramState) -> str:
    return program.addresses.get("grpc", "")


def _address(state: StackState, name: str) -> str:
    program = state.program(name)
    return _grpc(program) if program else ""


def _with_phase(status: ServiceStatus, program: ProgramState) -> ServiceStatus:
    """Add the phase that the supervisor knows and the service cannot report."""
    return replace(status, detail=f"{program.phase}; {status.detail}".rstrip("; "))
