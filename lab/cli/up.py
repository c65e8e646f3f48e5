"""The command `lab up`: bring a stack up, or show what that would do."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from lab.cli.options import HERE, NamespaceOption, TargetOption
from lab.display.rollout import RolloutDisplay
from lab.errors import UsageFault
from lab.settings import LabSettings, load_settings
from lab.targets.port import Previewing, Report, StackRequest, Target
from lab.trials.deploying import brought_up
from lab.wiring import parts
from lab.wiring import target as open_target

CHANGES: Final = ("create", "change", "write", "remove")


def up(  # noqa: PLR0913  one argument for each option
    target: TargetOption = HERE,
    *,
    prometheus: Annotated[str, typer.Option(help="URL of a Prometheus that is running already.")] = "",
    redis: Annotated[str, typer.Option(help="URL of a Redis that is running already.")] = "",
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Setting of a service; may be repeated.")
    ] = None,
    namespace: NamespaceOption = "",
    render: Annotated[Path | None, typer.Option(help="On a cluster: write the objects here, apply nothing.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="On a cluster: show what would change, apply nothing.")
    ] = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="On a cluster: use a namespace that is not the lab's.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="On a cluster: take over fields that another manager owns.")
    ] = False,
) -> None:
    """Bring a stack up and leave it running."""
    chosen = {"prometheus_url": prometheus, "redis_url": redis, "namespace": namespace}
    flags = {"adopt": adopt or None, "force": force or None}
    settings = load_settings(**{name: value or None for name, value in chosen.items()}, **flags)
    display = RolloutDisplay(sys.stdout)
    request = StackRequest(settings=_pairs(setting or ()), keep=True, watch=display.rows)
    if render is not None or dry_run:
        _preview(open_target(target, settings), request, display.stage, render=render)
        return
    with display, brought_up(parts(settings, target), request, display.stage):
        print(f"  next          {'     '.join(_next_commands(open_target(target, settings), settings))}")


def _preview(target: Target, request: StackRequest, report: Report, *, render: Path | None) -> None:
    """Write the objects of a stack where *render* names a folder, else show what would happen to each object."""
    if not isinstance(target, Previewing):
        step = f"lab up --target kubernetes {'--dry-run' if render is None else '--render out/'}"
        raise UsageFault("only a cluster has objects to show before they are applied", next_step=step)
    if render is not None:
        for path in target.write_objects(request, render):
            print(f"  {path}")
        return
    intents = target.preview(request, report)
    for intent in intents:
        print(f"  {intent.change:13s} {intent.kind} {intent.name}")
        print("".join(f"    {line}\n" for line in intent.diff.splitlines()), end="")
    counted = Counter(intent.change for intent in intents)
    numbers = [f"{counted[change]} to {change}" for change in CHANGES if counted[change]]
    numbers += [f"{counted['unchanged']} unchanged"] if counted["unchanged"] else []
    print(f"  {'dry run':13s} {len(intents)} objects: {', '.join(numbers)}; nothing was applied")


def _next_commands(target: Target, settings: LabSettings) -> tuple[str, str, str]:
    options = f" {target.options}" if target.options else ""
    run = "lab run notebooks/10_baseline.ipynb" + (f" -p target {target.declaration.name}" if options else "")
    run = f"LAB_NAMESPACE={settings.namespace} {run}" if "--namespace" in options else run
    return f"lab status{options}", run, f"lab down{options}"


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise UsageFault(f"--set {text}: NAME=VALUE is needed", next_step="--set LAB_WORKER_COST_US=100")
    return dict(text.split("=", 1) for text in texts)
