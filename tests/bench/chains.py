"""The two chains that are compared, from gRPC call to counted event, each on a store of its own."""

import contextlib
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import redis

from lab.settings import inherited_environment
from lab.targets.processes.metrics.destination import telemetry_environment
from services.bootstrap.store import bootstrap
from services.ledger.connection import StoreSettings
from services.ledger.redis_ledger import open_ledger
from tests.programs import await_port, free_port, ready_file, service, store, tied_to_parent

DRAIN_S: Final = 60.0
OUR_METHOD: Final = "/lab.ingest.v1.IngestService/Append"
NAIVE: Final = (sys.executable, "-m", "tests.bench.naive_chain")
NO_TELEMETRY: Final = {"OTEL_SDK_DISABLED": "true"}


@dataclass(frozen=True, slots=True)
class Chain:
    """One running chain.

    Attributes:
        address: host:port that calls go to.
        method: Full name of the method.
        pids: Process name → pid, of every process whose CPU time counts.
        counted: Returns the events counted so far, by the store.
    """

    address: str
    method: str
    pids: Mapping[str, int]
    counted: Callable[[], int]

    def await_counted(self, events: int) -> None:
        """Wait until *events* events are counted. Raises TimeoutError after a minute."""
        end, pause = time.monotonic() + DRAIN_S, threading.Event()
        while (counted := self.counted()) < events:
            if time.monotonic() > end:
                raise TimeoutError(f"{counted:,} of {events:,} events counted")
            pause.wait(0.02)
        if counted != events:
            raise AssertionError(f"{counted:,} events counted, {events:,} sent")


@contextlib.contextmanager
def our_chain(*, telemetry: bool = True) -> Iterator[Chain]:
    """Run the services with their default settings, scraped every second as in the lab."""
    with store() as (port, server, folder), contextlib.ExitStack() as stack:
        url = f"redis://127.0.0.1:{port}/0"
        bootstrap(StoreSettings(redis_url=url), require_durability="durable")
        extra = telemetry_environment(inherited_environment()) if telemetry else NO_TELEMETRY
        services = {
            name: stack.enter_context(service(name, folder, {"LAB_REDIS_URL": url} | extra))
            for name in ("ingest-api", "process-worker")
        }
        ready = {name: ready_file(folder, name) for name in services}
        if telemetry:
            stack.enter_context(_scraped([contents["metrics"] for contents in ready.values()]))
        ledger = open_ledger(StoreSettings(redis_url=url), "bench")
        pids = {"valkey": server.pid} | {name: process.pid for name, process in services.items()}
        yield Chain(ready["ingest-api"]["grpc"], OUR_METHOD, pids, lambda: ledger.balance().counted)


@contextlib.contextmanager
def naive_chain() -> Iterator[Chain]:
    """Run `tests.bench.naive_chain`, with the same settings of the store."""
    with store() as (port, server, folder):
        grpc_port = free_port()
        roles = {"ingest-api": ["ingest", str(port), str(grpc_port)], "process-worker": ["worker", str(port)]}
        with contextlib.ExitStack() as stack:
            processes = {
                name: stack.enter_context(tied_to_parent([*NAIVE, *role], {}, folder / f"{name}.log"))
                for name, role in roles.items()
            }
            await_port(grpc_port)
            client = redis.Redis(port=port)
            pids = {"valkey": server.pid} | {name: process.pid for name, process in processes.items()}
            yield Chain(
                f"127.0.0.1:{grpc_port}",
                "/naive.Ingest/Append",
                pids,
                lambda: int(client.hget("naive:ledger", "counted") or 0),
            )


@contextlib.contextmanager
def _scraped(addresses: list[str]) -> Iterator[None]:
    """Fetch the metrics of each address once a second, as Prometheus does."""
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
