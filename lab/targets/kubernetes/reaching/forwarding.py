"""Ports of services and pods on this machine's loopback, for as long as somebody needs them."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lab.errors import Unavailable
from lab.settings import inherited_environment
from lab.targets import parent_death
from lab.targets.kubernetes.client.kubectl import kubectl_program
from lab.targets.ports import free_port

START_S: Final = 20.0
MARGIN_S: Final = 10.0
"""For whoever waits: longer than one start takes, were the machine ever so busy."""
SAID: Final = b"Forwarding from 127.0.0.1"
LOOK_S: Final = 0.05
AGAIN_S: Final = 0.3


class Forward:
    """One port of a service or a pod as an address on loopback that stays the same.

    kubectl's own forwarding ends with the pod it goes to; it is then started again on the same port, so that a channel
    finds the next pod by itself.

    Args:
        arguments: Options that choose cluster, user and namespace, as kubectl takes them.
        what: `service/NAME` or `pod/NAME`.
        port: Of it.
        log: File that takes what kubectl prints.
    """

    def __init__(self, arguments: Sequence[str], what: str, port: int, *, log: Path) -> None:
        local = free_port()
        self.address = f"127.0.0.1:{local}"
        self._command = [
            str(kubectl_program()),
            *arguments,
            "port-forward",
            "--address",
            "127.0.0.1",
            what,
            f"{local}:{port}",
        ]
        self._what, self._log = f"port {port} of {what}", log
        self._over, self._tried = threading.Event(), threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: Unavailable | None = None
        # The leash ends a program with the thread that started it, so the thread that keeps it starts it, too.
        self._keeper = threading.Thread(target=self._keep, name=f"forward {what}", daemon=True)
        self._keeper.start()

    def wait(self) -> str:
        """The address, once it was reached for the first time.

        Raises:
            Unavailable: It was not.
        """
        if not self._tried.wait(START_S + MARGIN_S):
            raise self._unreached(f"kubectl did not start within {START_S:g} s")
        if self._failure is not None:
            raise self._failure
        return self.address

    def close(self) -> None:
        """Let go of the port."""
        self._over.set()
        if self._process is not None:
            self._process.terminate()
        self._keeper.join(START_S)

    def _keep(self) -> None:
        """Start it, and again whenever it has ended; the pod that it went to may be gone for a while."""
        try:
            while not self._over.is_set() and self._failure is None:
                self._try()
        finally:
            self._tried.set()

    def _try(self) -> None:
        """Start it and wait for its end; what goes wrong the first time is what whoever waits is told."""
        try:
            self._process = self._started()
        except (Unavailable, OSError) as error:
            if not self._tried.is_set():
                self._failure = error if isinstance(error, Unavailable) else self._unreached(str(error))
                return
        self._tried.set()
        if self._over.is_set() and self._process is not None:
            self._process.terminate()
        if self._process is not None:
            self._process.wait()
        self._over.wait(AGAIN_S)

    def _started(self) -> "subprocess.Popen[bytes]":
        with_parent_death = [sys.executable, "-I", "-S", parent_death.__file__, str(os.getpid()), *self._command]
        begun = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                with_parent_death, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=inherited_environment()
            )
        end = time.monotonic() + START_S
        while SAID not in (said := self._log.read_bytes()[begun:]):
            if process.poll() is not None or time.monotonic() > end or self._over.wait(LOOK_S):
                process.kill()
                process.wait()
                last = (said.decode("utf-8", "replace").strip().splitlines() or ["no answer"])[-1]
                raise self._unreached(last)
        return process

    def _unreached(self, why: str) -> Unavailable:
        return Unavailable(f"cannot reach {self._what}", found=why[:200], next_step="lab diagnose")
