"""Finds a stack that stays up, and takes it down."""

from typing import Final

from lab.cli.options import HERE, NamespaceOption, TargetOption
from lab.errors import Unavailable
from lab.settings import load_settings
from lab.targets.port import KeptStack
from lab.wiring import target as open_target

NOT_UP: Final = "no stack is up"


def down(target: TargetOption = HERE, *, namespace: NamespaceOption = "") -> None:
    """Take the stack down, with its data."""

    def report(stage: str, message: str, _seconds: float) -> None:
        print(f"  {stage:13s} {message}")

    was_up = open_target(target, load_settings(namespace=namespace or None)).down(report)
    print("  stack         down, nothing is left running" if was_up else f"  stack         {NOT_UP}")


def current(target: str, namespace: str) -> KeptStack:
    """Return the stack that is up.

    Raises:
        Unavailable: No stack is up; the next step is the command that brings one up there.
    """
    opened = open_target(target, load_settings(namespace=namespace or None))
    deployment = opened.current()
    if deployment is None:
        raise Unavailable(NOT_UP, next_step=" ".join(filter(None, ("lab up", opened.options))))
    return deployment
