"""Settings that every service reads from its environment."""

import difflib
import hashlib
import os
import uuid
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings

PREFIX: Final = "LAB_"
SHOWN_FAULTS: Final = 4
NEAR: Final = 0.6
"""Similarity, 0 to 1, of a name that is probably a misspelling."""
NOT_HASHED: Final = frozenset({"instance_id", "ready_file", "spans_file", "bind", "health_bind", "log_level"})
"""Settings that say where a process is, not how it works."""

S = TypeVar("S", bound=BaseSettings)


class ServiceFault(Exception):
    """A service cannot start; *exit_code* is a code of sysexits, the message has at most five lines."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def read_secret(path: Path, setting: str) -> bytes:
    """Return the content of a file that a setting names.

    Raises:
        ServiceFault: The file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ServiceFault(
            os.EX_CONFIG,
            f"{setting} cannot be read\n  {path}: {error.strerror}\n  do: name a file that this user may read",
        ) from error


class ServiceSettings(BaseSettings, frozen=True, env_prefix=PREFIX):
    """Addresses, TLS, token, files that the process writes."""

    bind: str = Field("127.0.0.1:0", pattern=r"^.+:\d{1,5}$")
    """Address of the gRPC server; port 0 chooses a free port. Loopback, since TLS is off by default."""
    health_bind: str = Field("127.0.0.1:0", pattern=r"^(.+:\d{1,5})?$")
    """Plaintext address that serves health alone, for the probes of Kubernetes; empty for none."""
    ready_file: Path | None = None
    """File that is written once the service serves, with its addresses as JSON."""
    tls_cert_file: Path | None = None
    """Server certificate chain. TLS is on where this is set."""
    tls_key_file: Path | None = None
    """Key of that certificate."""
    tls_ca_file: Path | None = None
    """CA of the services that this service calls."""
    token_file: Path | None = None
    """File with the bearer token that callers must send, and that this service sends to others."""
    insecure_bind: bool = False
    """Allow an address other than loopback without TLS, for a network that is closed by other means."""
    reflection: bool = False
    """Serve gRPC reflection, for tools such as grpcurl."""
    spans_file: Path | None = None
    """File that sampled spans are written to, as OTLP JSON lines."""
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    """Least severe level that is logged."""
    drain_seconds: float = Field(5.0, ge=0, le=60)
    """Grace for calls under way at a stop. Together with the last scrape a stop stays below ten seconds."""
    caller_wait_seconds: float = Field(60.0, ge=0.1, le=3_600)
    """Longest that a caller may keep a call waiting: for a message, or until an answer is read. A batch of 1 MiB takes
    eight seconds over a line of 1 Mbit/s."""
    instance_id: str = Field(default_factory=lambda: uuid.uuid4().hex, pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """Unique per process start: `instance` label of the metrics, and name in the consumer group."""

    @property
    def config_hash(self) -> str:
        """Short hash that differs between processes that work differently. Of secret files only the paths count."""
        shown = self.model_dump(mode="json", exclude=set(NOT_HASHED))
        return hashlib.sha256(repr(sorted(shown.items())).encode()).hexdigest()[:12]


def read_settings(settings_type: type[S]) -> S:
    """Return settings of this process. A variable that is no setting is a fault where its prefix is ours.

    Raises:
        ServiceFault: The environment is not right. The message names all faults together.
    """
    prefix = settings_type.model_config["env_prefix"]
    faults = _unknown_variables(settings_type) if prefix == PREFIX else []
    try:
        settings = settings_type()
    except ValidationError as error:
        faults += [f"{prefix}{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors()]
    if faults:
        more = [f"… and {len(faults) - SHOWN_FAULTS + 1} more"] if len(faults) > SHOWN_FAULTS else []
        shown = faults[: SHOWN_FAULTS - len(more)] + more
        raise ServiceFault(os.EX_CONFIG, "the environment is not right:\n" + "\n".join(f"  {line}" for line in shown))
    return settings


def _unknown_variables(settings_type: type[BaseSettings]) -> list[str]:
    """Return a fault for every variable of ours that is no setting.

    Variables of other services are let pass. So are those that all services share, since bootstrap runs in the
    environment of a service.
    """
    own = {f"{PREFIX}{name.upper()}" for name in {**ServiceSettings.model_fields, **settings_type.model_fields}}
    foreign = tuple(prefix for prefix in FAMILIES if not any(name.startswith(prefix) for name in own))
    return [
        f"{name} is not a setting{_hint(name, own)}"
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in own | LAB_ITSELF and not name.startswith(foreign)
    ]


def _hint(name: str, own: AbstractSet[str]) -> str:
    """Return what the user may have meant: a name that differs by a few letters, else all names of the same family.

    Names of a family begin alike, so that only the rest is compared.
    """
    family = next((prefix for prefix in FAMILIES if name.startswith(prefix)), PREFIX)
    alike = sorted(known for known in own if known.startswith(family))
    rests = {known.removeprefix(family): known for known in alike}
    near = difflib.get_close_matches(name.removeprefix(family), rests, n=1, cutoff=NEAR)
    if near:
        return f"; did you mean {rests[near[0]]}?"
    return f"; there are: {', '.join(alike)}" if family != PREFIX and alike else ""


FAMILIES: Final = ("LAB_WORKER_", "LAB_INGEST_", "LAB_QUERY_", "LAB_SIMULATOR_", "LAB_BOOTSTRAP_", "LAB_REDIS_")
"""Prefixes of the variables of one program, or of the store. Variables of a foreign family are let pass."""

LAB_ITSELF: Final = frozenset(
    {
        "LAB_CACHE_DIR",
        "LAB_HIDE_PATH_SERVERS",
        "LAB_OTELCOL",
        "LAB_PROGRESS_FILE",
        "LAB_PROMETHEUS",
        "LAB_PROMETHEUS_AUTHORIZATION_FILE",
        "LAB_PROMETHEUS_CA_FILE",
        "LAB_PROMETHEUS_IMAGE",
        "LAB_PROMETHEUS_URL",
        "LAB_REDIS_SERVER",
        "LAB_REPLAY",
        "LAB_REQUIRE_DURABILITY",
        "LAB_RUNS_DIR",
        "LAB_RUN_ID",
        "LAB_START_TIMEOUT_S",
        "LAB_STATE_DIR",
        "LAB_STORE_NAMESPACE",
    }
)
"""Variables of the lab and of bootstrap, which a service inherits and does not read."""
