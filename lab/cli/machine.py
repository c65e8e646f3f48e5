"""Commands for this machine: what is on it, what the lab left on it, how it is configured."""

import json
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from lab.errors import LabError, Unavailable
from lab.settings import find_program, load_settings, origins

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LEAST_FREE_BYTES: Final = 500 << 20

config = typer.Typer(help="Show the lab's settings.", no_args_is_help=True)


class Finding(NamedTuple):
    """One thing that was looked at; a problem has a next step."""

    name: str
    good: bool
    found: str
    next_step: str = ""


def doctor(*, as_json: AsJson = False) -> None:
    """What is on this machine, what is missing, the next step."""
    findings = [check() for check in CHECKS]
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        for line in _lines(findings):
            print(line)
    missing = [finding for finding in findings if not finding.good]
    if missing:
        names = ", ".join(finding.name for finding in missing)
        raise Unavailable("this machine cannot run the embedded target", found=f"missing: {names}")


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


def _lines(findings: list[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"  {'✓' if finding.good else '✗'} {finding.name:12s} {finding.found}"
        if finding.next_step:
            yield f"    {'':12s} do: {finding.next_step}"


def _python() -> Finding:
    version = platform.python_version()
    return Finding(
        "python", sys.version_info >= (3, 11), version, "" if sys.version_info >= (3, 11) else "install ≥ 3.11"
    )


def _platform() -> Finding:
    good = sys.platform.startswith("linux")
    step = "" if good else "use WSL or a Linux machine; the target kubernetes works from here, too"
    return Finding("platform", good, f"{platform.system()} {platform.machine()}", step)


def _store() -> Finding:
    from lab.targets.store import find_store, version_of  # noqa: PLC0415 - heavy

    settings = load_settings()
    if settings.redis_url:
        return Finding("store", good=True, found=f"yours: {settings.redis_url}")
    try:
        return Finding("store", good=True, found=str(version_of(find_store(settings))))
    except LabError as error:
        return Finding("store", good=False, found=str(error).splitlines()[0], next_step=error.next_step)


def _prometheus() -> Finding:
    from lab.targets.prometheus import find_prometheus  # noqa: PLC0415 - heavy

    settings = load_settings()
    if settings.prometheus_url:
        return Finding("prometheus", good=True, found=f"yours: {settings.prometheus_url}")
    found = find_prometheus(settings)
    if found is not None:
        return Finding("prometheus", good=True, found=str(found))
    if find_program("apt-get"):
        return Finding(
            "prometheus", good=True, found="not here yet; the first run fetches it with apt-get, without root"
        )
    return Finding("prometheus", good=False, found="not on PATH, and no apt-get", next_step="install prometheus ≥ 2.40")


def _disk() -> Finding:
    folder = load_settings().state_dir
    free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    step = "" if free > LEAST_FREE_BYTES else f"free some space below {folder}"
    return Finding("disk", free > LEAST_FREE_BYTES, f"{free / 1e9:,.1f} GB free", step)


def _runs() -> Finding:
    folder = load_settings().runs_dir
    return Finding("runs", good=True, found=f"{folder} ({_count(folder)} runs)")


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.glob("*/run.json"))


CHECKS: Final[tuple[Callable[[], Finding], ...]] = (_platform, _python, _store, _prometheus, _disk, _runs)
