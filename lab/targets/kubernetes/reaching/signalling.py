"""Signal 9, or a stop for a while, to the process of a service in a pod; by `kubectl exec`."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lab.errors import Forbidden, LabError, Unavailable
from lab.settings import inherited_environment
from lab.targets import parent_death
from lab.targets.kubernetes.client.kubectl import kubectl_program
from lab.targets.kubernetes.client.rights import granting
from lab.targets.kubernetes.reaching import in_the_pod

CONTAINER: Final = "service"
ANSWER_S: Final = 30.0
"""Ten times and more what an emulated Python needs to start on a busy machine."""
LONGEST_STOP_S: Final = 60.0
"""A process that stands still for longer is ended by its liveness probe."""


def kill(options: Sequence[str], pod: str, module: str) -> int:
    """End the process that runs a module by signal 9; nanoseconds since the epoch, by the lab's clock.

    Raises:
        Forbidden: The user may not execute anything in pods.
        Unavailable: The pod has no such process now, or cannot be reached.
    """
    with _beside(options, pod, module, seconds=0) as process:
        _await_word(process, f"cannot kill {module} in {pod}", _namespace_in(options))
        return time.time_ns()


@contextmanager
def stopped(options: Sequence[str], pod: str, module: str) -> Iterator[None]:
    """Stop that process for as long as the context lasts, `LONGEST_STOP_S` at most; it goes on when the lab dies, too.

    Raises:
        Forbidden: The user may not execute anything in pods.
        Unavailable: The pod has no such process now, or cannot be reached.
    """
    with _beside(options, pod, module, seconds=LONGEST_STOP_S) as process:
        _await_word(process, f"cannot pause {module} in {pod}", _namespace_in(options))
        yield


@contextmanager
def _beside(options: Sequence[str], pod: str, module: str, *, seconds: float) -> Iterator["subprocess.Popen[bytes]"]:
    """The program of `lab.targets.kubernetes.reaching.in_the_pod` in a pod; told to come to its end when the context does."""
    text = Path(in_the_pod.__file__).read_text(encoding="utf-8")
    command = [str(kubectl_program()), *options, "exec", "--stdin", pod, f"--container={CONTAINER}", "--"]
    command += ["python3", "-I", "-S", "-c", text, module, f"{seconds:g}"]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", parent_death.__file__, str(os.getpid()), *command],
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


def _await_word(process: "subprocess.Popen[bytes]", attempted: str, namespace: str) -> None:
    """Wait until the program in the pod says that it found the process."""
    answered = process.stdout and select.select([process.stdout], [], [], ANSWER_S)[0]
    if answered and process.stdout and process.stdout.readline().strip().isdigit():
        return
    process.kill()
    said = process.stderr.read().decode("utf-8", "replace").strip() if answered and process.stderr else ""
    raise refused(attempted, (said.splitlines() or [f"no answer in {ANSWER_S:g} s"])[-1], namespace)


def refused(attempted: str, said: str, namespace: str) -> LabError:
    """What kubectl's last words mean: the user may not, or there is nobody to signal."""
    if "forbidden" in said.lower():
        return Forbidden(attempted, found=said, next_step=granting(namespace, said), code="E_RBAC")
    return Unavailable(attempted, found=said[:300], next_step="lab diagnose")


def _namespace_in(options: Sequence[str]) -> str:
    """The one that kubectl's options choose."""
    return options[options.index("--namespace") + 1]
