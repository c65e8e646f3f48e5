"""Brings the rig of this machine up and down."""

import os
from types import TracebackType
from typing import Final, Self

from lab.errors import Exists, InternalFault, Unavailable
from lab.files import write_text
from lab.settings import LabSettings, load_settings
from lab.targets.processes.locks import Lock, Taken
from tests.cluster.rig import clearing, requirements, starting
from tests.cluster.rig.certificates import ADMIN, Certificates
from tests.cluster.rig.facts import API_URL, NODES, REGISTRY, RigFacts
from tests.cluster.rig.kubectl import Kubectl
from tests.cluster.rig.processes import Processes
from tests.cluster.rig.programs import Progress, missing_programs, programs_folder

KEPT: Final = "kept"


def _silent(_stage: str, _seconds: float) -> None:
    """Report nothing."""


class Rig:
    """Two nodes, a control plane and a registry on this machine.

    The context manager uses the kept rig when it works. Otherwise it makes a rig that ends with this program, however
    the program ends; the next rig, or `down`, removes what a killed program left behind.
    """

    def __init__(self, settings: LabSettings | None = None, progress: Progress = _silent) -> None:
        self._settings, self._progress = settings or load_settings(), progress
        self._state = self._settings.state_dir / "rig"
        self._processes = Processes(self._state, tied_to_parent=True)

    @property
    def facts(self) -> RigFacts:
        """Addresses and folders, also while the rig is down."""
        kubeconfig = Certificates(self._state / "certificates").kubeconfig(ADMIN)
        return RigFacts(kubeconfig, API_URL, REGISTRY, NODES, self._state, programs_folder(self._settings.cache_dir))

    @property
    def is_kept(self) -> bool:
        """Whether the rig that is up was made by `up`."""
        return (self._state / KEPT).exists()

    def __enter__(self) -> Self:
        """Bring the rig up unless it is up, and lock it until the context ends.

        Raises:
            Exists: Another program uses the rig, or the kept rig has other programs.
            Unavailable: This machine lacks something, or a part does not start.
        """
        self._lock = self._taken()
        try:
            if not self._is_well():
                self._create()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take a rig down that was made for the context; InternalFault names what is left."""
        try:
            if not self.is_kept:
                self._clear()
        finally:
            self._lock.release()

    def up(self) -> RigFacts:
        """Make a rig that stays until `down`, unless a working one is up. Raises the same errors as the context."""
        lock = self._taken()
        try:
            if not self._is_well():
                self._processes = Processes(self._state, tied_to_parent=False)
                self._create()
                write_text(self._state / KEPT, self.facts.programs.name)
        finally:
            lock.release()
        return self.facts

    def down(self) -> None:
        """Remove the rig, or what is left of a rig.

        Raises:
            Exists: Another program uses the rig.
            InternalFault: A part is left; the message names it.
        """
        lock = self._taken()
        try:
            self._clear()
        finally:
            lock.release()

    def leftovers(self) -> list[str]:
        """Return every process, namespace, interface, mount, cgroup and setting of a rig on this machine."""
        return clearing.leftovers(self.facts, self._processes)

    def _create(self) -> None:
        if lacks := requirements.missing() or missing_programs(self._settings.cache_dir):
            raise Unavailable(lacks)
        self._clear()
        try:
            starting.start(self.facts, self._processes, self._progress)
        except BaseException:
            self._clear()
            raise

    def _clear(self) -> None:
        clearing.clear(self.facts, self._processes)
        if left := self.leftovers():
            raise InternalFault("the rig left something behind", found="\n".join(left))

    def _is_well(self) -> bool:
        """Whether the kept rig works; Exists when it has other programs, because only its user may replace it."""
        if not self.is_kept or not Kubectl(self.facts).has_ready_nodes():
            return False
        if (self._state / KEPT).read_text(encoding="utf-8") != self.facts.programs.name:
            raise Exists("the rig that is up was made of other programs", next_step="make cluster-down")
        return True

    def _taken(self) -> Lock:
        self._state.mkdir(parents=True, exist_ok=True)
        try:
            return Lock(self._state.with_name("rig.lock"), holder=f"process {os.getpid()}")
        except Taken as error:
            raise Exists(
                "the rig is in use", found=error.holder, next_step="wait for that process, or end it"
            ) from error
