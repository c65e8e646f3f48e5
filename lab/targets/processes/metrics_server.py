"""The metrics server: which program, with which flags; fetched once where the machine has none."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from lab.errors import LabError, Unavailable
from lab.settings import LabSettings, find_program, find_server
from lab.targets.processes import debian_packages

NAME = "prometheus"
OLDEST = (2, 40)
KEPT = "7d"
INSTALL = {
    "darwin": "brew install prometheus",
    "debian": "sudo apt install prometheus",
    "ubuntu": "sudo apt install prometheus",
    "arch": "sudo pacman -S prometheus",
    "alpine": "sudo apk add prometheus",
}
ANOTHER = "or give a running one: lab up --prometheus http://127.0.0.1:9090"

Progress = Callable[[str], None]


def find_prometheus(settings: LabSettings) -> Path | None:
    """The program named by the settings, else on PATH, else fetched before; None where there is none."""
    if settings.prometheus is not None:
        return settings.prometheus
    cached = cache_folder(settings) / NAME
    return find_server(settings, NAME) or (cached if cached.is_file() else None)


def provide_prometheus(settings: LabSettings, progress: Progress) -> Path:
    """The program, fetched without root where it is missing.

    Raises:
        Unavailable: There is none, and it cannot be fetched.
    """
    found = find_prometheus(settings)
    if found is None:
        try:
            debian_packages.fetch(NAME, ("prometheus", "promtool"), cache_folder(settings), progress)
        except LabError as error:
            raise _missing(settings, str(error)) from error
        found = cache_folder(settings) / NAME
    check_version(found)
    return found


def can_fetch() -> bool:
    """Whether this machine has what fetching needs."""
    return all(find_program(tool) for tool in debian_packages.TOOLS)


def cache_folder(settings: LabSettings) -> Path:
    """Where a fetched one is kept."""
    return settings.cache_dir / NAME


def check_version(program: Path | str) -> str:
    """Its version, for example `2.42.0`; Unavailable where it does not run or is too old."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except OSError as error:
        raise Unavailable(f"cannot run {program}", found=str(error.strerror)) from error
    match = re.search(r"version (\d+)\.(\d+)\.(\d+)", said.stdout + said.stderr)
    if match is None:
        raise Unavailable(f"cannot use {program} as the metrics server", found=said.stderr.strip()[:200])
    version = ".".join(match.groups())
    if (int(match[1]), int(match[2])) < OLDEST:
        raise Unavailable(
            f"prometheus {version} is too old", found=str(program), next_step=f"install ≥ 2.40, {ANOTHER}"
        )
    return version


def command(program: Path, port: int, folder: Path) -> tuple[str, ...]:
    """The server on loopback, with its data below *folder*."""
    return (
        str(program),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--storage.tsdb.retention.time={KEPT}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    )


def _missing(settings: LabSettings, why: str) -> Unavailable:
    looked = cache_folder(settings)
    home = Path.home()
    shown = f"~/{looked.relative_to(home)}" if looked.is_relative_to(home) else str(looked)
    return Unavailable(
        f"cannot start the metrics server: no prometheus on PATH and {why.splitlines()[0]}",
        found="\n".join([f"looked in: PATH, {shown}", *(line.strip() for line in why.splitlines()[1:3])]),
        next_step=f"{INSTALL.get(_platform(), 'install prometheus ≥ 2.40')}, {ANOTHER}",
    )


def _platform() -> str:
    """`darwin`, or what /etc/os-release calls this distribution."""
    if sys.platform == "darwin":
        return "darwin"
    release = Path("/etc/os-release")
    match = re.search(r'^ID="?([a-z]+)', release.read_text(encoding="utf-8") if release.exists() else "", re.MULTILINE)
    return match[1] if match else ""
