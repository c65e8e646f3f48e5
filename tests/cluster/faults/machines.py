"""Simulates the machines of the rig for a user: `ssh`, `/etc` and systemd units."""

import contextlib
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.settings import inherited_environment, load_settings
from tests.cluster.rig.facts import RigFacts
from tests.registry import PASSWORD, USER

COMMANDS: Final = Path(__file__).parent / "commands"
POLL_S: Final = 0.1
PASTED_S: Final = 300
"""Seconds that a next step may take, for example `lab up`."""


def settings_here() -> dict[str, str]:
    """Return this process's settings by environment name, for a user who has the same settings."""
    return variables(load_settings().model_dump(mode="json", exclude_defaults=True, exclude_none=True))


def variables(settings: Mapping[str, object]) -> dict[str, str]:
    """Return settings of the lab by environment name."""
    return {f"LAB_{name.upper()}": str(value) for name, value in settings.items()}


@dataclass(frozen=True, slots=True)
class Machines:
    """The files of every machine that next steps change, in one folder."""

    folder: Path
    rig: RigFacts

    def prepare(self) -> None:
        """Create every node's `/etc/containerd`, with a link to the settings of its containerd in the rig."""
        for node in self.rig.nodes:
            containerd = self.etc(node.name) / "containerd"
            containerd.mkdir(parents=True)
            (containerd / "certs.d").symlink_to(self.rig.state / "nodes" / node.name / "certs.d")

    def etc(self, machine: str) -> Path:
        """Return the folder `/etc` of a machine."""
        return self.folder / machine / "etc"

    def hosts_file(self, node: str, host: str) -> Path:
        """Return the file with a node's settings for a registry."""
        return self.etc(node) / "containerd" / "certs.d" / host / "hosts.toml"

    def paste(
        self, command: str, home: Path, settings: Mapping[str, str], *, typed: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """Run a next step unchanged, in the shell of an administrator.

        Args:
            command: The next step.
            home: The user's home folder.
            settings: The lab's settings that differ from those of this process, by environment name.
            typed: The user's input.
        """
        environment = self._environment(home, settings)
        shell = ["bash", "-c", command]
        return subprocess.run(
            shell, env=environment, cwd=home, input=typed, capture_output=True, text=True, check=False, timeout=PASTED_S
        )

    def _environment(self, home: Path, settings: Mapping[str, str]) -> dict[str, str]:
        inherited = inherited_environment()
        return inherited | {
            "PATH": f"{COMMANDS}:{Path(sys.executable).parent}:{self.rig.programs}:{inherited['PATH']}",
            "HOME": str(home),
            "KUBECONFIG": str(self.rig.kubeconfig),
            "LAB_TEST_MACHINES": str(self.folder),
            "LAB_TEST_PYTHON": sys.executable,
            "LAB_TEST_LOGIN": b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
            **settings,
        }

    @contextlib.contextmanager
    def unit(
        self, machine: str, name: str, run: Callable[[], AbstractContextManager[object]], *, started: bool
    ) -> Iterator[None]:
        """Provide a systemd unit for as long as the context lasts; a restart leaves and re-enters `run()`."""
        file = self.folder / machine / "units" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        request, over = file.with_name(f"{name}.restart"), threading.Event()
        if started:
            request.touch()
        keeper = threading.Thread(target=_keep, args=(run, request, over), name=f"unit {name}", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join()
            file.unlink()


def _keep(run: Callable[[], AbstractContextManager[object]], request: Path, over: threading.Event) -> None:
    """Start and stop the program in one thread, because its parent-death signal is sent when this thread ends."""
    with contextlib.ExitStack() as stack:
        while not over.wait(POLL_S):
            if request.exists():
                stack.close()
                stack.enter_context(run())
                request.unlink()
