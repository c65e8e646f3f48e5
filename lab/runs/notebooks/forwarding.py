"""Passes signals on to the kernel that carries out a run."""

import signal
from contextlib import suppress
from typing import Final

import psutil

from lab.errors import LabError
from lab.interrupts import DEFERRED, Interrupted
from lab.runs.folder import RunFolder
from lab.runs.manifest import INTERRUPTED, RunManifest

PASSED_ON: Final = DEFERRED + 1
"""How many signals go to the kernel. The last of them ends the kernel; the next ends this process."""


class Forwarding:
    """Passes signals on to the kernel of a notebook, while one of its runs measures.

    Args:
        folder: The first run of the notebook.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._numbers: list[int] = []

    @property
    def last(self) -> int:
        """The last signal; Ctrl-C where none came to this process."""
        return self._numbers[-1] if self._numbers else signal.SIGINT

    @property
    def any_interrupted(self) -> bool:
        """Whether a run of the notebook was interrupted."""
        return any(manifest.status == INTERRUPTED for manifest in self._manifests())

    def receive(self, number: int, _frame: object = None) -> None:
        """Pass a signal on to the kernel.

        Raises:
            Interrupted: Nothing is measured, or the kernel does not end.
        """
        self._numbers.append(number)
        measuring = any(manifest.is_running and manifest.measuring for manifest in self._manifests())
        if not measuring or len(self._numbers) > PASSED_ON:
            raise Interrupted(number)
        for child in psutil.Process().children():
            if "ipykernel_launcher" in " ".join(child.cmdline()):
                child.send_signal(signal.SIGINT)

    def _manifests(self) -> list[RunManifest]:
        """Return the manifests of all runs of the notebook, as far as they can be read."""
        manifests = []
        with suppress(LabError):
            manifests.append(self._folder.manifest())
            later = [RunFolder(self._folder.path.parent / name) for name in manifests[0].also]
            manifests += [folder.manifest() for folder in later]
        return manifests
