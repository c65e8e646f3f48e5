"""Takes a snapshot of this machine: its resources, its stack, servers around it."""

import time
from contextlib import closing
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name
from typing import Final

from lab.errors import LabError
from lab.model import Endpoints
from lab.probes.dependencies import ConfiguredDependencies
from lab.probes.error_text import cause_of_error
from lab.probes.inquiry import Inquiry
from lab.probes.local_stack import LocalStack, ports_of, probe_stack
from lab.probes.machine import probe_machine
from lab.probes.ports import Dependencies
from lab.probes.startable_programs import can_fetch, startable_programs
from lab.probes.telemetry import last_samples, watch_ledger
from lab.settings import LabSettings, inherited_environment, service_settings
from lab.snapshots.before import SettingsProbe
from lab.snapshots.probes import LedgerProbe, Probes, PrometheusProbe, StoreProbe
from lab.snapshots.snapshot import Moment, Snapshot
from lab.snapshots.telemetry_variables import LEADING
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.plan import METRICS as METRICS_SERVER
from lab.targets.processes.plan import STORE

TARGET: Final = "lab.targets.processes.target:ProcessTarget"
"""Knows where the kept stack is; it is loaded when that is asked, since it loads gRPC."""
QUERY: Final = "query-api"


class LocalSnapshots:
    """Satisfies `lab.snapshots.port.SnapshotSource`.

    Args:
        settings: Where stacks and runs are kept, and which servers a stack uses.
        folder: Folder of the stack; that of the project's kept stack unless given.
        dependencies: Ask what the stack depends on; those of the settings unless given.
    """

    def __init__(
        self, settings: LabSettings, folder: Path | None = None, *, dependencies: Dependencies | None = None
    ) -> None:
        self._settings, self._folder = settings, folder
        self._dependencies: Dependencies = dependencies or ConfiguredDependencies(settings)

    def take(self, moment: Moment = "after") -> Snapshot:
        """See `SnapshotSource.take`. A machine without a stack is judged by what a stack would start."""
        now = time.time()
        stack = LocalStack("", StackFolder(Path())) if moment == "before" else probe_stack(self._stack_folder(), now)
        programs = stack.programs or startable_programs(self._settings)
        return Snapshot(
            namespace="",
            taken_at=now,
            lab_version=version("observability-lab"),
            probes=self._probes(stack),
            moment=moment,
            machine=probe_machine(
                self._settings,
                stack=stack.phase,
                stack_dir=str(stack.folder.root) if stack.phase else "",
                ports=ports_of(programs),
            ),
            programs=programs,
            settings=self._chosen(),
        )

    @property
    def is_up(self) -> bool:
        """Whether the stack is up, or being started."""
        return self._stack_folder().is_alive

    def _stack_folder(self) -> StackFolder:
        if self._folder is not None:
            return StackFolder(self._folder)
        kept: StackFolder = resolve_name(TARGET)(self._settings).kept_folder
        return kept

    def _chosen(self) -> SettingsProbe:
        settings, environment = self._settings, inherited_environment()
        telemetry = {name: environment[name] for name in LEADING if environment.get(name)}
        return SettingsProbe(
            store="outside" if settings.redis_url else "inside",
            redis_url=settings.redis_url,
            redis_server=settings.redis_server,
            prometheus="outside" if settings.prometheus_url else "inside",
            prometheus_url=settings.prometheus_url,
            prometheus_program=str(settings.prometheus or ""),
            fetches=can_fetch(),
            environment={**service_settings(), **telemetry},
        )

    def _probes(self, stack: LocalStack) -> Probes:
        inquiry = Inquiry()
        ledger = inquiry.ask("ledger", lambda: self._ledger(stack), None)
        return Probes(
            store=self._store(stack),
            prometheus=self._prometheus(stack),
            ledger=ledger,
            unanswered=tuple(inquiry.unanswered),
        )

    def _store(self, stack: LocalStack) -> StoreProbe | None:
        """Ask the store; none that the stack runs itself and that has no process."""
        url = stack.plan.redis_url if stack.plan else self._settings.redis_url
        return self._dependencies.store(url) if url and _runs(stack, STORE) else None

    def _prometheus(self, stack: LocalStack) -> PrometheusProbe | None:
        """Ask the metrics server, as `_store`; where the stack is up also for the newest samples."""
        url = stack.plan.prometheus_url if stack.plan else self._settings.prometheus_url
        probe = self._dependencies.prometheus(url) if url and _runs(stack, METRICS_SERVER) else None
        if probe is None or not probe.reachable or not stack.is_up:
            return probe
        try:
            return replace(probe, samples=last_samples(self._dependencies.samples(url)))
        except LabError as error:
            return replace(probe, error=probe.error or cause_of_error(error))

    def _ledger(self, stack: LocalStack) -> LedgerProbe | None:
        query = stack.address(QUERY) if stack.is_up else ""
        if not query:
            return None
        with closing(self._dependencies.ledger(Endpoints(query=query))) as ledger:
            return watch_ledger(ledger)


def _runs(stack: LocalStack, name: str) -> bool:
    """Return whether a server has a process, or is none of the stack's programs."""
    program = next((program for program in stack.programs if program.name == name), None)
    return program is None or bool(program.pid)
