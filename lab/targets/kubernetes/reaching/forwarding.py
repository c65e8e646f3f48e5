"""Forwards a port in the cluster to this machine's loopback."""

import subprocess
import threading
import time
from pathlib import Path
from typing import Final

from lab.errors import Unavailable
from lab.settings import inherited_environment
from lab.targets.free_ports import free_port
from lab.targets.kubernetes.client.kubectl import Kubectl
from lab.targets.parent_death import with_parent_death

START_S: Final = 20.0
MARGIN_S: Final = 10.0
"""Added to `START_S` for a caller that waits, so that the caller learns why a start failed."""
READY_LINE: Final = b"Forwarding from 127.0.0.1"
POLL_S: Final = 0.05
RETRY_S: Final = 0.3


class Forward:
    """Satisfies `lab.targets.kubernetes.reaching.reach.LocalPort`, at an address on loopback.

    A port-forward of kubectl ends with the pod that it leads to. It is then started again on the same local port, so
    that a channel reaches the next pod by itself.

    Args:
        kubectl: Commands for the namespace of the resource.
        resource: `service/NAME`, `pod/NAME` or `deployment/NAME`.
        port: Port of the resource.
        log: File for the output of kubectl.
        patience_s: For a caller that waits.
    """

    def __init__(
        self, kubectl: Kubectl, resource: str, port: int, *, log: Path, patience_s: float = START_S + MARGIN_S
    ) -> None:
        local = free_port()
        self.address = f"127.0.0.1:{local}"
        self._command = kubectl.command("port-forward", "--address", "127.0.0.1", resource, f"{local}:{port}")
        self._port_name, self._log, self._patience_s = f"port {port} of {resource}", log, patience_s
        self._closing, self._tried = threading.Event(), threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: Unavailable | None = None
        # The parent-death signal comes when the thread that started kubectl ends, so a thread that stays starts it.
        self._keeper = threading.Thread(target=self._keep, name=f"forward {resource}", daemon=True)
        self._keeper.start()

    def wait(self) -> str:
        """Return the address once the port was reached for the first time.

        Raises:
            Unavailable: The port was not reached.
        """
        if not self._tried.wait(self._patience_s):
            raise self._unreached(f"kubectl did not start within {self._patience_s:g} s")
        if self._failure is not None:
            raise self._failure
        return self.address

    def close(self) -> None:
        """Close the local port."""
        self._closing.set()
        if self._process is not None:
            self._process.terminate()
        self._keeper.join(START_S)

    def _keep(self) -> None:
        """Run the port-forward, again and again. Its pod may be missing for a while."""
        try:
            while not self._closing.is_set() and self._failure is None:
                self._run()
        finally:
            self._tried.set()

    def _run(self) -> None:
        """Run one port-forward until it ends. The failure of the first run is kept for the caller that waits."""
        try:
            self._process = self._started()
        except (Unavailable, OSError) as error:
            if not self._tried.is_set():
                self._failure = error if isinstance(error, Unavailable) else self._unreached(str(error))
                return
        self._tried.set()
        if self._closing.is_set() and self._process is not None:
            self._process.terminate()
        if self._process is not None:
            self._process.wait()
        self._closing.wait(RETRY_S)

    def _started(self) -> "subprocess.Popen[bytes]":
        size_before = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                with_parent_death(self._command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=inherited_environment(),
            )
        end = time.monotonic() + START_S
        while READY_LINE not in (output := self._log.read_bytes()[size_before:]):
            if process.poll() is not None or time.monotonic() > end or self._closing.wait(POLL_S):
                process.kill()
                process.wait()
                last_line = (output.decode("utf-8", "replace").strip().splitlines() or ["no answer"])[-1]
                raise self._unreached(last_line)
        return process

    def _unreached(self, why: str) -> Unavailable:
        return Unavailable(f"cannot reach {self._port_name}", found=why[:200], next_step="lab diagnose")
