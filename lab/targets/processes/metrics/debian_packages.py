"""Fetches programs from a Debian package, without root and without a previous `apt-get update`."""

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lab.errors import Unavailable
from lab.files import write_text
from lab.settings import find_program, inherited_environment
from lab.targets.processes.locks import Lock, Taken
from lab.waiting import Polls

TOOLS: Final = ("apt-get", "apt-cache", "dpkg")
UPDATE_TIMEOUT_S: Final = 180.0
DOWNLOAD_TIMEOUT_S: Final = 600.0
INDEX_TIMEOUT_S: Final = 60.0
UNPACK_TIMEOUT_S: Final = 120.0
BIN: Final = Path("usr", "bin")
"""Folder of the programs in a package."""
WAIT_EVERY_S: Final = 1.0
"""Between two attempts to fetch while another process fetches."""
SHOWN_ERRORS: Final = 2
"""Lines of a failed tool that an error shows."""
OTHER_CACHE: Final = "make room and allow writing there, or use another folder: export LAB_CACHE_DIR=FOLDER"
REFRESH: Final = "sudo apt-get update      (shows which source of packages does not answer)"

Progress = Callable[[str], None]
"""Called with a line for the user before each step that takes seconds."""


def fetch(package: str, programs: tuple[str, ...], folder: Path, progress: Progress) -> None:
    """Put *programs* of a package into *folder*, which appears complete or not at all.

    Raises:
        Unavailable: This machine has no apt, or the package cannot be fetched or kept.
    """
    if missing := [tool for tool in TOOLS if find_program(tool) is None]:
        raise Unavailable(
            "no apt on this machine",
            found=f"not on PATH: {', '.join(missing)}",
            next_step=f"install {package} with this machine's own package manager",
        )
    try:
        _fetch_once(package, programs, folder, progress)
    except OSError as error:
        raise Unavailable(
            f"cannot keep {package} in {folder.parent}", found=str(error), next_step=OTHER_CACHE
        ) from error


def _fetch_once(package: str, programs: tuple[str, ...], folder: Path, progress: Progress) -> None:
    """Fetch the package unless another process has done so meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = _wait_for(folder.with_name(f".{package}.lock"), progress)
    try:
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{package}-") as scratch:
                _fetch(package, programs, Path(scratch), progress).rename(folder)
    finally:
        lock.release()


def _wait_for(path: Path, progress: Progress) -> Lock:
    """Take the lock of the cache folder; another process may be fetching the same package."""
    polls = Polls(within_s=UPDATE_TIMEOUT_S + DOWNLOAD_TIMEOUT_S, every_s=WAIT_EVERY_S)
    while True:
        try:
            return Lock(path)
        except Taken as error:
            progress("waiting for another process that fetches the same package")
            if not polls.another():
                raise Unavailable(
                    "another process has been fetching the package for too long",
                    found=f"it holds {path}",
                    next_step=f"fuser -v {path}      (names that process)",
                ) from error


def _fetch(package: str, programs: tuple[str, ...], scratch: Path, progress: Progress) -> Path:
    apt = _Apt(scratch)
    progress("reading apt's package lists")
    apt.run("apt-get", "update", within_s=UPDATE_TIMEOUT_S)
    progress(f"fetching {package} with apt, once")
    apt.run("apt-get", "download", package, within_s=DOWNLOAD_TIMEOUT_S)
    archive = next(scratch.glob(f"{package}_*.deb"), None)
    if archive is None:
        raise Unavailable(
            f"apt fetched no package {package}",
            found=f"`apt-get download` left no {package}_*.deb",
            next_step=f"apt-cache policy {package}      (which sources have it)",
        )
    digest = _verified_digest(archive, apt.run("apt-cache", "show", package, within_s=INDEX_TIMEOUT_S))
    apt.run("dpkg", "-x", str(archive), str(scratch / "root"), within_s=UNPACK_TIMEOUT_S)
    return _extracted(programs, scratch, f"{archive.name} sha256:{digest}\n")


def _verified_digest(archive: Path, index: str) -> str:
    """Return the SHA-256 of the archive, which must be in apt's signed index."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest not in re.findall(r"^SHA256: ([0-9a-f]{64})$", index, re.MULTILINE):
        raise Unavailable(
            f"{archive.name} does not match apt's index", found=f"its SHA-256 is {digest}", next_step=REFRESH
        )
    return digest


def _extracted(programs: tuple[str, ...], scratch: Path, origin: str) -> Path:
    """Collect the programs in a folder, with a note that names the archive."""
    kept = scratch / "kept"
    kept.mkdir()
    for program in programs:
        unpacked = scratch / "root" / BIN / program
        if not unpacked.is_file():
            raise Unavailable(
                f"apt's package holds no {program}",
                found=f"{origin.split(maxsplit=1)[0]} has none in /{BIN}",
                next_step="install the program in another way",
            )
        shutil.move(unpacked, kept / program)
    write_text(kept / "origin.txt", origin)
    return kept


class _Apt:
    """Runs the tools of apt with their own package lists and cache."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        lists, cache = scratch / "lists", scratch / "cache"
        (lists / "partial").mkdir(parents=True)
        (cache / "archives" / "partial").mkdir(parents=True)
        options = {
            "Dir::State::lists": lists,
            "Dir::Cache": cache,
            "Debug::NoLocking": 1,
            "APT::Sandbox::User": "",
            "APT::Get::AllowUnauthenticated": "false",
            "Acquire::AllowInsecureRepositories": "false",
            "Acquire::Retries": 2,
        }
        self._options = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]

    def run(self, tool: str, *arguments: str, within_s: float) -> str:
        """Run a tool and return its output.

        Raises:
            Unavailable: The tool fails, or takes longer than *within_s* seconds; its first errors are shown.
        """
        options = self._options if tool.startswith("apt") else []
        try:
            done = subprocess.run(
                [str(find_program(tool)), *options, *arguments],
                cwd=self._scratch,
                env=inherited_environment() | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=within_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            why = f"it took longer than {within_s:g} s"
            raise Unavailable(f"`{tool} {arguments[0]}` did not end", found=why, next_step=REFRESH) from error
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:", "dpkg"))]
            shown = "\n".join(errors[:SHOWN_ERRORS])
            raise Unavailable(f"`{tool} {arguments[0]}` failed", found=shown, next_step=REFRESH)
        return done.stdout
