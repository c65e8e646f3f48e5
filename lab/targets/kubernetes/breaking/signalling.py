"""Signals the process of a service in a pod, by `kubectl exec`."""

import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lab.errors import Forbidden, LabError, Unavailable
from lab.settings import inherited_environment
from lab.targets.kubernetes.breaking import in_the_pod
from lab.targets.kubernetes.client.granting import granting_command
from lab.targets.kubernetes.client.kubectl import Kubectl
from lab.targets.parent_death import with_parent_death

CONTAINER: Final = "service"
ANSWER_S: Final = 30.0
"""At least ten times as long as an emulated Python takes to start on a busy machine."""
LONGEST_STOP_S: Final = 60.0
"""The liveness probe ends a process that is stopped for longer."""


def kill(kubectl: Kubectl, pod: str, module: str) -> int:
    """End the process that runs a module by signal 9; return nanoseconds since the epoch, by the lab's clock.

    Args:
        kubectl: Commands for the namespace of the pod.
        pod: Name of the pod.
        module: Module as in `python3 -m MODULE`.

    Raises:
        Forbidden: The user may not execute anything in pods.
        Unavailable: The pod has no such process now, or is not reached.
    """
    with _program_in(kubectl, pod, module, seconds=0) as process:
        _await_answer(process, f"cannot kill {module} in {pod}", kubectl.namespace)
        return time.time_ns()


@contextmanager
def stopped(kubectl: Kubectl, pod: str, module: str) -> Iterator[None]:
    """Stop the process that runs a module until the context ends or the lab dies, for `LONGEST_STOP_S` at most.

    Raises:
        Forbidden: The user may not execute anything in pods.
        Unavailable: The pod has no such process now, or is not reached.
    """
    with _program_in(kubectl, pod, module, seconds=LONGEST_STOP_S) as process:
        _await_answer(process, f"cannot pause {module} in {pod}", kubectl.namespace)
        yield


@contextmanager
def _program_in(kubectl: Kubectl, pod: str, module: str, *, seconds: float) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `lab.targets.kubernetes.breaking.in_the_pod` in a pod; let the program end when the context ends."""
    text = Path(in_the_pod.__file__).read_text(encoding="utf-8")
    program = ["python3", "-I", "-S", "-c", text, module, f"{seconds:g}"]
    command = kubectl.command("exec", "--stdin", pod, f"--container={CONTAINER}", "--", *program)
    process = subprocess.Popen(
        with_parent_death(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=inherited_environment(),
    )
    try:
        yield process
    finally:
        try:
            process.communicate(timeout=ANSWER_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _await_answer(process: "subprocess.Popen[bytes]", attempted: str, namespace: str) -> None:
    """Return when the program in the pod prints the id of the service's process; raise otherwise."""
    has_answered = process.stdout and select.select([process.stdout], [], [], ANSWER_S)[0]
    if has_answered and process.stdout and process.stdout.readline().strip().isdigit():
        return
    process.kill()
    output = process.stderr.read().decode("utf-8", "replace").strip() if has_answered and process.stderr else ""
    raise _refusal(attempted, (output.splitlines() or [f"no answer in {ANSWER_S:g} s"])[-1], namespace)


def _refusal(attempted: str, last_line: str, namespace: str) -> LabError:
    """Return the error for the last line of kubectl's output."""
    if "forbidden" in last_line.lower():
        return Forbidden(attempted, found=last_line, next_step=granting_command(namespace, last_line), code="E_RBAC")
    return Unavailable(attempted, found=last_line[:300], next_step="lab diagnose")
