"""The embedded target: everything runs as processes of this machine, under a supervisor."""

import platform
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar, Final

from lab.errors import Exists, Unavailable, UsageFault
from lab.model import Fault, processor_of
from lab.model.factors import Level
from lab.settings import LabSettings, inherited_environment
from lab.targets.logs import handing_over_files
from lab.targets.port import Cleaned, Declaration, Hindrance, Report, StackRequest
from lab.targets.processes import stacks
from lab.targets.processes.config_hash import config_hash_here
from lab.targets.processes.deployment import ProcessDeployment
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.metrics.destination import refuse_unscraped
from lab.targets.processes.places import kept_folder, stacks_folder
from lab.targets.processes.recipe import Recipe
from lab.targets.processes.starting import permanent_stack, reap, temporary_stack
from lab.targets.service_settings import chosen_settings

FAULTS: Final = frozenset({"kill", "pause"})


class ProcessTarget:
    """Satisfies `lab.targets.port.Target` and `Cleaning` on this machine."""

    declaration: ClassVar[Declaration] = Declaration(
        name="processes",
        place="this machine",
        unfit="this machine cannot run the embedded target",
    )

    def __init__(self, settings: LabSettings) -> None:
        self._settings = settings
        self._stacks = stacks_folder(settings)

    @property
    def options(self) -> str:
        """Nothing: this target is the default."""
        return ""

    def hindrance(self, fault: Fault) -> Hindrance | None:
        """Return why a fault is impossible: there are no pods here, and no second architecture."""
        if fault.kind not in FAULTS or fault.architecture:
            return Hindrance("it needs pods, on nodes of an architecture", "-p target kubernetes")
        return None

    def levels(self, _factor: str) -> Sequence[Level]:
        """Return nothing: this machine has one architecture."""
        return ()

    @property
    def kept_folder(self) -> StackFolder:
        """Where the kept stack of this project is, or would be."""
        return kept_folder(self._settings)

    @contextmanager
    def deployed(self, request: StackRequest, report: Report) -> Iterator[ProcessDeployment]:
        """Yield the kept stack where it fits, else a new stack for the length of the context.

        The folder of a new stack is removed with the stack: read spans while the context lasts. With `keep` the stack
        stays when the context ends; a kept stack that is up already must fit.

        Raises:
            Unavailable: Something is missing, or another run measures the kept stack.
            UsageFault: Another architecture than this machine's is requested.
            BadConfig: The store's data cannot be read by this server, or a run would get no metrics.
            Exists: `keep`, and a stack with other settings is up.
        """
        _check_platform()
        _check_architecture(request.architecture)
        chosen = chosen_settings(request.settings)
        if request.keep:
            with self._kept(chosen, report) as deployment:
                yield deployment
            return
        if not self._settings.prometheus_url:
            refuse_unscraped(inherited_environment())
        kept = self._fitting(chosen)
        if kept is not None:
            measured = kept.measured_by(self._settings.run_id)
            with measured, handing_over_files(kept.stack_folder.log_files, request.keep_logs):
                report("stack", "using the stack that is up", 0.0)
                yield kept
            return
        with self._own(chosen, request, report) as deployment:
            yield deployment

    def current(self) -> ProcessDeployment | None:
        """Return the kept stack of this project, or None."""
        folder = self.kept_folder
        return ProcessDeployment(folder) if folder.is_alive and folder.state.exists() else None

    def down(self, _report: Report, /) -> bool:
        """Take the kept stack down, with its data; return False when there was none."""
        folder = self.kept_folder
        if not folder.root.exists():
            return False
        stacks.stop(folder)
        reap(folder)
        stacks.remove(folder)
        return True

    def clean(self, *, everyone: bool = False) -> Cleaned:
        """See `Cleaning.clean`. Other stacks that are up belong to other projects, or to runs."""
        alive = stacks.alive_in(self._stacks)
        chosen = alive if everyone else [folder for folder in alive if folder == self.kept_folder]
        stacks.stop_all(chosen)
        reap(self.kept_folder)
        stacks.remove(self.kept_folder)
        stacks.sweep(self._stacks)
        return Cleaned(len(chosen), len(alive) - len(chosen))

    def _fitting(self, chosen: Mapping[str, str]) -> ProcessDeployment | None:
        """Return the kept stack where it has the requested configuration; else None."""
        kept = self.current()
        if kept is None or kept.config_hash != config_hash_here(chosen):
            return None
        endpoints, wanted = kept.endpoints, self._settings
        same_store = wanted.redis_url in {"", endpoints.redis_url}
        return kept if same_store and wanted.prometheus_url in {"", endpoints.prometheus_url} else None

    @contextmanager
    def _kept(self, chosen: Mapping[str, str], report: Report) -> Iterator[ProcessDeployment]:
        if (kept := self._fitting(chosen)) is not None:
            report("stack", "already up", 0.0)
            yield kept
            return
        folder = self.kept_folder
        if folder.is_alive:
            raise Exists(
                "a stack with other settings, or other code, is up",
                found=f"it keeps its plan in {folder.plan}",
                next_step="lab down && lab up",
            )
        with permanent_stack(folder, Recipe(self._settings, chosen, throw_away=False), report) as deployment:
            yield deployment

    @contextmanager
    def _own(self, chosen: Mapping[str, str], request: StackRequest, report: Report) -> Iterator[ProcessDeployment]:
        stacks.sweep(self._stacks)
        folder = StackFolder(self._stacks / f"run-{uuid.uuid4().hex[:12]}")
        with temporary_stack(folder, Recipe(self._settings, chosen), report, keep_logs=request.keep_logs) as deployment:
            yield deployment


def _check_platform() -> None:
    if not sys.platform.startswith("linux"):
        raise Unavailable(
            "the embedded target needs Linux",
            found=f"this is {sys.platform}",
            next_step="use WSL or a Linux machine, or run on a cluster: --target kubernetes",
        )


def _check_architecture(architecture: str) -> None:
    machine = platform.machine()
    if architecture and architecture != processor_of(machine):
        raise UsageFault(
            f"cannot run on {architecture} here", found=f"this machine is {machine}", next_step="-p target kubernetes"
        )
