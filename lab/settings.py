"""What the lab reads from its environment: arguments, `LAB_…` variables, one optional `lab.toml`."""

import difflib
import hashlib
import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings

from lab.errors import BadConfig

PREFIX = "LAB_"
FILE_NAME = "lab.toml"
FOLDER = "observability-lab"
LABEL = r"[A-Za-z0-9][\w./-]*"
TAINT = rf"{LABEL}(=[\w.-]*)?(:(NoSchedule|PreferNoSchedule|NoExecute))?"
SERVICE_PREFIXES = ("LAB_WORKER_", "LAB_INGEST_", "LAB_QUERY_", "LAB_SIMULATOR_", "LAB_LOG_", "LAB_DRAIN_")


def project_dir() -> Path:
    """The nearest folder upwards that holds `pyproject.toml` and `notebooks`, else the working folder."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "pyproject.toml").is_file() and (folder / "notebooks").is_dir():
            return folder
    return here


def _xdg(variable: str, fallback: str) -> Path:
    base = os.environ.get(variable, "")
    return (Path(base) if base.startswith("/") else Path.home() / fallback) / FOLDER


class LabSettings(BaseSettings, frozen=True, env_prefix=PREFIX, extra="forbid", env_ignore_empty=True):
    """Where the lab keeps things and what it uses; secrets are named by file, never given."""

    runs_dir: Path = Field(default_factory=lambda: project_dir() / "runs")
    """Where run folders go: beside the notebooks, since a run belongs to the project that asked."""
    state_dir: Path = Field(default_factory=lambda: _xdg("XDG_STATE_HOME", ".local/state"))
    """Stacks that are up: their logs, their store's data."""
    cache_dir: Path = Field(default_factory=lambda: _xdg("XDG_CACHE_HOME", ".cache"))
    """What was fetched once and can be fetched again."""
    redis_url: str = ""
    """A store that is running already; empty starts one."""
    redis_server: Literal["embedded", "path"] = "embedded"
    """Which server is started: the one that came with the lab, the same everywhere, or `redis-server` on PATH."""
    redis_password_file: Path | None = None
    """File that holds the password of the store at `redis_url`."""
    redis_ca_file: Path | None = None
    """CA that signed the certificate of the store at `redis_url`."""
    prometheus_url: str = ""
    """A Prometheus that is running already; empty starts one."""
    prometheus_authorization_file: Path | None = None
    """File that holds what the Prometheus at `prometheus_url` wants as `Authorization`: `Bearer …` or `Basic …`."""
    prometheus_ca_file: Path | None = None
    """CA that signed the certificate of the Prometheus at `prometheus_url`; empty trusts the system's."""
    prometheus: Path | None = None
    """The `prometheus` program to start; empty looks on PATH, then in the cache, then fetches it."""
    kubeconfig: Path | None = None
    """Target `kubernetes`: how to reach the cluster; empty takes the file that `kubectl` would."""
    context: str = ""
    """Context of the kubeconfig; empty takes its current one. What is about to be changed is always shown."""
    namespace: str = Field("testbed", pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    """Namespace that everything goes into; it is made where it is not there."""
    adopt: bool = False
    """Deploy into a namespace that is there and is not the lab's; it then stays when the stack goes."""
    force: bool = False
    """Take over fields that another manager owns."""
    overlay: str = "k3s"
    """A folder of `manifests/overlays`."""
    architectures: str = Field("amd64,arm64", pattern=r"^(amd64|arm64)(,(amd64|arm64))?$")
    """Architectures that every service runs on, one Deployment each."""
    replicas: int = Field(1, ge=1, le=100)
    """Pods of every service on each architecture."""
    node_selector: str = Field("", pattern=rf"^({LABEL}=[\w.-]*(,{LABEL}=[\w.-]*)*)?$")
    """Labels that nodes must have besides the architecture, `nodetype=board,zone=a`; empty takes every node."""
    tolerations: str = Field("", pattern=rf"^({TAINT}(,{TAINT})*)?$")
    """Taints that do not keep pods away, as kubectl writes them: `key=value:NoSchedule,key`; without an effect, any."""
    node_ports: bool = False
    """ingest-api and query-api also get a port of every node, by which the lab then reaches them where it can.

    Off, since port-forwards reach them and open nothing.
    """
    collector_image: str = ""
    """OpenTelemetry Collector, `host/name@sha256:…`, for the first of the architectures, amd64 before arm64."""
    otelcol: Path | None = None
    """Collector that judges the collector's configuration before it is applied; empty takes one on PATH, else none."""
    redis_image: str = ""
    """Redis or Valkey inside the cluster, `host/name@sha256:…` as above; used where there is no `redis_url`."""
    prometheus_image: str = ""
    """Prometheus inside the cluster, `host/name@sha256:…` as above; used where there is no `prometheus_url`."""
    remote_write_url: str = ""
    """Where the collector writes, as seen from the cluster; empty takes `prometheus_url`'s own receiver, `none` lets
    the collector be scraped instead."""
    hide_path_servers: bool = False
    """Act as if PATH had neither `prometheus` nor `redis-server`: tests prove what was fetched."""
    registry: str = ""
    """Where images go: `host:port`, with a path where the registry wants one (`ghcr.io/me`)."""
    registry_insecure: bool = False
    """The registry speaks plain HTTP. Nothing else is ever spoken to without TLS."""
    registry_ca_file: Path | None = None
    """CA that signed the registry's certificate."""
    registry_user: str = ""
    """Who signs in to the registry; empty asks anonymously."""
    registry_password_file: Path | None = None
    """File that holds the password or token of `registry_user`."""
    image_tag: str = Field("dev", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
    """Tag that images are pushed with and found by; what is deployed is named by digest, so it may be pushed again."""
    start_timeout_s: float = Field(60.0, gt=0, le=600)
    """Seconds until a program must be ready; twenty times what a quiet machine of two cores needs."""
    replay: bool = False
    """Notebooks read the recorded run that belongs to them; nothing is started."""
    run_id: str = ""
    """Identity of the run a notebook belongs to, set by `lab run`; empty makes one."""
    progress_file: Path | None = None
    """Where a run in a notebook writes its progress for `lab run` to show."""

    @field_validator("redis_url", "prometheus_url", "remote_write_url")
    @classmethod
    def _holds_no_secret(cls, url: str) -> str:
        if "@" in url and ":" in url.rsplit("://", maxsplit=1)[-1].rpartition("@")[0]:
            raise ValueError("a URL must hold no password; name a file that does (redis_password_file)")
        return url

    @cached_property
    def project(self) -> Path:
        """The project these settings were read in."""
        return project_dir()

    @property
    def project_key(self) -> str:
        """Eight characters that tell this project's folder from another's."""
        return hashlib.sha256(str(self.project).encode()).hexdigest()[:8]


class Origin(NamedTuple):
    """One setting: its value, and where it came from."""

    name: str
    value: object
    origin: str


class TomlFile(NamedTuple):
    """A settings file that was read: keys → values, keys → lines."""

    path: Path
    values: Mapping[str, object]
    lines: Mapping[str, int]


def settings_file() -> Path | None:
    """The `lab.toml` that counts: the project's, else the user's, else None."""
    config = os.environ.get("XDG_CONFIG_HOME", "")
    user = (Path(config) if config.startswith("/") else Path.home() / ".config") / FOLDER / FILE_NAME
    return next((path for path in (project_dir() / FILE_NAME, user) if path.is_file()), None)


def load_settings(**overrides: object) -> LabSettings:
    """Read the settings; *overrides* win over the environment, that wins over the file.

    Raises:
        BadConfig: A key is unknown or a value cannot be used; the message names the place.
    """
    file = _read_file(settings_file())
    given = {name: value for name, value in overrides.items() if value is not None}
    from_file = {
        name: value
        for name, value in file.values.items()
        if name not in given and not os.environ.get(PREFIX + name.upper())
    }
    try:
        return LabSettings(**cast("Any", from_file | given))
    except ValidationError as error:
        raise _bad_value(error, file, given) from error


def origins(settings: LabSettings) -> list[Origin]:
    """Every setting with its value and its origin: a variable, a line of a file, or the default."""
    file = _read_file(settings_file())
    return [Origin(name, getattr(settings, name), _origin(name, file)) for name in LabSettings.model_fields]


def inherited_environment() -> dict[str, str]:
    """The environment that programs are given: everything but the lab's own settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def service_settings() -> dict[str, str]:
    """Settings of services that the user put into the environment."""
    return {name: value for name, value in os.environ.items() if name.startswith(SERVICE_PREFIXES)}


@contextmanager
def environment_with(**values: str) -> Iterator[None]:
    """Let programs that are started meanwhile inherit these variables."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def jupyter_session() -> str:
    """Path of the notebook that a Jupyter server says this kernel belongs to; empty elsewhere."""
    return os.environ.get("JPY_SESSION_NAME", "")


def is_set(*names: str) -> bool:
    """Whether the user gave any of these variables a value; then theirs is used."""
    return any(os.environ.get(name) for name in names)


def has_display() -> bool:
    """Whether a browser could be shown."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER"))


def text_of(file: Path) -> str:
    """What is in a file that a setting names, without the white space around it.

    Raises:
        BadConfig: It cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = str(getattr(error, "strerror", "") or error)
        raise BadConfig(
            f"cannot read {file}", found=why, next_step="lab config show      (says who names it)"
        ) from error


def find_program(name: str) -> Path | None:
    """A program on PATH."""
    found = shutil.which(name, path=os.environ.get("PATH", ""))
    return Path(found) if found else None


def find_server(settings: LabSettings, name: str) -> Path | None:
    """A server on PATH, unless the settings hide those."""
    return None if settings.hide_path_servers else find_program(name)


def _origin(name: str, file: TomlFile) -> str:
    if os.environ.get(PREFIX + name.upper()):
        return PREFIX + name.upper()
    if name in file.values:
        return f"{file.path}:{file.lines.get(name, 1)}"
    return "default"


def _read_file(path: Path | None) -> TomlFile:
    if path is None:
        return TomlFile(Path(FILE_NAME), {}, {})
    text = path.read_text(encoding="utf-8")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = found.group(1) if found else "1"
        raise BadConfig(f"{path}:{line}: not TOML", found=str(error)) from error
    file = TomlFile(path, values, _lines(text))
    for name in values:
        if name not in LabSettings.model_fields:
            raise _unknown(name, file)
    return file


def _lines(text: str) -> dict[str, int]:
    key = re.compile(r"""\s*\[*\s*["']?([A-Za-z0-9_-]+)""")
    found = [(key.match(line), at) for at, line in enumerate(text.splitlines(), 1)]
    return {match.group(1): at for match, at in reversed(found) if match}


def _unknown(name: str, file: TomlFile) -> BadConfig:
    nearest = difflib.get_close_matches(name, LabSettings.model_fields, n=1, cutoff=0.5)
    return BadConfig(
        f'{file.path}:{file.lines.get(name, 1)}: no setting "{name}"',
        found=f'the nearest is "{nearest[0]}"' if nearest else "",
        next_step="lab config show      (lists every setting)",
    )


def _bad_value(error: ValidationError, file: TomlFile, given: Mapping[str, object]) -> BadConfig:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    place = f"argument {name}" if name in given else _origin(name.lower().removeprefix("lab_"), file)
    reason = str(first["msg"]).removeprefix("Value error, ")
    shown = "" if name.lower().endswith("_url") else f" = {first.get('input')!r}"
    return BadConfig(f"{place}: {name}{shown} cannot be used", found=reason)
