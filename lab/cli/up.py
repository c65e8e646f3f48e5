"""The command `lab up`: bring a stack up, or show what that would do."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Final

import typer

from lab.cli.options import HERE, NamespaceOption, TargetOption, name_and_value
from lab.display.rollout import RolloutDisplay
from lab.errors import UsageFault
from lab.model.plurals import counted
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
    if render is not None and dry_run:
        raise UsageFault("--render goes with no --dry-run", next_step="lab up --target kubernetes --dry-run")
    chosen = {"prometheus_url": prometheus, "redis_url": redis, "namespace": namespace}
    flags = {"adopt": adopt or None, "force": force or None}
    settings = load_settings(**{name: value or None for name, value in chosen.items()}, **flags)
    display = RolloutDisplay(sys.stdout)
    of_services = dict(name_and_value(text, refusal=_without_value(text)) for text in setting or ())
    request = StackRequest(settings=of_services, keep=True, watch=display.rows)
    if render is not None or dry_run:
        _preview(open_target(target, settings), request, display.stage, render=render)
        return
    with display, brought_up(parts(target, settings), request, display.stage):
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
    changes = Counter(intent.change for intent in intents)
    numbers = [f"{changes[change]} to {change}" for change in CHANGES if changes[change]]
    numbers += [f"{changes['unchanged']} unchanged"] if changes["unchanged"] else []
    print(f"  {'dry run':13s} {counted(len(intents), 'object')}: {', '.join(numbers)}; nothing was applied")


def _next_commands(target: Target, settings: LabSettings) -> tuple[str, str, str]:
    """Return the commands that look at the stack, measure on it, and take it down.

    `lab run` has no option for a namespace; one that is not the default is a variable before it.
    """
    options, run = f" {target.options}".rstrip(), "lab run notebooks/10_baseline.ipynb"
    if (name := target.declaration.name) != HERE:
        run += f" -p target {name}"
        if settings.namespace != LabSettings.model_fields["namespace"].default:
            run = f"LAB_NAMESPACE={settings.namespace} {run}"
    return f"lab status{options}", run, f"lab down{options}"


def _without_value(text: str) -> UsageFault:
    return UsageFault(f"--set {text}: NAME=VALUE is needed", next_step="--set LAB_WORKER_COST_US=100")
