"""Runs a notebook with papermill, and keeps the evidence however the notebook ends."""

import json
import logging
import signal
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil
from nbclient.exceptions import DeadKernelError
from papermill import execute_notebook
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from lab.errors import InternalFault, LabError, from_data
from lab.runs.facts import FAILED, INTERRUPTED
from lab.runs.folder import PROGRESS, RunFolder
from lab.runs.kernel import ERROR
from lab.settings import environment_with

KERNEL: Final = "python3"
EXTENSION: Final = "--InteractiveShellApp.extra_extensions=lab.runs.kernel"
SESSION: Final = "JPY_SESSION_NAME"
"""The variable in which a Jupyter server gives a kernel its notebook's path."""
START_TIMEOUT_S: Final = 120


def run_notebook(notebook: Path, folder: RunFolder, parameters: Mapping[str, object], *, project: Path) -> None:
    """Execute a notebook into the folder of a run that has begun; the manifest tells how the run ended.

    The first Ctrl-C (or SIGTERM) goes to the kernel, which ends its load and keeps its results. The second ends this
    process.

    Raises:
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
    try:
        with environment_with(**variables), _interrupts_go_to_the_kernel():
            _execute(notebook, output, parameters, project)
    except PapermillExecutionError as failed:
        error = _error_of_cell(failed, notebook, kept_error)
        _record(folder, error)
        raise error from failed
    except BaseException as error:
        _record(folder, error)
        raise
    finally:
        progress.unlink(missing_ok=True)
        kept_error.unlink(missing_ok=True)
    if folder.facts().is_running:
        reason = "the notebook ended without calling lab.run"
        folder.update(status=FAILED, reason=reason)
        raise InternalFault(f"{notebook}: {reason}", next_step="call lab.run(experiment) in one of its cells")


def kernel_config(sockets: Path) -> Config:
    """Return the configuration of a kernel that listens on sockets in a folder, and on no port."""
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
                cwd=str(project),
                progress_bar=False,
                log_output=False,
                start_timeout=START_TIMEOUT_S,
                config=kernel_config(Path(sockets)),
                extra_arguments=[EXTENSION],
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


def _error_of_cell(failed: PapermillExecutionError, notebook: Path, kept: Path) -> LabError:
    """Return the LabError that the kernel kept; for any other error, a fault that names the cell."""
    if kept.is_file():
        return from_data(json.loads(kept.read_text(encoding="utf-8")))
    return InternalFault(
        f"{notebook.name}: cell {failed.exec_count} failed",
        found=f"{failed.ename}: {failed.evalue}"[:300],
        next_step="lab run --debug … shows where",
    )


def _record(folder: RunFolder, error: BaseException) -> None:
    """Write the error into the manifest, unless the run itself recorded a failed end."""
    facts = folder.facts()
    if facts.status not in {FAILED, INTERRUPTED} or not facts.ended:
        folder.end_by(error)


@contextmanager
def _interrupts_go_to_the_kernel() -> Iterator[None]:
    """Pass the first signal on to the kernel; the second signal interrupts this process."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def pass_on(_number: int, _frame: object) -> None:
        for number in numbers:
            signal.signal(number, signal.default_int_handler)
        for child in psutil.Process().children():
            if "ipykernel_launcher" in " ".join(child.cmdline()):
                child.send_signal(signal.SIGINT)

    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
