"""Commands for this machine: what is on it, what the lab left on it, how it is configured."""

import json
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from lab.errors import LabError, Unavailable, UsageFault
from lab.probes.check import Check
from lab.settings import find_program, load_settings, origins

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TargetOption = Annotated[str, typer.Option(help="Where services run.")]
LEAST_FREE_BYTES: Final = 500 << 20
REFUSALS: Final = {
    "processes": "this machine cannot run the embedded target",
    "kubernetes": "a stack on this cluster would not work",
}
"""Target → what it means that something is missing."""

config = typer.Typer(help="Show the lab's settings.", no_args_is_help=True)


def doctor(target: TargetOption = "processes", *, as_json: AsJson = False) -> None:
    """What is there to run a stack on, what is missing, the next step."""
    if target not in REFUSALS:
        raise UsageFault(
            f'no target "{target}"',
            found=f"there are: {', '.join(REFUSALS)}",
            next_step="lab doctor --target kubernetes",
        )
    checks = []
    for check in _checks(target):
        checks.append(check)
        for line in () if as_json else _lines(check):
            print(line, flush=True)
    if as_json:
        print(json.dumps([check._asdict() for check in checks], indent=2))
    if missing := ", ".join(check.name for check in checks if not check.good):
        raise Unavailable(REFUSALS[target], found=f"missing: {missing}")


def clean() -> None:
    """Remove what was fetched and every stack of yours; runs stay.

    Stacks of other projects of yours end, too.
    """
    from lab.wiring import stop_local_stacks  # noqa: PLC0415 - heavy

    settings = load_settings()
    print(f"  stopped  {stop_local_stacks(settings)} stacks")
    for folder in (settings.state_dir, settings.cache_dir):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.exists() else 0
        shutil.rmtree(folder, ignore_errors=True)
        print(f"  removed  {folder} ({size / 1e6:,.1f} MB)")
    print(f"  kept     {settings.runs_dir}")


@config.command("show")
def show() -> None:
    """Every setting, its value, and where that comes from."""
    for name, value, origin in origins(load_settings()):
        print(f"  {name:22s} {value!s:52s} {origin}")


def _checks(target: str) -> Iterator[Check]:
    if target == "kubernetes":
        from lab.probes.doctor import check_everything  # noqa: PLC0415 - heavy

        return check_everything(load_settings())
    return (check() for check in CHECKS)


def _lines(check: Check) -> Iterator[str]:
    yield f"  {'✓' if check.good else '✗'} {check.name:16s} {check.found}"
    if check.next_step:
        yield f"    {'':16s} do: {check.next_step}"


def _python() -> Check:
    version = platform.python_version()
    return Check(
        "python", sys.version_info >= (3, 11), version, "" if sys.version_info >= (3, 11) else "install ≥ 3.11"
    )


def _platform() -> Check:
    good = sys.platform.startswith("linux")
    step = "" if good else "use WSL or a Linux machine; the target kubernetes works from here, too"
    return Check("platform", good, f"{platform.system()} {platform.machine()}", step)


def _store() -> Check:
    from lab.targets.processes.store_server import find_store, version_of  # noqa: PLC0415 - heavy

    settings = load_settings()
    if settings.redis_url:
        return Check("store", good=True, found=f"yours: {settings.redis_url}")
    try:
        return Check("store", good=True, found=str(version_of(find_store(settings))))
    except LabError as error:
        return Check("store", good=False, found=str(error).splitlines()[0], next_step=error.next_step)


def _prometheus() -> Check:
    from lab.targets.processes.metrics_server import find_prometheus  # noqa: PLC0415 - heavy

    settings = load_settings()
    if settings.prometheus_url:
        return Check("prometheus", good=True, found=f"yours: {settings.prometheus_url}")
    found = find_prometheus(settings)
    if found is not None:
        return Check("prometheus", good=True, found=str(found))
    if find_program("apt-get"):
        return Check("prometheus", good=True, found="not here yet; the first run fetches it with apt-get, without root")
    return Check("prometheus", good=False, found="not on PATH, and no apt-get", next_step="install prometheus ≥ 2.40")


def _disk() -> Check:
    folder = load_settings().state_dir
    free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    step = "" if free > LEAST_FREE_BYTES else f"free some space below {folder}"
    return Check("disk", free > LEAST_FREE_BYTES, f"{free / 1e9:,.1f} GB free", step)


def _runs() -> Check:
    folder = load_settings().runs_dir
    return Check("runs", good=True, found=f"{folder} ({_count(folder)} runs)")


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.glob("*/run.json"))


CHECKS: Final[tuple[Callable[[], Check], ...]] = (_platform, _python, _store, _prometheus, _disk, _runs)
