"""Programs out of a distribution's package, without root and without a previous `apt-get update`."""

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
    """Put *programs* of a package into *folder*; it appears as a whole or not at all.

    Raises:
        Unavailable: This machine has no apt, or the package cannot be had.
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
    """The lock of this cache; somebody else may be fetching the same."""
    pause, end = threading.Event(), time.monotonic() + UPDATE_TIMEOUT_S + DOWNLOAD_TIMEOUT_S
    while True:
        try:
            return Lock(path)
        except Taken as error:
            if time.monotonic() > end:
                raise Unavailable("another process has been fetching it for too long", found=str(path)) from error
            progress("waiting for another process that fetches the same")
            pause.wait(1.0)


def _fetch(package: str, programs: tuple[str, ...], scratch: Path, progress: Progress) -> Path:
    apt = _Apt(scratch)
    progress("reading apt's package lists")
    apt.run("apt-get", "update", timeout=UPDATE_TIMEOUT_S)
    progress(f"fetching {package} with apt, once")
    apt.run("apt-get", "download", package, timeout=DOWNLOAD_TIMEOUT_S)
    archive = next(scratch.glob(f"{package}_*.deb"), None)
    if archive is None:
        raise Unavailable(f"apt brought no package {package}")
    digest = _checked(archive, apt.run("apt-cache", "show", package, timeout=60))
    apt.run("dpkg", "-x", str(archive), str(scratch / "root"), timeout=120)
    return _keep(programs, scratch, f"{archive.name} sha256:{digest}\n")


def _checked(archive: Path, index: str) -> str:
    """The hash of the archive, which has to stand in apt's signed index; apt has compared it too."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest not in re.findall(r"^SHA256: ([0-9a-f]{64})$", index, re.MULTILINE):
        raise Unavailable(f"{archive.name} is not what apt's index says", found=f"its SHA-256 is {digest}")
    return digest


def _keep(programs: tuple[str, ...], scratch: Path, origin: str) -> Path:
    kept = scratch / "kept"
    kept.mkdir()
    for program in programs:
        shutil.move(scratch / "root" / "usr" / "bin" / program, kept / program)
    write_text(kept / "origin.txt", origin)
    return kept


class _Apt:
    """Runs apt with lists and caches of its own."""

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
        """Run one tool; what it printed. Unavailable with its last words when it fails."""
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
            words = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:", "dpkg"))]
            raise Unavailable(f"`{tool} {arguments[0]}` failed", found="\n".join(words[:2]))
        return done.stdout
