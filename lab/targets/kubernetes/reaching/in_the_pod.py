"""Runs in a pod, beside a service: ends its process, or stops it for a while; `python3 -I -S -c TEXT MODULE SECONDS`.

It is sent as text, so it knows nothing but the standard library of the pod's own Python. Without seconds the process is
ended by signal 9. With seconds it stands still until standard input ends, which it also does when whoever asked has
died, and for so many seconds at most: the undoing lives in the pod.
"""

import os
import select
import signal
import sys
from pathlib import Path

PROC = Path("/proc")


def process_of(module: str) -> int:
    """The oldest process that was started as `python3 -m MODULE`; 0 where there is none."""
    wanted = f"\0-m\0{module}\0".encode()
    return min((int(one.name) for one in PROC.iterdir() if one.name.isdigit() and wanted in _command(one)), default=0)


def main(arguments: list[str]) -> int:
    """Say the number of the process just before it is ended, or when it stands still; 1 where there is none."""
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


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
