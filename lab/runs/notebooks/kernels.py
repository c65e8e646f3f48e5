"""Says which kernel runs a notebook: one of this Python, which listens on sockets in a folder and on no port."""

import os
from pathlib import Path
from typing import Final

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import default
from traitlets.config import Config

from lab.errors import Unavailable

LONGEST_SOCKET: Final = 100
"""Bytes in the path of a socket; the system allows 107, and a kernel appends a number."""


class ThisPython(AsyncKernelManager):
    """Starts a kernel of this Python, whatever kernel of that name is installed."""

    @default("kernel_spec_manager")
    def _only_this_python(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])


def kernel_config(sockets: Path) -> Config:
    """Return the configuration of a kernel that listens on sockets in a folder, and on no port.

    Raises:
        Unavailable: The path of the folder is too long for a socket.
    """
    if len(os.fsencode(sockets / "kernel")) > LONGEST_SOCKET:
        why = f"{sockets.parent} has {len(os.fsencode(sockets.parent)):,} characters"
        raise Unavailable("TMPDIR is too long for a kernel's sockets", found=why, next_step="TMPDIR=/tmp lab run …")
    return Config({"KernelManager": {"transport": "ipc", "ip": str(sockets / "kernel")}})
