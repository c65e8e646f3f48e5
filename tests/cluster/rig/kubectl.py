"""kubectl, with the administrator's kubeconfig of the rig."""

import json
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lab.errors import Unavailable
from tests.cluster.rig.commands import run, succeeds
from tests.cluster.rig.facts import NODES, RigFacts

PROGRAM: Final = str(Path(sys.executable).with_name("kubectl"))
TIMEOUT_S: Final = 90.0


class Kubectl:
    """Calls kubectl; each method raises Unavailable with its words when it fails."""

    def __init__(self, facts: RigFacts) -> None:
        self._base = (PROGRAM, f"--kubeconfig={facts.kubeconfig}", f"--cache-dir={facts.state / 'kubectl'}")

    def __call__(self, *arguments: str, timeout_s: float = TIMEOUT_S) -> str:
        """What a command printed."""
        return run(*self._base, *arguments, timeout_s=timeout_s)

    def is_ready(self) -> bool:
        """Whether the API server answers and says that it is ready."""
        return succeeds(*self._base, "get", "--raw=/readyz", "--request-timeout=5s")

    def has_ready_nodes(self) -> bool:
        """Whether the API server answers and every node is Ready."""
        ready = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
        try:
            said = self("get", "nodes", f"--output=jsonpath={ready}", "--request-timeout=5s")
        except Unavailable:
            return False
        return said.split() == ["True"] * len(NODES)

    def has(self, *arguments: str) -> bool:
        """Whether there is such an object."""
        return succeeds(*self._base, "get", *arguments)

    def wait_for(self, *arguments: str) -> None:
        """Wait until there is such an object; `kubectl wait --for=create` gives up on some at once."""
        end, pause = time.monotonic() + TIMEOUT_S, threading.Event()
        while not self.has(*arguments):
            if time.monotonic() > end:
                raise Unavailable(f"no {arguments[-1]} appeared in {TIMEOUT_S:g} s")
            pause.wait(0.1)

    def get(self, *arguments: str) -> dict[str, Any]:
        """An object, or a list of objects."""
        found: dict[str, Any] = json.loads(self("get", *arguments, "--output=json"))
        return found

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply some objects on the server's side."""
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        run(*self._base, "apply", "--server-side", "--filename=-", given=listed)

    def wait(self, condition: str, *objects: str, seconds: float = TIMEOUT_S) -> None:
        """Wait until objects are as `kubectl wait --for=` says."""
        self("wait", f"--for={condition}", f"--timeout={seconds:g}s", *objects, timeout_s=seconds + 10)
