"""Runs a notebook with papermill; the evidence is kept however the notebook ends."""

import json
import logging
import os
import shutil
import signal
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill import execute_notebook
from papermill.exceptions import PapermillExecutionError
from traitlets import default
from traitlets.config import Config

from lab.errors import DataFault, InternalFault, LabError, Unavailable, UsageFault, from_data
from lab.interrupts import DEFERRED, Interrupted, handled_by
from lab.runs.folder import PROGRESS, RunFolder
from lab.runs.kernel import ERROR
from lab.runs.manifest import FAILED, INTERRUPTED, RunManifest
from lab.settings import environment_with

KERNEL: Final = "python3"
"""Name of the kernel that runs every notebook."""
EXTENSION: Final = "--InteractiveShellApp.extra_extensions=lab.runs.kernel"
QUIET: Final = "--IPKernelApp.log_level=50"
"""papermill interrupts a kernel that it is about to end, which the kernel would report as an error."""
SESSION: Final = "JPY_SESSION_NAME"
"""The variable in which a Jupyter server gives a kernel its notebook's path."""
START_TIMEOUT_S: Final = 120
"""Longest time until a kernel answers."""
INTERRUPTS: Final = frozenset({"KeyboardInterrupt", "Interrupted"})
"""Errors of a cell that an interrupt ended."""
PASSED_ON: Final = DEFERRED + 1
"""Signals that the kernel gets; by the last it ends, and the next is for this process."""
LONGEST_SOCKET: Final = 100
"""Bytes in the path of a socket; the system allows 107, and a kernel appends a number."""
SHOWN_CHARACTERS: Final = 300
"""Of an error that a cell raised."""


def run_notebook(notebook: Path, folder: RunFolder, parameters: Mapping[str, object], *, project: Path) -> None:
    """Execute a notebook into the folder of a run that has begun; the manifest tells how the run ended.

    A signal that asks this process to end goes to the kernel while it measures, which ends its load and keeps its
    results; at any other time it ends the notebook. The folder of a run that was refused before it began is removed.

    Raises:
        Interrupted: Such a signal ended the run; the manifest tells what was measured.
        LabError: A cell failed, or the kernel died; the manifest says failed.
    """
    output = folder.path / notebook.name
    progress, kept_error = folder.path / PROGRESS, folder.path / ERROR
    variables = {
        "LAB_RUN_ID": folder.run_id,
        "LAB_RUNS_DIR": str(folder.path.parent),
        "LAB_PROGRESS_FILE": str(progress),
        SESSION: str(notebook.resolve()),
    }
    signals = Forwarding(folder)
    try:
        with environment_with(**variables), handled_by(signals.receive):
            _execute(notebook, output, parameters, project)
    except BaseException as failed:
        error = failed
        if isinstance(failed, PapermillExecutionError):
            error = _error_of_cell(failed, notebook, kept_error, signals.last)
        _record(folder, error)
        if signals.any_interrupted:
            raise Interrupted(signals.last) from failed
        if error is failed:
            raise
        raise error from failed
    finally:
        progress.unlink(missing_ok=True)
        kept_error.unlink(missing_ok=True)
    if signals.any_interrupted:
        raise Interrupted(signals.last)
    manifest = folder.manifest()
    if manifest.is_running:
        reason = "the notebook ended without calling lab.run"
        folder.update(lambda manifest: manifest.failed(reason))
        step = "call lab.run(experiment) in one of its cells"
        raise InternalFault(f"{notebook}: {reason}", found="no trial was measured", next_step=step)
    if manifest.status == FAILED:
        attempted, step = f"{notebook}: its run failed, and the notebook went on", f"lab runs show {folder.run_id}"
        raise InternalFault(attempted, found=manifest.reason, next_step=step)


class Forwarding:
    """Passes signals on to the kernel that carries out a run, while it measures.

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
        """Pass a signal on to the kernel; raise where nothing is measured, or where the kernel does not end."""
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


class ThisPython(AsyncKernelManager):
    """Starts a kernel of this Python, whatever kernel of that name is installed."""

    @default("kernel_spec_manager")
    def _only_this_python(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])


def kernel_config(sockets: Path) -> Config:
    """Return the configuration of a kernel that listens on sockets in a folder, and on no port.

    Raises:
        Unavailable: The path of the folder is too long for a socket.
    """
    if len(os.fsencode(sockets / "kernel")) > LONGEST_SOCKET:
        why = f"{sockets.parent} has {len(os.fsencode(sockets.parent)):,} characters"
        raise Unavailable("TMPDIR is too long for a kernel's sockets", found=why, next_step="TMPDIR=/tmp lab run …")
    return Config({"KernelManager": {"transport": "ipc", "ip": str(sockets / "kernel")}})


def _execute(notebook: Path, output: Path, parameters: Mapping[str, object], project: Path) -> None:
    _quieten()
    try:
        with TemporaryDirectory(prefix="lab-") as sockets:
            execute_notebook(
                str(notebook),
                str(output),
                dict(parameters),
                kernel_name=KERNEL,
                kernel_manager_class=ThisPython,
                language="python",
                cwd=str(project),
                progress_bar=False,
                log_output=False,
                start_timeout=START_TIMEOUT_S,
                config=kernel_config(Path(sockets)),
                extra_arguments=[EXTENSION, QUIET],
            )
    except DeadKernelError as error:
        raise InternalFault(
            f"{notebook.name}: the kernel died",
            found="killed by a signal, or out of memory (dmesg tells)",
            next_step="run it again; with -p duration 10 where memory is short",
            code="KERNEL_DIED",
        ) from error


def _quieten() -> None:
    """Silence papermill and its parts, whose log and warnings name nothing that a user can change."""
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"(papermill|nbclient|jupyter_client|nbformat|zmq|traitlets)(\..*)?")


def _error_of_cell(
    failed: PapermillExecutionError, notebook: Path, kept: Path, number: int
) -> LabError | KeyboardInterrupt:
    """Return the LabError that the kernel kept, or an interrupt; for any other error, a fault that names the cell."""
    if failed.ename in INTERRUPTS:
        return Interrupted(number)
    if kept.is_file():
        return from_data(json.loads(kept.read_text(encoding="utf-8")))
    return InternalFault(
        f"{notebook.name}: cell {failed.exec_count} failed",
        found=f"{failed.ename}: {failed.evalue}"[:SHOWN_CHARACTERS],
        next_step="lab run --debug … shows where",
    )


def _record(folder: RunFolder, error: BaseException) -> None:
    """Write the error into the manifest, unless the run itself recorded a failed end; forget a run that was misused."""
    manifest = folder.manifest()
    if manifest.is_fresh and isinstance(error, UsageFault | DataFault):
        shutil.rmtree(folder.path, ignore_errors=True)
    elif manifest.status not in {FAILED, INTERRUPTED} or not manifest.ended:
        folder.end_by(error)
