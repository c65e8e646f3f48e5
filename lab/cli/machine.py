"""Commands for this machine: check it, clean it, show its settings."""

import json
import shutil
from collections.abc import Iterator
from typing import Annotated

import typer

from lab import wiring
from lab.cli.options import HERE, AsJson, TargetOption
from lab.diagnosis.doctor import Check, examine
from lab.errors import Unavailable
from lab.settings import load_settings, origins
from lab.targets.port import Cleaning


def doctor(target: TargetOption = HERE, *, as_json: AsJson = False) -> None:
    """What a stack needs: what is there, what is missing, the next step."""
    settings = load_settings()
    checks = examine(wiring.snapshots(target, settings).take("before"))
    if as_json:
        print(json.dumps([check._asdict() for check in checks], indent=2))
    else:
        print("\n".join(line for check in checks for line in _lines(check)))
    if missing := ", ".join(check.name for check in checks if not check.good):
        raise Unavailable(wiring.target(target, settings).declaration.unfit, found=f"missing: {missing}")


def clean(*, everything: Annotated[bool, typer.Option("--all", help="Of your other projects, too.")] = False) -> None:
    """Remove this project's stack and fetched programs; runs stay.

    Fetched programs stay while stacks of other projects are up, which run with them.
    """
    settings = load_settings()
    targets = [wiring.target(name, settings) for name in wiring.TARGETS]
    cleaned = [target.clean(everyone=everything) for target in targets if isinstance(target, Cleaning)]
    left = sum(each.left for each in cleaned)
    print(f"  stopped  {sum(each.stopped for each in cleaned)} stacks")
    unused = {settings.state_dir: everything, settings.cache_dir: not left}
    for folder in (folder for folder, removes in unused.items() if removes):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.exists() else 0
        shutil.rmtree(folder, ignore_errors=True)
        print(f"  removed  {folder} ({size / 1e6:,.1f} MB)")
    if left:
        print(f"  kept     {left} stacks of other projects or runs, fetched programs      (lab clean --all ends them)")
    print(f"  kept     {settings.runs_dir}")


def show() -> None:
    """Every setting with its value and its origin."""
    for name, value, origin in origins(load_settings()):
        print(f"  {name:22s} {value!s:52s} {origin}")


def _lines(check: Check) -> Iterator[str]:
    yield f"  {'✓' if check.good else '✗'} {check.name:16s} {check.found}"
    if check.next_step:
        yield f"    {'':16s} do: {check.next_step}"
