"""Finds the program of the metrics server, or fetches it: `python -m lab.targets.processes.metrics.metrics_server`."""

import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lab.errors import LabError, Unavailable
from lab.settings import LabSettings, find_server, load_settings
from lab.targets.processes.metrics import debian_packages
from lab.targets.processes.metrics.debian_packages import Progress

NAME: Final = "prometheus"
PROGRAMS: Final = (NAME, "promtool")
"""Programs of the package that are kept."""
OLDEST: Final = (2, 40)
"""Major and minor version that the lab needs at least."""
OLDEST_TEXT: Final = ".".join(map(str, OLDEST))
CONFIG: Final = "prometheus.yml"
"""Name of the configuration in the server's folder."""
KEPT: Final = "7d"
"""Age at which the server removes samples, in its own notation."""
INSTALL: Final[Mapping[str, str]] = {
    "darwin": "brew install prometheus",
    "debian": "sudo apt install prometheus",
    "ubuntu": "sudo apt install prometheus",
    "arch": "sudo pacman -S prometheus",
    "alpine": "sudo apk add prometheus",
}
"""Operating system or distribution → command that installs the program."""
RUNNING_SERVER: Final = "or give a running one: lab up --prometheus http://127.0.0.1:9090"
OTHER_PROGRAM: Final = f"export LAB_PROMETHEUS=PROGRAM      (another Prometheus), {RUNNING_SERVER}"
VERSION: Final = re.compile(r"version (\d+)\.(\d+)\.(\d+)")
VERSION_TIMEOUT_S: Final = 10.0
SHOWN_CHARACTERS: Final = 200
"""Of the answer of a program that is no Prometheus."""


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
            debian_packages.fetch(NAME, PROGRAMS, cache_folder(settings), progress)
        except LabError as error:
            raise _missing(settings, error) from error
        program = cache_folder(settings) / NAME
    check_version(program)
    return program


def cache_folder(settings: LabSettings) -> Path:
    """Return the folder of the fetched program."""
    return settings.cache_dir / NAME


def check_version(program: Path | str, *, within_s: float = VERSION_TIMEOUT_S) -> str:
    """Return the version of a program, for example `2.42.0`.

    Raises:
        Unavailable: The program does not run, does not answer in time, is no Prometheus, or is too old.
    """
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=within_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        why = getattr(error, "strerror", None) or f"it tells no version within {within_s:g} s"
        raise Unavailable(f"cannot run {program} as prometheus", found=why, next_step=OTHER_PROGRAM) from error
    match = VERSION.search(done.stdout + done.stderr)
    if match is None:
        answer = done.stderr.strip()[:SHOWN_CHARACTERS]
        raise Unavailable(f"cannot use {program} as the metrics server", found=answer, next_step=OTHER_PROGRAM)
    version = ".".join(match.groups())
    if (int(match[1]), int(match[2])) < OLDEST:
        step = f"install ≥ {OLDEST_TEXT}, {RUNNING_SERVER}"
        raise Unavailable(f"prometheus {version} is too old", found=str(program), next_step=step)
    return version


def command(program: Path, port: int, folder: Path) -> tuple[str, ...]:
    """Return the command of a server on loopback; its configuration and its data are in *folder*."""
    return (
        str(program),
        f"--config.file={folder / CONFIG}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--storage.tsdb.retention.time={KEPT}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    )


def install_command() -> str:
    """Return the command that installs Prometheus on this machine; empty where none is known."""
    try:
        system = platform.freedesktop_os_release().get("ID", "")
    except OSError:
        system = platform.system().lower()
    return INSTALL.get(system, "")


def main() -> int:
    """Fetch Prometheus when this machine has none; return 0, or the exit code of the error."""
    try:
        provide_prometheus(load_settings(), lambda line: print(f"  metrics       {line}", file=sys.stderr))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _missing(settings: LabSettings, error: LabError) -> Unavailable:
    """Return the error for a Prometheus that is neither here nor can be fetched, which *error* explains."""
    cache, home = cache_folder(settings), Path.home()
    shown = f"~/{cache.relative_to(home)}" if cache.is_relative_to(home) else str(cache)
    return Unavailable(
        f"cannot start the metrics server: no prometheus on PATH and {error.attempted}",
        found="\n".join([f"looked in: PATH, {shown}", *error.found.splitlines()]),
        next_step=f"{install_command() or error.next_step}, {RUNNING_SERVER}",
    )


if __name__ == "__main__":
    raise SystemExit(main())
