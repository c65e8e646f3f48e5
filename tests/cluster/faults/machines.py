"""The rig's machines as somebody who works on them sees them: `ssh`, `/etc`, units that can be restarted."""

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
LOOK_S: Final = 0.1
PASTED_S: Final = 300
"""How long a next step may take; `lab up` is one."""


def settings_here() -> dict[str, str]:
    """What this process has configured, by environment name, for a person who has configured the same."""
    return variables(load_settings().model_dump(mode="json", exclude_defaults=True, exclude_none=True))


def variables(settings: Mapping[str, object]) -> dict[str, str]:
    """The lab's settings by environment name."""
    return {f"LAB_{name.upper()}": str(value) for name, value in settings.items()}


@dataclass(frozen=True, slots=True)
class Machines:
    """What of every machine the next steps touch, in one folder."""

    folder: Path
    rig: RigFacts

    def prepare(self) -> None:
        """A folder for every node's `/etc/containerd`, which is where its containerd of the rig looks."""
        for node in self.rig.nodes:
            containerd = self.etc(node.name) / "containerd"
            containerd.mkdir(parents=True)
            (containerd / "certs.d").symlink_to(self.rig.state / "nodes" / node.name / "certs.d")

    def etc(self, machine: str) -> Path:
        """What is below `/etc` of a machine."""
        return self.folder / machine / "etc"

    def hosts_file(self, node: str, host: str) -> Path:
        """Where a node's containerd reads how to speak to a registry."""
        return self.etc(node) / "containerd" / "certs.d" / host / "hosts.toml"

    def paste(
        self, command: str, home: Path, settings: Mapping[str, str], *, typed: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """Run a next step as it stands, in a shell of somebody with all rights.

        Args:
            command: What is pasted.
            home: The person's home folder.
            settings: The lab's settings that differ from this process's own, by environment name.
            typed: What the person types when asked.
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
        """A unit of a machine for as long as the context lasts: `run` is it, and is entered anew at every restart."""
        file = self.folder / machine / "units" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        wish, over = file.with_name(f"{name}.restart"), threading.Event()
        if started:
            wish.touch()
        keeper = threading.Thread(target=_keep, args=(run, wish, over), name=f"unit {name}", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join()
            file.unlink()


def _keep(run: Callable[[], AbstractContextManager[object]], wish: Path, over: threading.Event) -> None:
    """One thread starts and ends the program, since a leash ends with the thread that holds it."""
    with contextlib.ExitStack() as stack:
        while not over.wait(LOOK_S):
            if wish.exists():
                stack.close()
                stack.enter_context(run())
                wish.unlink()
