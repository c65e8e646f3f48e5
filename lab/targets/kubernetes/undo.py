"""Runs commands when its standard input ends: `python -I -S undo.py '[["COMMAND", "ARGUMENT"], …]'`.

Input ends when whoever holds its other end lets go of it, and when that process dies, however it does. A command that
fails is tried again for a while.
"""

import json
import subprocess
import sys
import threading
import time

PATIENCE_S = 60.0
AGAIN_S = 1.0


def main(arguments: list[str]) -> int:
    """Wait, then run one command after the other; the exit code of the first that fails for good."""
    commands: list[list[str]] = json.loads(arguments[0])
    sys.stdin.read()
    end, pause = time.monotonic() + PATIENCE_S, threading.Event()
    for command in commands:
        while code := subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False
        ).returncode:
            if time.monotonic() > end:
                return code
            pause.wait(AGAIN_S)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
