"""Finds, fetches and configures the program of the metrics server."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from lab.errors import LabError, Unavailable
from lab.settings import LabSettings, find_server
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
RUNNING_SERVER = "or give a running one: lab up --prometheus http://127.0.0.1:9090"

Progress = Callable[[str], None]


def find_prometheus(settings: LabSettings) -> Path | None:
    """Return the Prometheus that the settings name, else that on PATH, else the fetched Prometheus, else None."""
    if settings.prometheus is not None:
        return settings.prometheus
    cached = cache_folder(settings) / NAME
    return find_server(settings, NAME) or (cached if cached.is_file() else None)


def provide_prometheus(settings: LabSettings, progress: Progress) -> Path:
    """Return the Prometheus program; fetch a missing program without root.

    Raises:
        Unavailable: The program is missing and cannot be fetched, does not run, or is too old.
    """
    program = find_prometheus(settings)
    if program is None:
        try:
            debian_packages.fetch(NAME, ("prometheus", "promtool"), cache_folder(settings), progress)
        except LabError as error:
            raise _missing(settings, str(error)) from error
        program = cache_folder(settings) / NAME
    check_version(program)
    return program


def cache_folder(settings: LabSettings) -> Path:
    """Return the folder of the fetched program."""
    return settings.cache_dir / NAME


def check_version(program: Path | str) -> str:
    """Return the version of a program, for example `2.42.0`; Unavailable when it does not run or is too old."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except OSError as error:
        raise Unavailable(f"cannot run {program} as prometheus", found=str(error.strerror)) from error
    match = re.search(r"version (\d+)\.(\d+)\.(\d+)", done.stdout + done.stderr)
    if match is None:
        raise Unavailable(f"cannot use {program} as the metrics server", found=done.stderr.strip()[:200])
    version = ".".join(match.groups())
    if (int(match[1]), int(match[2])) < OLDEST:
        raise Unavailable(
            f"prometheus {version} is too old", found=str(program), next_step=f"install ≥ 2.40, {RUNNING_SERVER}"
        )
    return version


def command(program: Path, port: int, folder: Path) -> tuple[str, ...]:
    """Return the command of a server on loopback that keeps its data below *folder*."""
    return (
        str(program),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--storage.tsdb.retention.time={KEPT}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    )


def _missing(settings: LabSettings, why: str) -> Unavailable:
    cache, home = cache_folder(settings), Path.home()
    shown = f"~/{cache.relative_to(home)}" if cache.is_relative_to(home) else str(cache)
    return Unavailable(
        f"cannot start the metrics server: no prometheus on PATH and {why.splitlines()[0]}",
        found="\n".join([f"looked in: PATH, {shown}", *(line.strip() for line in why.splitlines()[1:3])]),
        next_step=f"{INSTALL.get(_platform(), 'install prometheus ≥ 2.40')}, {RUNNING_SERVER}",
    )


def _platform() -> str:
    """Return `darwin`, or the ID of this distribution from /etc/os-release; empty when it has none."""
    if sys.platform == "darwin":
        return "darwin"
    release = Path("/etc/os-release")
    match = re.search(r'^ID="?([a-z]+)', release.read_text(encoding="utf-8") if release.exists() else "", re.MULTILINE)
    return match[1] if match else ""
