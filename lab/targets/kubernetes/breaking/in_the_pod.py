"""Signals a service's process from inside its pod: `python3 -I -S -c TEXT MODULE SECONDS`.

The lab sends this program as text, so the program uses only the standard library of the pod's Python. With 0 seconds,
the program ends the process by signal 9. Otherwise the program stops the process until standard input ends, for so many
seconds at most. Standard input also ends when the lab dies, so that the process then goes on.
"""

import os
import select
import signal
import sys
from pathlib import Path

PROC = Path("/proc")


def process_of(module: str) -> int:
    """Return the oldest process that was started as `python3 -m MODULE`; 0 where there is none."""
    wanted = f"\0-m\0{module}\0".encode()
    processes = (folder for folder in PROC.iterdir() if folder.name.isdigit())
    return min((int(folder.name) for folder in processes if wanted in _command(folder)), default=0)


def main(arguments: list[str]) -> int:
    """Print the process's id just before ending or just after stopping it. Return 1 where there is no process."""
    module, seconds = arguments[0], float(arguments[1])
    process = process_of(module)
    if not process:
        print(f"no process runs {module}", file=sys.stderr)
        return 1
    if not seconds:
        print(process, flush=True)
        os.kill(process, signal.SIGKILL)
        return 0
    try:
        os.kill(process, signal.SIGSTOP)
        print(process, flush=True)
        select.select([sys.stdin], [], [], seconds)
    finally:
        os.kill(process, signal.SIGCONT)
    return 0


def _command(folder: Path) -> bytes:
    try:
        return (folder / "cmdline").read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
