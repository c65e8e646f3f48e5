"""A place where services run, in memory."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final

from lab.errors import Exists, Unavailable, UsageFault
from lab.faults.kinds import FAULTS
from lab.model import Death, Endpoints, Fault, NodeClock, ProcessIdentity, ServiceStatus, StoreFacts
from lab.model.factors import Level
from lab.systems.services import SERVICES
from lab.targets.port import Declaration, Hindrance, Report, StackRequest

ENDPOINTS: Final = Endpoints(
    ingest="127.0.0.1:1",
    worker="127.0.0.1:2",
    query="127.0.0.1:3",
    simulator="127.0.0.1:4",
    redis_url="redis://127.0.0.1:5/0",
    prometheus_url="http://127.0.0.1:6",
)
PROGRAMS: Final = ("redis", "prometheus", *SERVICES)
LOGS: Final = {name: Path(f"{name}.log") for name in SERVICES}


class FakeDeployment:
    """A stack of names; satisfies `KeptStack`. What is done to it stands in `done`, oldest first.

    Args:
        programs: What it consists of.
        restarting: So many kills find that the process is just being started again.
        deaths: What had died before; a kill adds to it.
    """

    def __init__(
        self, *, programs: Sequence[str] = PROGRAMS, restarting: int = 0, deaths: Sequence[Death] = ()
    ) -> None:
        self._programs, self._restarting = programs, restarting
        self._deaths = list(deaths)
        self._paused: set[str] = set()
        self.has_ended = False
        """Whether its target has taken it down."""
        self.done: list[str] = []
        self.fails: BaseException | None = None
        """Why it never gets ready."""
        self.processes: Sequence[ProcessIdentity] = ()

    def bring_up(self) -> None:
        """See `Deployment.bring_up`."""
        if self.fails is not None:
            raise self.fails

    def identities(self) -> Sequence[ProcessIdentity]:
        """See `Deployment.identities`."""
        return self.processes

    @property
    def metrics_hint(self) -> str:
        """See `Deployment.metrics_hint`."""
        return ""

    @property
    def servers(self) -> Endpoints:
        """See `Deployment.servers`."""
        return ENDPOINTS

    @property
    def folder(self) -> Path:
        """See `Deployment.folder`."""
        return Path("stack")

    @property
    def endpoints(self) -> Endpoints:
        """See `Deployment.endpoints`."""
        self._require_alive()
        return ENDPOINTS

    @property
    def within_reach(self) -> Endpoints:
        """See `KeptStack.within_reach`."""
        return ENDPOINTS

    @property
    def metrics_command(self) -> str:
        """See `KeptStack.metrics_command`."""
        return ""

    @property
    def store(self) -> StoreFacts:
        """See `Deployment.store`."""
        return StoreFacts("valkey", "9.1.2", "durable")

    def statuses(self) -> Sequence[ServiceStatus]:
        """See `Deployment.statuses`."""
        self._require_alive()
        addresses = (ENDPOINTS.ingest, ENDPOINTS.worker, ENDPOINTS.query, ENDPOINTS.simulator)
        return [
            ServiceStatus(name, address, healthy=name not in self._paused)
            for name, address in zip(SERVICES, addresses, strict=True)
        ]

    def everybody(self) -> Sequence[ServiceStatus]:
        """See `KeptStack.everybody`."""
        return self.statuses()

    def programs(self) -> Sequence[str]:
        """See `KeptStack.programs`."""
        return SERVICES

    def last_lines(self, name: str, lines: int) -> Sequence[str]:
        """See `KeptStack.last_lines`."""
        return [f"a line of {name}"][:lines]

    def deaths(self) -> Sequence[Death]:
        """See `Deployment.deaths`."""
        return tuple(self._deaths)

    def clocks(self) -> Sequence[NodeClock]:
        """See `Deployment.clocks`."""
        return ()

    def kill(self, service: str) -> int:
        """See `Deployment.kill`."""
        self._require(service)
        if self._restarting:
            self._restarting -= 1
            raise Unavailable(f"{service} is not running now")
        at_ns = time.time_ns()
        self._deaths.append(Death(service, f"{service}-1", at_ns, 9, 0))
        self.done.append(f"kill {service}")
        return at_ns

    @contextmanager
    def paused(self, service: str) -> Iterator[None]:
        """See `Deployment.paused`."""
        self._require(service)
        self.done.append(f"pause {service}")
        self._paused.add(service)
        try:
            yield
        finally:
            self._paused.remove(service)
            self.done.append(f"resume {service}")

    def facts(self) -> Mapping[str, object]:
        """See `lab.targets.port.Deployment`."""
        return {}

    def follow(self, names: Sequence[str], lines: int) -> Iterator[str]:
        """See `Deployment.follow`."""
        return iter([f"a line of {name}" for name in names][:lines])

    def span_files(self) -> Sequence[Path]:
        """See `Deployment.span_files`."""
        return [Path("simulator.jsonl")]

    def _require_alive(self) -> None:
        if self.has_ended:
            raise Unavailable("the stack has ended")

    def _require(self, service: str) -> None:
        self._require_alive()
        if service not in self._programs:
            raise UsageFault(f'no program "{service}" in this stack')


class FakeTarget:
    """Brings up the one deployment it was given, as often as it is asked, and may keep it; satisfies `Target`.

    Args:
        deployment: The stack.
        fails: Why it cannot be brought up.
        note: Is told when it goes up and down.
    """

    declaration: ClassVar[Declaration] = Declaration("fake", "memory", "it cannot run here")

    def __init__(
        self,
        deployment: FakeDeployment,
        *,
        fails: BaseException | None = None,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._deployment, self._fails, self._note = deployment, fails, note
        self.requests: list[StackRequest] = []
        self._kept: StackRequest | None = None

    @property
    def options(self) -> str:
        """See `Target.options`."""
        return ""

    def hindrance(self, fault: Fault) -> Hindrance | None:
        """See `Target.hindrance`; what is no fault and what lasts too long are impossible."""
        if fault.kind not in FAULTS:
            return Hindrance("there is no such fault", "choose another")
        return Hindrance("it lasts too long", "shorten it") if fault.seconds > 3_600 else None

    def levels(self, _factor: str) -> Sequence[Level]:
        """See `Target.levels`."""
        return ()

    @contextmanager
    def deployed(self, request: StackRequest, report: Report) -> Iterator[FakeDeployment]:
        """See `Target.deployed`."""
        self.requests.append(request)
        try:
            if self._kept is None:
                yield from self._new_stack(request, report)
            elif self._kept.settings == request.settings:
                report("stack", "using the stack that is up", 0.0)
                yield self._deployment
            else:
                raise Exists("a stack with other settings is up")
        finally:
            request.keep_logs(LOGS)

    def _new_stack(self, request: StackRequest, report: Report) -> Iterator[FakeDeployment]:
        """Yield the stack, and take it down unless it is to be kept and nothing went wrong."""
        self._deployment.has_ended = False
        try:
            if self._fails is not None:
                raise self._fails
            self._note("up")
            report("store", "valkey 9.1.2", 0.0)
            yield self._deployment
            self._kept = request if request.keep else None
        finally:
            if self._kept is None:
                self._end()

    def _end(self) -> None:
        self._kept, self._deployment.has_ended = None, True
        self._note("down")

    def current(self) -> FakeDeployment | None:
        """See `Target.current`."""
        return self._deployment if self._kept else None

    def down(self, _report: Report, /) -> bool:
        """See `Target.down`."""
        if self._kept is None:
            return False
        self._end()
        return True
