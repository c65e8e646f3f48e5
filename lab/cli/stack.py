"""Commands for a stack that stays up: opening its pages, and taking it down."""

import webbrowser
from typing import Annotated, Final, Literal

import typer

from lab.cli.options import HERE, NamespaceOption, TargetOption
from lab.errors import Unavailable
from lab.settings import has_display, load_settings
from lab.targets.port import KeptStack
from lab.wiring import run_store
from lab.wiring import target as open_target

NOT_UP: Final = "no stack is up"


def down(target: TargetOption = HERE, *, namespace: NamespaceOption = "") -> None:
    """Take the stack down, with its data."""

    def report(stage: str, message: str, _seconds: float) -> None:
        print(f"  {stage:13s} {message}")

    was_up = open_target(target, load_settings(namespace=namespace or None)).down(report)
    print("  stack         down, nothing is left running" if was_up else f"  stack         {NOT_UP}")


def open_(
    what: Annotated[Literal["prometheus", "report"], typer.Argument(help="prometheus, or the report of the last run.")],
    target: TargetOption = HERE,
    *,
    namespace: NamespaceOption = "",
) -> None:
    """Open a page in the browser, or say where it is."""
    if what == "prometheus":
        deployment = current(target, namespace)
        if command := deployment.metrics_command:
            print(f"  run    {command}\n  open   http://127.0.0.1:{command.rpartition(' ')[2]}")
            return
        url = deployment.within_reach.prometheus_url
    else:
        url = (run_store(load_settings()).open("last").path / "report.html").as_uri()
    print(url)
    if has_display():
        webbrowser.open(url)


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
