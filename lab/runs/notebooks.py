"""Runs a notebook by papermill, and leaves the evidence on every way out."""

import logging
import signal
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil

from lab.errors import InternalFault, LabError
from lab.runs.folder import FAILED, RUNNING, RunFolder
from lab.settings import environment_with

KERNEL: Final = "python3"
PROGRESS: Final = "progress.jsonl"
SESSION: Final = "JPY_SESSION_NAME"
"""Where a Jupyter server tells a kernel its notebook's path."""
START_TIMEOUT_S: Final = 120


def run_notebook(notebook: Path, folder: RunFolder, parameters: Mapping[str, object], *, project: Path) -> None:
    """Execute a notebook into the folder of a run that was begun; the manifest tells how it ended.

    The first Ctrl-C (or SIGTERM) goes to the kernel, which ends its load and keeps what it has; the second ends it.

    Raises:
        LabError: A cell failed, or the kernel died; the manifest says failed.
    """
    output = folder.path / notebook.name
    progress = folder.path / PROGRESS
    variables = {
        "LAB_RUN_ID": folder.run_id,
        "LAB_RUNS_DIR": str(folder.path.parent),
        "LAB_PROGRESS_FILE": str(progress),
        SESSION: str(notebook.resolve()),
    }
    try:
        with environment_with(**variables), _interrupts_go_to_the_kernel():
            _execute(notebook, output, parameters, project)
    except BaseException as error:
        _mark_failed(folder, error)
        raise
    finally:
        progress.unlink(missing_ok=True)
    if folder.manifest()["status"] == RUNNING:
        reason = "the notebook ended without calling lab.run"
        folder.update(status=FAILED, reason=reason)
        raise InternalFault(f"{notebook}: {reason}", next_step="call lab.run(experiment) in one of its cells")


def kernel_config(sockets: Path) -> Any:  # noqa: ANN401  traitlets has no types
    """A kernel that talks through sockets in a folder: no ports, nothing that others here could listen to."""
    from traitlets.config import Config  # noqa: PLC0415 - heavy

    return Config({"KernelManager": {"transport": "ipc", "ip": str(sockets / "kernel")}})


def _execute(notebook: Path, output: Path, parameters: Mapping[str, object], project: Path) -> None:
    _quieten()
    from nbclient.exceptions import DeadKernelError  # noqa: PLC0415 - heavy
    from papermill import execute_notebook  # noqa: PLC0415 - heavy
    from papermill.exceptions import PapermillExecutionError  # noqa: PLC0415 - heavy

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
            )
    except PapermillExecutionError as error:
        raise _cell_failed(error, notebook) from error
    except DeadKernelError as error:
        raise InternalFault(
            f"{notebook.name}: the kernel died",
            found="killed by a signal, or out of memory (dmesg tells)",
            next_step="run it again; with -p duration 10 where memory is short",
            code="KERNEL_DIED",
        ) from error


def _quieten() -> None:
    """Papermill and its parts talk on the root logger and warn of things nobody here can change."""
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"(papermill|nbclient|jupyter_client|nbformat|zmq|traitlets)(\..*)?")


def _cell_failed(error: "Exception", notebook: Path) -> LabError:
    """The error of a cell in our words: those of a LabError are ours already."""
    name, value = getattr(error, "ename", ""), str(getattr(error, "evalue", error))
    fault = _FAULTS.get(name)
    if fault is not None:
        attempted, *rest = value.splitlines() or [value]
        steps = [line.strip().removeprefix("do: ") for line in rest if line.strip().startswith("do: ")]
        found = "\n".join(line.strip() for line in rest if not line.strip().startswith("do: "))
        return fault(attempted, found=found, next_step=steps[0] if steps else "")
    cell = getattr(error, "exec_count", "?")
    return InternalFault(
        f"{notebook.name}: cell {cell} failed",
        found=f"{name}: {value}"[:300],
        next_step="lab run --debug … shows where",
    )


def _faults() -> dict[str, type[LabError]]:
    return {kind.__name__: kind for kind in LabError.__subclasses__()}


_FAULTS: Final = _faults()


def _mark_failed(folder: RunFolder, error: BaseException) -> None:
    """A run that did not end by itself, or whose notebook failed after it, is a failed one."""
    manifest = folder.manifest()
    if manifest["status"] in {FAILED, "interrupted"} and manifest.get("ended"):
        return
    reason = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
    status = "interrupted" if isinstance(error, KeyboardInterrupt) else FAILED
    code = error.exit_code if isinstance(error, LabError) else None
    folder.update(status=status, reason=reason, exit_code=code)


@contextmanager
def _interrupts_go_to_the_kernel() -> Iterator[None]:
    """Pass the first signal on; after that Ctrl-C does what it always does."""
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
