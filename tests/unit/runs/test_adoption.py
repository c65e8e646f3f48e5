"""What plain papermill writes is copied once it is through, and nobody waits for the copy."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.waiting import until

KERNEL: Final = """
from pathlib import Path
from lab.runs import adoption
adoption._papermill = lambda: (Path("in.ipynb"), Path({output!r}), {pid})
adoption.adopt_output(Path({folder!r}))
"""


def test_what_the_kernel_prints_ends_with_the_kernel(tmp_path: Path) -> None:
    """Who captures papermill's output reads it to its end, which no helper may hold open; the copy comes after it."""
    output, folder = tmp_path / "out.ipynb", tmp_path / "run"
    output.write_text("{}")
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as papermill:
        kernel = KERNEL.format(output=str(output), folder=str(folder), pid=papermill.pid)
        subprocess.run([sys.executable, "-c", kernel], check=True, capture_output=True, timeout=20)
        assert list(folder.iterdir()) == []
        papermill.communicate(b"\n")
    until((folder / output.name).is_file)
