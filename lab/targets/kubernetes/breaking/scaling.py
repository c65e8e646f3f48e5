"""Changes the number of a Deployment's pods for a while."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from lab.errors import Unavailable
from lab.settings import inherited_environment
from lab.snapshots.kubernetes import Raw
from lab.targets.kubernetes.breaking import undo
from lab.targets.kubernetes.client.kubectl import Kubectl

LONGEST_UNDO_S: Final = 90.0
"""Longer than `lab.targets.kubernetes.breaking.undo` retries."""


@contextmanager
def scaled(kubectl: Kubectl, deployment: Raw, *, replicas: int) -> Iterator[None]:
    """Change the number of pods until the context ends or this process dies. Does not wait for pods.

    Args:
        kubectl: Commands for the namespace of the Deployment.
        deployment: The Deployment as the API returns it, which is what is restored.
        replicas: Number of pods meanwhile.

    Raises:
        Unavailable: The number cannot be changed, or could not be restored.
    """
    name = deployment["metadata"]["name"]
    restoring = [_patch(kubectl, name, change) for change in _restoring(deployment)]
    with _undone_by(restoring, f"scaling {name}", namespace=kubectl.namespace):
        done = subprocess.run(
            _patch(kubectl, name, {"spec": {"replicas": replicas}}),
            env=inherited_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Unavailable(f"cannot scale {name}", found=done.stderr.strip()[-300:], next_step="lab diagnose")
        yield


def _patch(kubectl: Kubectl, deployment: str, change: Raw) -> list[str]:
    options = ["--request-timeout=10s", "--type=merge", f"--patch={json.dumps(change)}"]
    return kubectl.command("patch", "deployment", deployment, *options)


def _restoring(deployment: Raw) -> Iterator[Raw]:
    """Yield the changes that restore a Deployment.

    The first restores the number of pods. The second restores the owner of that field, so that the next `lab up` meets
    no other owner.
    """
    yield {"spec": {"replicas": deployment["spec"]["replicas"]}}
    yield {"metadata": {"managedFields": deployment["metadata"]["managedFields"]}}


@contextmanager
def _undone_by(commands: Sequence[Sequence[str]], change: str, *, namespace: str) -> Iterator[None]:
    """Have another process run commands when the context ends or this process dies; Ctrl-C does not reach it."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", undo.__file__, json.dumps(commands)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=inherited_environment(),
        start_new_session=True,
    )
    try:
        yield
    finally:
        trouble = _trouble_of(process)
    if trouble:
        raise Unavailable(
            f"{change} could not be undone",
            found=trouble,
            next_step=f"lab up --target kubernetes --namespace {namespace} --force      (restores the number of pods)",
        )


def _trouble_of(process: "subprocess.Popen[bytes]") -> str:
    """Let a process undo its change; return why it could not, else an empty text."""
    try:
        _, errors = process.communicate(timeout=LONGEST_UNDO_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return f"it took longer than {LONGEST_UNDO_S:g} s"
    return errors.decode("utf-8", "replace")[-300:] if process.returncode else ""
