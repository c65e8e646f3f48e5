"""Reports in order which parts of a starting stack are up."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from lab.errors import LabError
from lab.model import NANOS
from lab.systems.services import SERVICES
from lab.targets.port import Report
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.metrics.metrics_server import check_version
from lab.targets.processes.plan import BOOTSTRAP, METRICS, STORE, read_plan
from lab.targets.processes.state import ProgramState, StackState

if TYPE_CHECKING:
    from collections.abc import Callable

DURABILITY: Final[Mapping[str, str]] = {
    "durable": "durable (fsync always)",
    "window": "NOT durable: the last writes can be lost",
    "volatile": "NOT durable: everything can be lost",
}
"""Durability class of a store → the words for it."""

Line = tuple[str, float]
"""What a stage reports: its message and its seconds."""


class Stages:
    """Reports every stage once, with its seconds: the store first, even when another part was ready earlier."""

    def __init__(self, folder: StackFolder, report: Report) -> None:
        self._folder, self._report = folder, report
        self._plan = read_plan(folder.plan)
        self._open: list[tuple[str, Callable[[StackState], Line | None]]] = [
            ("store", self._store),
            ("metrics", self._metrics),
            ("services", self._services),
        ]

    def tell(self, state: StackState) -> None:
        """Report the stages that have become complete."""
        while self._open:
            stage, describe = self._open[0]
            line = describe(state)
            if line is None:
                return
            self._open.pop(0)
            self._report(stage, *line)

    def _store(self, state: StackState) -> Line | None:
        bootstrap = state.program(BOOTSTRAP)
        if bootstrap is None or bootstrap.phase != "done":
            return None
        facts = state.store
        where = self._plan.redis_url.partition("://")[2].partition("/")[0]
        words = DURABILITY.get(facts.durability, f"durability {facts.durability}")
        kind = f"{facts.kind} {facts.version}".rstrip()
        return f"{kind} on {where}, {words}", _seconds(state.program(STORE) or bootstrap, bootstrap)

    def _metrics(self, state: StackState) -> Line | None:
        program = state.program(METRICS)
        if program is None:
            targets = self._plan.scrape_dir
            return f"prometheus at {self._plan.prometheus_url}; let it scrape (file_sd) {targets}/*.json", 0.0
        if program.phase != "ready":
            return None
        where = self._plan.prometheus_url.partition("://")[2]
        kind = f"prometheus {self._version()}".rstrip()
        return f"{kind} on {where}", _seconds(program, program)

    def _version(self) -> str:
        command = next(program.command for program in self._plan.programs if program.name == METRICS)
        try:
            return check_version(command[0])
        except LabError:
            return ""

    def _services(self, state: StackState) -> Line | None:
        programs = [program for name in SERVICES if (program := state.program(name))]
        if any(program.phase != "ready" for program in programs) or not programs:
            return None
        first = min(programs, key=lambda program: program.started_ns)
        last = max(programs, key=lambda program: program.ready_ns)
        return "  ".join(f"{program.name} ✓" for program in programs), _seconds(first, last)


def _seconds(first: ProgramState, last: ProgramState) -> float:
    return (last.ready_ns - first.started_ns) / NANOS
