"""The command `lab open`: a page of the stack, or the report of the last run."""

import webbrowser
from typing import Annotated, Literal

import typer

from lab.cli.options import HERE, NamespaceOption, TargetOption
from lab.cli.runs import open_ as open_report
from lab.cli.stack import current
from lab.settings import has_display


def open_(
    what: Annotated[Literal["prometheus", "report"], typer.Argument(help="prometheus, or the report of the last run.")],
    target: TargetOption = HERE,
    *,
    namespace: NamespaceOption = "",
) -> None:
    """Open a page in the browser, or say where it is."""
    if what == "report":
        open_report("last")
        return
    deployment = current(target, namespace)
    if command := deployment.metrics_command:
        print(f"  run    {command}\n  open   http://127.0.0.1:{command.rpartition(' ')[2]}")
        return
    url = deployment.within_reach.prometheus_url
    print(url)
    if has_display():
        webbrowser.open(url)
