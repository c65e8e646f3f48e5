"""Takes a snapshot of this machine: its resources, its stack, servers around it."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

from lab.errors import LabError
from lab.model import Endpoints
from lab.probes.error_text import cause_of_error
from lab.probes.inquiry import Inquiry
from lab.probes.local_choices import choices_here
from lab.probes.local_stack import LocalStack, probe_stack
from lab.probes.machine import probe_machine
from lab.probes.ports import Dependencies
from lab.probes.program_facts import ports_of
from lab.probes.startable_programs import startable_programs
from lab.probes.telemetry import last_samples, watch_ledger
from lab.settings import LabSettings
from lab.snapshots.answers import LedgerProbe, Probes, PrometheusProbe, StoreProbe
from lab.snapshots.snapshot import Moment, Snapshot
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.places import kept_folder
from lab.targets.processes.plan import METRICS as METRICS_SERVER
from lab.targets.processes.plan import STORE

QUERY: Final = "query-api"


class LocalSnapshots:
    """Satisfies `lab.snapshots.port.SnapshotSource`.

    Args:
        settings: Where stacks and runs are kept, and which servers a stack uses.
        folder: Folder of the stack; that of the project's kept stack unless given.
        dependencies: Ask what the stack depends on.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        settings: LabSettings,
        folder: Path | None = None,
        *,
        dependencies: Dependencies,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._dependencies, self._clock = settings, dependencies, clock
        self._folder = StackFolder(folder) if folder is not None else kept_folder(settings)

    def take(self, moment: Moment = "after") -> Snapshot:
        """See `SnapshotSource.take`. A machine without a stack is judged by what a stack would start."""
        now = self._clock()
        stack = LocalStack("", StackFolder(Path())) if moment == "before" else probe_stack(self._folder, now)
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
            settings=choices_here(self._settings),
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
        """Ask the store. Return None where the stack runs the store itself, and the store has no process."""
        url = stack.plan.redis_url if stack.plan else self._settings.redis_url
        login = stack.plan.store_login if stack.plan else None
        return self._dependencies.store(url, login) if url and _runs(stack, STORE) else None

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
        if not query or stack.plan is None:
            return None
        with closing(self._dependencies.ledger(Endpoints(query=query, access=stack.plan.access))) as ledger:
            return watch_ledger(ledger)


def _runs(stack: LocalStack, name: str) -> bool:
    """Return whether a server has a process, or is none of the stack's programs."""
    program = next((program for program in stack.programs if program.name == name), None)
    return program is None or bool(program.pid)
