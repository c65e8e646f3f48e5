"""Commands for this machine: clean it, show its settings."""

from typing import Annotated

import typer

from lab import wiring
from lab.files import remove_folder
from lab.model.plurals import counted
from lab.settings import LabSettings, load_settings, origins
from lab.targets.port import Cleaned, Cleaning


def clean(*, everything: Annotated[bool, typer.Option("--all", help="Of your other projects, too.")] = False) -> None:
    """Remove this project's stack and fetched programs; runs stay.

    Fetched programs stay while stacks of other projects are up, which run with them.
    """
    settings = load_settings()
    stacks = _stop_stacks(settings, everyone=everything)
    print(f"  stopped  {counted(stacks.stopped, 'stack')}")
    unused = {settings.state_dir: everything, settings.cache_dir: not stacks.left}
    for folder, is_unused in unused.items():
        if is_unused:
            print(f"  removed  {folder} ({remove_folder(folder) / 1e6:,.1f} MB)")
    if stacks.left:
        kept = f"{counted(stacks.left, 'stack')} of other projects or runs, fetched programs"
        print(f"  kept     {kept}      (lab clean --all ends them)")
    print(f"  kept     {settings.runs_dir}")


def show() -> None:
    """Every setting with its value and its origin."""
    for name, value, origin in origins(load_settings()):
        print(f"  {name:22s} {value!s:52s} {origin}")


def _stop_stacks(settings: LabSettings, *, everyone: bool) -> Cleaned:
    """Stop the stacks on every target that leaves any on this machine; see `Cleaning.clean`."""
    targets = [wiring.target(name, settings) for name in wiring.TARGETS]
    cleaned = [target.clean(everyone=everyone) for target in targets if isinstance(target, Cleaning)]
    return Cleaned(sum(each.stopped for each in cleaned), sum(each.left for each in cleaned))
