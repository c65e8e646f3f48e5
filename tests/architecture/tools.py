"""Runs the tools of the environment that runs the tests."""

import subprocess
import sys
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
BIN: Final = Path(sys.executable).parent


def run(*command: str, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment; return what it printed."""
    return subprocess.run([str(BIN / command[0]), *command[1:]], cwd=cwd, capture_output=True, text=True, check=False)
