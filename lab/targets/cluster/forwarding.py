"""Ports of pods on this machine's loopback, for as long as somebody needs them."""

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from lab.errors import Unavailable
from lab.settings import inherited_environment
from lab.targets import leash

START_S: Final = 15.0
SAID: Final = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ")
PAUSE_S: Final = 0.02


def kubectl() -> str:
    """The `kubectl` that came with the lab, else the one on PATH."""
    beside = Path(sys.executable).with_name("kubectl")
    found = str(beside) if beside.is_file() else shutil.which("kubectl")
    if not found:
        raise Unavailable("there is no kubectl", next_step="make run      (installs what the lab needs)")
    return found


class Forward:
    """One port of one pod as an address on loopback; started again when it has ended, on another port.

    Args:
        arguments: Options that choose cluster, user and namespace, as kubectl takes them.
        pod: Its name.
        port: Inside the pod.
        log: File that takes what kubectl prints.
    """

    def __init__(self, arguments: Sequence[str], pod: str, port: int, *, log: Path) -> None:
        self._command = [kubectl(), *arguments, "port-forward", "--address", "127.0.0.1", f"pod/{pod}", f":{port}"]
        self._pod, self._port, self._log = pod, port, log
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ""

    @property
    def address(self) -> str:
        """host:port on this machine.

        Raises:
            Unavailable: The pod cannot be reached.
        """
        if self._process is None or self._process.poll() is not None:
            self._start()
        return self._address

    def close(self) -> None:
        """Let go of the port."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self) -> None:
        self.close()
        on_leash = [sys.executable, "-I", "-S", leash.__file__, str(_own_pid()), *self._command]
        begun = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                on_leash, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=inherited_environment()
            )
        end, pause = time.monotonic() + START_S, threading.Event()
        while time.monotonic() < end:
            said = self._log.read_bytes()[begun:].decode("utf-8", "replace")
            if found := SAID.search(said):
                self._address = f"127.0.0.1:{found.group(1)}"
                return
            if self._process.poll() is not None:
                break
            pause.wait(PAUSE_S)
        last = (said.strip().splitlines() or ["no answer"])[-1]
        self.close()
        raise Unavailable(
            f"cannot reach port {self._port} of pod {self._pod}", found=last[:200], next_step="lab diagnose"
        )


def _own_pid() -> int:
    import os  # noqa: PLC0415  one number of it

    return os.getpid()
