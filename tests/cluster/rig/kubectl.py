"""Calls kubectl with the kubeconfig of the rig's administrator."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lab.errors import Unavailable
from tests.cluster.rig.commands import run, succeeds
from tests.cluster.rig.facts import NODES, RigFacts
from tests.cluster.rig.waiting import wait_until

PROGRAM: Final = str(Path(sys.executable).with_name("kubectl"))
TIMEOUT_S: Final = 90.0


class Kubectl:
    """Calls kubectl; every method raises Unavailable with its error when it fails."""

    def __init__(self, facts: RigFacts) -> None:
        self._base = (PROGRAM, f"--kubeconfig={facts.kubeconfig}", f"--cache-dir={facts.state / 'kubectl'}")

    def __call__(self, *arguments: str, timeout_s: float = TIMEOUT_S) -> str:
        """Run a command; return what it printed."""
        return run(*self._base, *arguments, timeout_s=timeout_s)

    def is_ready(self) -> bool:
        """Whether the API server answers and says that it is ready."""
        return succeeds(*self._base, "get", "--raw=/readyz", "--request-timeout=5s")

    def has_ready_nodes(self) -> bool:
        """Whether the API server answers and every node is Ready."""
        ready = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
        try:
            statuses = self("get", "nodes", f"--output=jsonpath={ready}", "--request-timeout=5s")
        except Unavailable:
            return False
        return statuses.split() == ["True"] * len(NODES)

    def has(self, *arguments: str) -> bool:
        """Whether an object exists."""
        return succeeds(*self._base, "get", *arguments)

    def wait_for(self, *arguments: str) -> None:
        """Wait until an object exists; `kubectl wait --for=create` gives up on some objects at once."""
        wait_until(
            lambda: self.has(*arguments),
            seconds=TIMEOUT_S,
            fault=lambda: Unavailable(f"no {arguments[-1]} appeared in {TIMEOUT_S:g} s"),
        )

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return an object, or a list of objects."""
        body: dict[str, Any] = json.loads(self("get", *arguments, "--output=json"))
        return body

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply objects (server-side apply)."""
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        run(*self._base, "apply", "--server-side", "--filename=-", text=listed)

    def wait(self, condition: str, *objects: str, seconds: float = TIMEOUT_S) -> None:
        """Wait until objects meet a condition of `kubectl wait --for=`."""
        self("wait", f"--for={condition}", f"--timeout={seconds:g}s", *objects, timeout_s=seconds + 10)
