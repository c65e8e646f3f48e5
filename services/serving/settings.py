"""What every service reads from its environment."""

import difflib
import hashlib
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings

PREFIX: Final = "LAB_"
EX_CONFIG: Final = 78
SHOWN_FAULTS: Final = 4
NOT_HASHED: Final = frozenset({"instance_id", "ready_file", "spans_file", "bind", "health_bind", "log_level"})
"""Where a process is, not how it works."""

S = TypeVar("S", bound="ServiceSettings")


class ServiceFault(Exception):
    """A service cannot start; *exit_code* is a sysexits code, the message has at most five lines."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class ServiceSettings(BaseSettings, frozen=True, env_prefix=PREFIX):
    """Where to listen, whom to admit, what to leave behind."""

    bind: str = Field("127.0.0.1:0", pattern=r"^.+:\d{1,5}$")
    """Address of the gRPC server; port 0 chooses a free one. Loopback, since TLS is off unless it is set up."""
    health_bind: str = Field("127.0.0.1:0", pattern=r"^(.+:\d{1,5})?$")
    """Plaintext address that answers health alone, for probes; empty for none."""
    ready_file: Path | None = None
    """Written once the service serves: its addresses, as JSON."""
    tls_cert_file: Path | None = None
    """Server certificate chain; TLS is on where it is set."""
    tls_key_file: Path | None = None
    """Key of that certificate."""
    tls_ca_file: Path | None = None
    """CA of the services this one calls."""
    token_file: Path | None = None
    """File with the bearer token callers must send, and this service sends to others."""
    insecure_bind: bool = False
    """Allow another address than loopback without TLS. For networks that are closed by other means."""
    reflection: bool = False
    """Answer gRPC reflection, for grpcurl and the like."""
    spans_file: Path | None = None
    """File that gets sampled spans as OTLP JSON lines."""
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    """Least severe record that is written."""
    drain_seconds: float = Field(5.0, ge=0, le=60)
    """Grace for calls under way when the process is told to stop; with the last scrape it stays below ten seconds."""
    instance_id: str = Field(default_factory=lambda: uuid.uuid4().hex, pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """Unique per process start: the `instance` of its metrics, its name among the readers of the stream."""

    @property
    def config_hash(self) -> str:
        """Tells apart processes that work differently; secrets are files and only their paths count."""
        shown = self.model_dump(mode="json", exclude=set(NOT_HASHED))
        return hashlib.sha256(repr(sorted(shown.items())).encode()).hexdigest()[:12]


def read_settings(settings_type: type[S], *, known: Iterable[type[BaseSettings]] = ()) -> S:
    """The settings of this process; ServiceFault with all faults together where one is wrong."""
    faults = _unknown_variables((settings_type, *known))
    try:
        settings = settings_type()
    except ValidationError as error:
        faults += [f"{PREFIX}{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors()]
    if faults:
        more = [f"… and {len(faults) - SHOWN_FAULTS + 1} more"] if len(faults) > SHOWN_FAULTS else []
        shown = faults[: SHOWN_FAULTS - len(more)] + more
        raise ServiceFault(EX_CONFIG, "the environment is not right:\n" + "\n".join(f"  {line}" for line in shown))
    return settings


def quieten_grpc() -> None:
    """Keep the C core's own lines out of our JSON lines, unless somebody asked for them."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def _unknown_variables(types: tuple[type[BaseSettings], ...]) -> list[str]:
    """Variables that look like ours and mean nothing; those of the other services are let pass."""
    own = {f"{PREFIX}{name.upper()}" for settings in types for name in settings.model_fields}
    others = tuple(prefix for prefix in FAMILIES if not any(name.startswith(prefix) for name in own))
    found = []
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in own and not name.startswith((*others, *LAB_ITSELF)):
            near = difflib.get_close_matches(name, own, n=1, cutoff=0.5)
            found.append(f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    return found


FAMILIES: Final = ("LAB_WORKER_", "LAB_INGEST_", "LAB_QUERY_", "LAB_SIMULATOR_", "LAB_REDIS_")
"""What the variables of one service, or of the store, begin with; those of a family that is not ours are let pass."""

LAB_ITSELF: Final = (
    "LAB_BOOTSTRAP_",
    "LAB_CACHE_",
    "LAB_HIDE_PATH_SERVERS",
    "LAB_STORE_NAMESPACE",
    "LAB_OTELCOL",
    "LAB_PROGRESS_FILE",
    "LAB_PROMETHEUS",
    "LAB_REDIS_SERVER",
    "LAB_REPLAY",
    "LAB_REQUIRE_DURABILITY",
    "LAB_RUN",
    "LAB_START_TIMEOUT_S",
    "LAB_STATE_",
)
"""Variables of the lab and of bootstrap, which a service inherits and does not read."""
