"""Asks which servers a local stack would start: program, version, how to install it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from lab.errors import LabError
from lab.probes.error_text import text_of_error
from lab.settings import LabSettings, find_program
from lab.snapshots.programs import ProgramProbe
from lab.targets.processes import store_server
from lab.targets.processes.metrics import debian_packages, metrics_server
from lab.targets.processes.plan import METRICS, STORE


def startable_programs(settings: LabSettings) -> tuple[ProgramProbe, ...]:
    """Return the servers that a stack would start: none for a server that the settings name by its URL."""
    programs = []
    if not settings.redis_url:
        install = "" if settings.redis_server == "path" else store_server.INSTALL
        programs.append(_startable(STORE, partial(store_server.find_store, settings), _store_version, install))
    if not settings.prometheus_url:
        find, install = partial(metrics_server.find_prometheus, settings), metrics_server.install_command()
        programs.append(_startable(METRICS, find, metrics_server.check_version, install))
    return tuple(programs)


def can_fetch() -> bool:
    """Return whether this machine has what fetching a missing Prometheus needs."""
    return all(find_program(tool) for tool in debian_packages.TOOLS)


def install_command(name: str) -> str:
    """Return the command that installs a server on this machine; empty where none is known."""
    return {STORE: store_server.INSTALL, METRICS: metrics_server.install_command()}.get(name, "")


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
        why = text_of_error(error)
        return ProgramProbe(name, program=str(path or ""), is_there=False, error=why, install=install)


def _store_version(program: Path) -> str:
    server = store_server.version_of(program)
    return f"{server.kind} {server.version}"
