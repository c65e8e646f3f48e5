"""Runs commands when its standard input ends: `python -I -S undo.py '[["COMMAND", "ARGUMENT"], …]'`.

Standard input ends when the process at its other end closes it or dies. A command that fails is retried for a while.
"""

import json
import subprocess
import sys
import threading
import time

PATIENCE_S = 60.0
RETRY_S = 1.0


def main(arguments: list[str]) -> int:
    """Wait, then run the commands in their order. Return the exit code of the first command that keeps failing."""
    commands: list[list[str]] = json.loads(arguments[0])
    sys.stdin.read()
    end, pause = time.monotonic() + PATIENCE_S, threading.Event()
    for command in commands:
        while code := subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False
        ).returncode:
            if time.monotonic() > end:
                return code
            pause.wait(RETRY_S)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
