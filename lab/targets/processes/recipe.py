"""Makes the plan of a stack: store, metrics server, bootstrap and services, each with its environment."""

import hashlib
import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.files import write_text
from lab.model import StoreFacts
from lab.settings import LabSettings, is_set
from lab.systems.services import SERVICES
from lab.targets.drain import process_grace_s
from lab.targets.free_ports import free_port
from lab.targets.processes import metrics_server, scraping, store_server
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.plan import Plan, Program, Ready

STORE, METRICS, BOOTSTRAP = "redis", "prometheus", "bootstrap"
PINS = {"LAB_BIND": "grpc", "LAB_HEALTH_BIND": "health", "OTEL_EXPORTER_PROMETHEUS_PORT": "metrics:port"}
OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
# With the C library's defaults, the worker returns the buffers of every commit to the kernel and faults them in again:
# 440 page faults a commit.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824"}

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The input of a plan: the lab's settings, settings of services, and whether the stack is thrown away."""

    settings: LabSettings
    services: Mapping[str, str]
    throw_away: bool = True

    def plan(self, folder: StackFolder, progress: Progress) -> Plan:
        """Return the plan; fetch a missing metrics server and claim the folder of the store's data."""
        metrics, metrics_url = self._metrics(folder, progress)
        data, redis_url = self._store(folder)
        before = tuple(program.name for program in data)
        services = (self._service(folder, name, redis_url) for name in SERVICES)
        return Plan(
            # The metrics server comes first, because it reads its targets only 5 s after its own start.
            (*metrics, *data, self._bootstrap(folder, redis_url, before), *services),
            config_hash=config_hash(self.services),
            throw_away=self.throw_away,
            scrape_dir=str(folder.prometheus / scraping.TARGETS),
            redis_url=redis_url,
            prometheus_url=metrics_url,
        )

    def _store(self, folder: StackFolder) -> tuple[tuple[Program, ...], str]:
        if self.settings.redis_url:
            return (), self.settings.redis_url
        server = store_server.find_store(self.settings)
        store_server.claim_data(folder.redis, store_server.version_of(server))
        port = free_port()
        address = f"127.0.0.1:{port}"
        program = Program(
            STORE,
            store_server.command(server, port, folder.redis),
            Ready("redis", address, self.settings.start_timeout_s),
            str(folder.log_of(STORE)),
        )
        return (program,), f"redis://{address}/0"

    def _metrics(self, folder: StackFolder, progress: Progress) -> tuple[tuple[Program, ...], str]:
        (folder.prometheus / scraping.TARGETS).mkdir(parents=True, exist_ok=True)
        if self.settings.prometheus_url:
            return (), self.settings.prometheus_url
        server = metrics_server.provide_prometheus(self.settings, progress)
        write_text(
            folder.prometheus / "prometheus.yml", scraping.config(SERVICES, folder.prometheus / scraping.TARGETS)
        )
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        program = Program(
            METRICS,
            metrics_server.command(server, port, folder.prometheus),
            Ready("http", f"{url}/-/ready", self.settings.start_timeout_s),
            str(folder.log_of(METRICS)),
        )
        return (program,), url

    def _bootstrap(self, folder: StackFolder, redis_url: str, after: tuple[str, ...]) -> Program:
        return Program(
            BOOTSTRAP,
            (sys.executable, "-m", "services.bootstrap"),
            Ready("once", deadline_s=self.settings.start_timeout_s),
            str(folder.log_of(BOOTSTRAP)),
            after=after,
            environment=self._store_environment(redis_url),
        )

    def _service(self, folder: StackFolder, name: str, redis_url: str) -> Program:
        ready = folder.ready / f"{name}.json"
        return Program(
            name,
            (sys.executable, "-m", f"services.{name.replace('-', '_')}"),
            Ready("file", str(ready), self.settings.start_timeout_s),
            str(folder.log_of(name)),
            after=(BOOTSTRAP,),
            environment={
                "LAB_BIND": "127.0.0.1:0",
                "LAB_HEALTH_BIND": "127.0.0.1:0",
                "LAB_SPANS_FILE": str(folder.spans / f"{name}.jsonl"),
                **telemetry_environment(),
                **(MALLOC if name == "process-worker" else {}),
                **self._store_environment(redis_url),
                "LAB_READY_FILE": str(ready),
            },
            pins=PINS,
            grace_s=process_grace_s(self.services),
        )

    def _store_environment(self, redis_url: str) -> dict[str, str]:
        files = {
            "LAB_REDIS_PASSWORD_FILE": self.settings.redis_password_file,
            "LAB_REDIS_CA_FILE": self.settings.redis_ca_file,
        }
        named = {variable: str(path.absolute()) for variable, path in files.items() if path is not None}
        return {**self.services, "LAB_REDIS_URL": redis_url, **named}


def telemetry_environment() -> dict[str, str]:
    """Return variables that expose metrics on a free port, unless the user's own variables differ (D7)."""
    defaults = {"OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1", "OTEL_EXPORTER_PROMETHEUS_PORT": "0"}
    if not is_set(*OTLP_ENDPOINTS):
        defaults["OTEL_METRICS_EXPORTER"] = "prometheus"
    return {name: value for name, value in defaults.items() if not is_set(name)}


def config_hash(services: Mapping[str, str]) -> str:
    """Return twelve characters that change with the services' settings, with Python and with the services' code."""
    digest = hashlib.sha256(json.dumps([dict(services), telemetry_environment()], sort_keys=True).encode())
    digest.update(sys.version.encode())
    package = importlib.util.find_spec("services")
    for root in sorted(package.submodule_search_locations or ()) if package else ():
        for path in sorted([*Path(root).rglob("*.py"), *Path(root).rglob("*.lua")]):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def store_facts(line: str) -> StoreFacts:
    """Read the store's facts from the last line of bootstrap, a JSON object; unknown when the line is unreadable.

    >>> store_facts('{"kind": "valkey", "version": "9.1.2", "durability": "durable"}')
    StoreFacts(kind='valkey', version='9.1.2', durability='durable')
    """
    try:
        fields = json.loads(line)
        return StoreFacts(str(fields["kind"]), str(fields["version"]), str(fields["durability"]))
    except (ValueError, KeyError, TypeError):
        return StoreFacts("unknown", "", "unknown")
