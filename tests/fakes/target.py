"""A place where services run, in memory."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

from lab.errors import Unavailable, UsageFault
from lab.model import Death, Endpoints, Fault, NodeClock, ProcessIdentity, ServiceStatus, StoreFacts
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
        return [ServiceStatus(name, "127.0.0.1:1", healthy=True) for name in SERVICES]

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
        try:
            yield
        finally:
            self.done.append(f"resume {service}")

    def facts(self) -> Mapping[str, object]:
        """See `lab.targets.port.Deployment`."""
        return {}

    def log_files(self) -> Mapping[str, Path]:
        """See `Deployment.log_files`."""
        return {name: Path(f"{name}.log") for name in SERVICES}

    def follow(self, names: Sequence[str], lines: int) -> Iterator[str]:
        """See `Deployment.follow`."""
        return iter([f"a line of {name}" for name in names][:lines])

    def span_files(self) -> Sequence[Path]:
        """See `Deployment.span_files`."""
        return [Path("simulator.jsonl")]

    def _require(self, service: str) -> None:
        if service not in self._programs:
            raise UsageFault(f'no program "{service}" in this stack')


class FakeTarget:
    """Brings up the one deployment it was given, as often as it is asked; satisfies `Target`.

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

    @property
    def options(self) -> str:
        """See `Target.options`."""
        return ""

    def hindrance(self, fault: Fault) -> Hindrance | None:
        """See `Target.hindrance`; only what lasts too long is impossible."""
        return Hindrance("it lasts too long", "shorten it") if fault.seconds > 3_600 else None

    def levels(self, _factor: str) -> Sequence[Any]:
        """See `Target.levels`."""
        return ()

    @contextmanager
    def deployed(self, request: StackRequest, report: Report) -> Iterator[FakeDeployment]:
        """See `Target.deployed`."""
        self.requests.append(request)
        try:
            if self._fails is not None:
                raise self._fails
            self._note("up")
            report("store", "valkey 9.1.2", 0.0)
            yield self._deployment
        finally:
            self._note("down")
            request.keep_logs(self._deployment.log_files())

    def current(self) -> FakeDeployment | None:
        """See `Target.current`."""
        return None

    def down(self, _report: Report, /) -> bool:
        """See `Target.down`."""
        return False
