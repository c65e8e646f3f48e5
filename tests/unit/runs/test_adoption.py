"""The notebook that plain papermill writes is copied when papermill has ended; no reader waits for the copy."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.waiting import until

KERNEL: Final = """
from pathlib import Path
from lab.runs.notebooks.adoption import adopt_output
from lab.runs.notebooks.this_kernel import Papermill
adopt_output(Papermill(Path("in.ipynb"), Path({output!r}), {pid}), Path({folder!r}))
"""


def test_what_the_kernel_prints_ends_with_the_kernel(tmp_path: Path) -> None:
    """A reader of papermill's output reads to its end, so no helper may hold it open; the copy comes after that."""
    output, folder = tmp_path / "out.ipynb", tmp_path / "run"
    output.write_text("{}")
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as papermill:
        kernel = KERNEL.format(output=str(output), folder=str(folder), pid=papermill.pid)
        subprocess.run([sys.executable, "-c", kernel], check=True, capture_output=True, timeout=20)
        assert list(folder.iterdir()) == []
        papermill.communicate(b"\n")
    until((folder / output.name).is_file)
