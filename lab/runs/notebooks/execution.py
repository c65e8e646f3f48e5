"""Runs a notebook with papermill; the evidence is kept however the notebook ends."""

import json
import logging
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from nbclient.exceptions import DeadKernelError
from papermill import execute_notebook
from papermill.exceptions import PapermillExecutionError

from lab.errors import InternalFault, from_data
from lab.interrupts import Interrupted, handled_by
from lab.runs.folder import PROGRESS, RunFolder
from lab.runs.notebooks.cell_errors import ERROR
from lab.runs.notebooks.ends import NOT_MEASURED, FailedCell, end_of, error_of, has_recorded_end, was_refused
from lab.runs.notebooks.forwarding import Forwarding
from lab.runs.notebooks.kernels import ThisPython, kernel_config
from lab.settings import environment_with

KERNEL: Final = "python3"
"""Name of the kernel that runs every notebook."""
EXTENSION: Final = "--InteractiveShellApp.extra_extensions=lab.runs.notebooks.cell_errors"
QUIET: Final = "--IPKernelApp.log_level=50"
"""papermill interrupts a kernel that it is about to end, which the kernel would report as an error."""
SESSION: Final = "JPY_SESSION_NAME"
"""The variable in which a Jupyter server gives a kernel its notebook's path."""
START_TIMEOUT_S: Final = 120
"""Longest time until a kernel answers."""


def run_notebook(notebook: Path, folder: RunFolder, parameters: Mapping[str, object], *, project: Path) -> None:
    """Execute a notebook into the folder of a run that has begun; the manifest tells how the run ended.

    While the kernel measures, a signal that asks this process to end goes to the kernel, which ends its load and keeps
    its results. At any other time the signal ends the notebook. The folder of a run that was refused before it began
    is removed.

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
        error = _error_of(failed, notebook, kept_error, signals.last)
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
    if fault := end_of(manifest, notebook):
        if manifest.is_running:
            folder.update(lambda running: running.failed(NOT_MEASURED))
        raise fault


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
    # nbclient leaves the task of a cell whose kernel died, which asyncio then reports with a traceback.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"(papermill|nbclient|jupyter_client|nbformat|zmq|traitlets)(\..*)?")


def _error_of(failed: BaseException, notebook: Path, kept_error: Path, number: int) -> BaseException:
    """Return the error that a failed cell stands for; any other error as it is."""
    if not isinstance(failed, PapermillExecutionError):
        return failed
    kept = from_data(json.loads(kept_error.read_text(encoding="utf-8"))) if kept_error.is_file() else None
    return error_of(FailedCell(failed.exec_count, failed.ename, failed.evalue), notebook, kept=kept, number=number)


def _record(folder: RunFolder, error: BaseException) -> None:
    """Write the error into the manifest, unless the run itself recorded its end; forget a run that was refused."""
    manifest = folder.manifest()
    if was_refused(manifest, error):
        shutil.rmtree(folder.path, ignore_errors=True)
    elif not has_recorded_end(manifest):
        folder.end_by(error)
