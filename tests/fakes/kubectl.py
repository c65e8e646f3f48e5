"""A kubectl whose cluster is a folder."""

import sys
from pathlib import Path

from lab.targets.kubernetes.client.kubectl import Kubectl
from tests.fakes import kubectl_program


class FakeKubectl:
    """Commands of a program that stands in for kubectl.

    Args:
        folder: Folder of the program and of its records.

    Attributes:
        commands: Commands for the namespace `testbed`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, program = folder, folder / "kubectl"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {kubectl_program.__file__} {folder} "$@"\n')
        program.chmod(0o755)
        self.commands = Kubectl("testbed", "here", program=lambda: program)

    @property
    def done(self) -> list[str]:
        """What the commands did, oldest first: `kill MODULE in POD`, `patch NAME JSON`."""
        file = self._folder / "done"
        return file.read_text().splitlines() if file.exists() else []

    def fail(self, what: str, last_line: str) -> None:
        """Let requests about a resource, a pod, or a Deployment and its change fail with a last line."""
        with (self._folder / "faults").open("a") as file:
            file.write(f"{what}\t{last_line}\n")
