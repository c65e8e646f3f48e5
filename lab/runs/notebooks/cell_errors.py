"""An IPython extension: keeps the LabError that ended a cell as data beside the progress file, for `lab run`."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Final

from lab.errors import LabError, to_data
from lab.files import write_text
from lab.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

ERROR: Final = "error.json"
"""Name of the file that keeps the error, beside the progress file."""


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Keep the error of every cell from now on, where `lab run` follows this kernel."""
    progress = load_settings().progress_file
    if progress is not None:
        shell.events.register("post_run_cell", partial(keep_error, progress.with_name(ERROR)))


def keep_error(file: Path, result: ExecutionResult) -> None:
    """Write the LabError that ended a cell into a file; remove the file after any other end."""
    error = result.error_in_exec
    if isinstance(error, LabError):
        write_text(file, json.dumps(to_data(error)))
    else:
        file.unlink(missing_ok=True)
