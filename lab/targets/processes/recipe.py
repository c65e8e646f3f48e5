"""Decides the plan of a stack from what was provided. Pure."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lab.settings import LabSettings
from lab.snapshots.telemetry_variables import SCRAPED_PORT
from lab.systems.services import PROCESS_WORKER, SERVICES
from lab.targets.drain import process_grace_s
from lab.targets.processes import store_server
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.metrics import metrics_server
from lab.targets.processes.plan import BOOTSTRAP, METRICS, STORE, Plan, Program, Ready
from lab.targets.processes.provisions import Provisions
from services.contracts import store_users

ANY_PORT: Final = "127.0.0.1:0"
PINS: Final[Mapping[str, str]] = {"LAB_BIND": "grpc", "LAB_HEALTH_BIND": "health", SCRAPED_PORT: "metrics:port"}
"""Variable → address in the ready file that a restarted service gets again."""
MALLOC: Final[Mapping[str, str]] = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824"}
"""Variables of the worker. With the C library's defaults, it returns the buffers of every commit to the kernel and
faults them in again: 440 page faults a commit."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is requested of a stack.

    Attributes:
        settings: The lab's settings.
        services: Settings of services by environment name.
        throw_away: The stack ends with the process that starts it, and its folder is removed.
    """

    settings: LabSettings
    services: Mapping[str, str]
    throw_away: bool = True

    def plan(self, folder: StackFolder, provisions: Provisions) -> Plan:
        """Return the plan of a stack in *folder*.

        Raises:
            BadConfig: The drain of the services is no number of seconds, or too long.
        """
        store, redis_url = self._store(folder, provisions)
        metrics, prometheus_url = self._metrics(folder, provisions)
        environment = {**self.services, "LAB_REDIS_URL": redis_url}
        login = environment | _login(BOOTSTRAP, folder, provisions)
        bootstrap = self._bootstrap(folder, login, after=tuple(program.name for program in store))
        services = (
            self._service(name, folder, provisions.telemetry, environment | _login(name, folder, provisions))
            for name in SERVICES
        )
        return Plan(
            # The metrics server comes first, because it reads its targets only 5 s after its own start.
            (*metrics, *store, bootstrap, *services),
            config_hash=provisions.config_hash,
            throw_away=self.throw_away,
            scrape_dir=str(folder.scrape_targets),
            redis_url=redis_url,
            prometheus_url=prometheus_url,
            token_file=str(folder.token),
        )

    def _store(self, folder: StackFolder, provisions: Provisions) -> tuple[tuple[Program, ...], str]:
        """Return the program of the store, if the stack has one, and the store's URL."""
        server = provisions.store
        if server is None:
            return (), self.settings.redis_url
        program = Program(
            STORE,
            store_server.command(server.program, server.port, folder.redis, folder.store_users),
            Ready(
                "redis",
                server.address,
                self.settings.start_timeout_s,
                user=store_users.BOOTSTRAP,
                password_file=str(folder.password_of(store_users.BOOTSTRAP)),
            ),
            str(folder.log_of(STORE)),
        )
        return (program,), f"redis://{server.address}/0"

    def _metrics(self, folder: StackFolder, provisions: Provisions) -> tuple[tuple[Program, ...], str]:
        """Return the program of the metrics server, if the stack has one, and the server's URL."""
        server = provisions.metrics
        if server is None:
            return (), self.settings.prometheus_url
        url = f"http://{server.address}"
        program = Program(
            METRICS,
            metrics_server.command(server.program, server.port, folder.prometheus),
            Ready("http", f"{url}/-/ready", self.settings.start_timeout_s),
            str(folder.log_of(METRICS)),
        )
        return (program,), url

    def _bootstrap(self, folder: StackFolder, environment: Mapping[str, str], *, after: tuple[str, ...]) -> Program:
        return Program(
            BOOTSTRAP,
            (sys.executable, "-m", "services.bootstrap"),
            Ready("once", deadline_s=self.settings.start_timeout_s),
            str(folder.log_of(BOOTSTRAP)),
            after=after,
            environment=environment,
        )

    def _service(
        self, name: str, folder: StackFolder, telemetry: Mapping[str, str], environment: Mapping[str, str]
    ) -> Program:
        ready = folder.ready / f"{name}.json"
        return Program(
            name,
            (sys.executable, "-m", f"services.{name.replace('-', '_')}"),
            Ready("file", str(ready), self.settings.start_timeout_s),
            str(folder.log_of(name)),
            after=(BOOTSTRAP,),
            environment={
                "LAB_BIND": ANY_PORT,
                "LAB_HEALTH_BIND": ANY_PORT,
                "LAB_SPANS_FILE": str(folder.spans / f"{name}.jsonl"),
                **telemetry,
                **(MALLOC if name == PROCESS_WORKER else {}),
                "LAB_TOKEN_FILE": str(folder.token),
                **environment,
                "LAB_READY_FILE": str(ready),
            },
            pins=PINS,
            grace_s=process_grace_s(self.services),
        )


def _login(name: str, folder: StackFolder, provisions: Provisions) -> dict[str, str]:
    """Return variables that tell a program how to log in to the store; empty for a program without the store."""
    if provisions.store is None:
        return dict(provisions.secrets)
    if name not in store_users.USERS:
        return {}
    return {"LAB_REDIS_USER": name, "LAB_REDIS_PASSWORD_FILE": str(folder.password_of(name))}
