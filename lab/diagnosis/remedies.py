"""Commands that can be pasted: one line each, quoted, nothing to fill in."""

import json
import shlex
from collections.abc import Mapping
from typing import Final, Literal

from lab.diagnosis.objects import Node, Pod

SET_CLOCK: Final = "sudo chronyc makestep || sudo systemctl restart systemd-timesyncd"


def kubectl(namespace: str, *words: str) -> str:
    """A call of kubectl in a namespace.

    >>> kubectl("testbed", "get", "pods", "-l", "a in (b)")
    "kubectl -n testbed get pods -l 'a in (b)'"
    """
    return shlex.join(["kubectl", "-n", namespace, *words])


def up(namespace: str) -> str:
    """Apply what the configuration says, also over what somebody else changed.

    >>> up("testbed")
    'lab up --target kubernetes --namespace testbed --force'
    """
    return f"lab up --target kubernetes --namespace {namespace} --force"


def resolve(namespace: str) -> str:
    """Pin what is in the registry, and apply it."""
    return f"lab images resolve && {up(namespace)}"


def build(namespace: str) -> str:
    """Build and push the images, and apply them."""
    return f"lab images build && {up(namespace)}"


def patch(namespace: str, target: str, change: object, *, kind: Literal["strategic", "merge", "json"]) -> str:
    """Change an object, kind/name, by a patch."""
    text = json.dumps(change, separators=(",", ":"))
    return kubectl(namespace, "patch", target.lower(), f"--type={kind}", "-p", text)


def restart(namespace: str, workload: str) -> str:
    """Make new pods of a workload; a pod that nothing made is only deleted."""
    words = ("delete", workload.lower()) if workload.startswith("Pod/") else ("rollout", "restart", workload.lower())
    return kubectl(namespace, *words)


def apply(thing: Mapping[str, object]) -> str:
    """Create or change an object that is written out whole."""
    return f"echo {shlex.quote(json.dumps(thing, separators=(',', ':')))} | kubectl apply -f -"


def in_template(pod: Pod, path: str) -> str:
    """Where a part of a pod's spec is in what made the pod, for a JSON patch."""
    return f"/spec/{path}" if pod.workload == pod.ref else f"/spec/template/spec/{path}"


def on(machine: Node | str, command: str) -> str:
    """Run a command on a machine.

    >>> on("r3", "sudo systemctl restart kubelet")
    "ssh r3 'sudo systemctl restart kubelet'"
    """
    return shlex.join(["ssh", machine if isinstance(machine, str) else machine.name, command])


def write_file(machine: Node, path: str, lines: tuple[str, ...], *, then: str = "") -> str:
    """Put a file onto a node."""
    text = " ".join(shlex.quote(line) for line in lines)
    save = f"sudo mkdir -p {path.rpartition('/')[0]} && sudo tee {path} >/dev/null"
    return f"printf '%s\\n' {text} | {on(machine, f'{save} && {then}' if then else save)}"
