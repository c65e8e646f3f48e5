"""Reads the lab's settings: arguments, `LAB_…` variables, one optional `lab.toml`."""

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
REMOTE_WRITE_PATH = "/api/v1/write"
"""Path of the receiver of a Prometheus."""
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""Variables that name a proxy."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names of this machine."""
SERVICE_PREFIXES = ("LAB_WORKER_", "LAB_INGEST_", "LAB_QUERY_", "LAB_SIMULATOR_", "LAB_LOG_", "LAB_DRAIN_")


def project_dir() -> Path:
    """Return the nearest folder upwards that holds `pyproject.toml` and `notebooks`, else the working folder."""
    return _project_above(Path.cwd()) or Path.cwd()


def project_of(notebook: Path | None) -> Path:
    """Return the project of a notebook; the project of the working folder where the notebook has none."""
    return (_project_above(notebook.parent) if notebook is not None else None) or project_dir()


def _project_above(here: Path) -> Path | None:
    for folder in (here, *here.parents):
        if (folder / "pyproject.toml").is_file() and (folder / "notebooks").is_dir():
            return folder
    return None


def _xdg(variable: str, fallback: str) -> Path:
    base = os.environ.get(variable, "")
    return (Path(base) if base.startswith("/") else Path.home() / fallback) / FOLDER


def _with_scheme(url: str, schemes: tuple[str, ...]) -> str:
    """Return a URL, or a setting that is empty or `none`; raise where the URL begins with none of the schemes."""
    scheme, separator, rest = url.partition("://")
    if url not in {"", "none"} and not (separator and rest and scheme in schemes):
        raise ValueError(f"it must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    return url


class LabSettings(BaseSettings, frozen=True, env_prefix=PREFIX, extra="forbid", env_ignore_empty=True):
    """The lab's folders and servers; a secret is in a file, and the setting names that file."""

    runs_dir: Path = Field(default_factory=lambda: project_dir() / "runs")
    """Folder of the runs: beside the notebooks, since a run belongs to a project."""
    state_dir: Path = Field(default_factory=lambda: _xdg("XDG_STATE_HOME", ".local/state"))
    """Folder of the stacks that are up: their logs, their store's data."""
    cache_dir: Path = Field(default_factory=lambda: _xdg("XDG_CACHE_HOME", ".cache"))
    """Folder of downloads; they can be fetched again."""
    redis_url: str = ""
    """A store that runs already; empty starts a store."""
    redis_server: Literal["embedded", "path"] = "embedded"
    """Store that is started: `embedded`, the same version everywhere, or `path`, `redis-server` on PATH."""
    redis_password_file: Path | None = None
    """File with the password of the store at `redis_url`."""
    redis_ca_file: Path | None = None
    """CA that signed the certificate of the store at `redis_url`."""
    prometheus_url: str = ""
    """A Prometheus that runs already; empty starts a Prometheus."""
    prometheus_authorization_file: Path | None = None
    """File with the header `Authorization` for the Prometheus at `prometheus_url`: `Bearer …` or `Basic …`."""
    prometheus_ca_file: Path | None = None
    """CA that signed the certificate of the Prometheus at `prometheus_url`; empty trusts the system's."""
    prometheus: Path | None = None
    """The `prometheus` program to start; empty searches PATH, then the cache, then fetches the program."""
    kubeconfig: Path | None = None
    """Target `kubernetes`: the kubeconfig of the cluster; empty takes the file that `kubectl` would take."""
    context: str = ""
    """Context of the kubeconfig; empty takes the current context. The lab always shows it before a change."""
    namespace: str = Field("testbed", pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    """Namespace of the stack; the lab makes the namespace where it is missing."""
    adopt: bool = False
    """Deploy into an existing namespace that is not the lab's; the namespace stays when the stack goes."""
    force: bool = False
    """Take over fields of objects that another manager owns."""
    overlay: str = "k3s"
    """Name of a folder in `manifests/overlays`."""
    architectures: str = Field("amd64,arm64", pattern=r"^(amd64|arm64)(,(amd64|arm64))?$")
    """Architectures that every service runs on, with one Deployment for each."""
    replicas: int = Field(1, ge=1, le=100)
    """Pods of every service on each architecture."""
    node_selector: str = Field("", pattern=rf"^({LABEL}=[\w.-]*(,{LABEL}=[\w.-]*)*)?$")
    """Labels that a node must have besides its architecture, `nodetype=board,zone=a`; empty takes every node."""
    tolerations: str = Field("", pattern=rf"^({TAINT}(,{TAINT})*)?$")
    """Taints that pods tolerate, as kubectl writes them, `key=value:NoSchedule,key`; without an effect, any effect."""
    node_ports: bool = False
    """Give ingest-api and query-api a port of every node; the lab uses that port where it can.

    Off, since port-forwards reach both services and open no port.
    """
    collector_image: str = ""
    """OpenTelemetry Collector, `host/name@sha256:…`, for the first architecture, amd64 before arm64."""
    otelcol: Path | None = None
    """Collector program that checks the configuration before it is applied; empty takes `otelcol` on PATH, if any."""
    redis_image: str = ""
    """Redis or Valkey inside the cluster, `host/name@sha256:…` as above; used without `redis_url`."""
    prometheus_image: str = ""
    """Prometheus inside the cluster, `host/name@sha256:…` as above; used without `prometheus_url`."""
    remote_write_url: str = ""
    """URL that the collector writes to, as seen from the cluster; empty takes the receiver of `prometheus_url`, `none`
    has the collector scraped instead."""
    hide_path_servers: bool = False
    """Ignore `prometheus` and `redis-server` on PATH, so that tests use the fetched programs."""
    registry: str = ""
    """Registry of the images: `host:port`, with a path where the registry needs a path (`ghcr.io/me`)."""
    registry_insecure: bool = False
    """Speak plain HTTP with the registry; off, the registry needs TLS."""
    registry_ca_file: Path | None = None
    """CA that signed the registry's certificate."""
    registry_user: str = ""
    """User that signs in to the registry; empty is anonymous."""
    registry_password_file: Path | None = None
    """File with the password or token of `registry_user`."""
    image_tag: str = Field("dev", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
    """Tag of the images; it may be pushed again, since a deployment names its images by digest."""
    start_timeout_s: float = Field(60.0, gt=0, le=600)
    """Seconds until a program must be ready; twenty times the time on a quiet machine of two cores."""
    replay: bool = False
    """Let notebooks read their recorded runs; nothing is started."""
    run_id: str = ""
    """Id of the run that a notebook belongs to, set by `lab run`; empty makes a new run."""
    progress_file: Path | None = None
    """File in which a run in a notebook writes its progress for `lab run`."""

    @field_validator("redis_url", "prometheus_url", "remote_write_url")
    @classmethod
    def _holds_no_secret(cls, url: str) -> str:
        if "@" in url and ":" in url.rsplit("://", maxsplit=1)[-1].rpartition("@")[0]:
            raise ValueError("a URL must hold no password; put the password into a file (redis_password_file)")
        return url

    @field_validator("redis_url")
    @classmethod
    def _leads_to_a_store(cls, url: str) -> str:
        return _with_scheme(url, ("redis", "rediss"))

    @field_validator("prometheus_url", "remote_write_url")
    @classmethod
    def _leads_to_a_server(cls, url: str) -> str:
        return _with_scheme(url, ("http", "https"))

    @cached_property
    def project(self) -> Path:
        """Folder of the project that these settings belong to."""
        return project_dir()

    @property
    def failures_dir(self) -> Path:
        """Folder of the snapshots of failures: one folder for each target, with its last failure."""
        return self.state_dir / "failures"

    @property
    def project_key(self) -> str:
        """Eight characters that stand for this project's folder."""
        return hashlib.sha256(str(self.project).encode()).hexdigest()[:8]


class Origin(NamedTuple):
    """A setting, its value, and its origin."""

    name: str
    value: object
    origin: str


class TomlFile(NamedTuple):
    """The content of a settings file: keys → values, keys → lines."""

    path: Path
    values: Mapping[str, object]
    lines: Mapping[str, int]


def settings_file() -> Path | None:
    """Return the `lab.toml` of the project, else of the user, else None."""
    config = os.environ.get("XDG_CONFIG_HOME", "")
    user = (Path(config) if config.startswith("/") else Path.home() / ".config") / FOLDER / FILE_NAME
    return next((path for path in (project_dir() / FILE_NAME, user) if path.is_file()), None)


def load_settings(**overrides: object) -> LabSettings:
    """Read the settings; *overrides* win over the environment, and the environment wins over the file.

    Raises:
        BadConfig: A key is unknown, or a value cannot be used; the message names its origin.
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


def settings_for(notebook: Path | None) -> LabSettings:
    """Read the settings for a notebook, whose runs belong to its own project, wherever it was started from.

    Raises:
        BadConfig: As `load_settings`.
    """
    settings = load_settings()
    if "runs_dir" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"runs_dir": project_of(notebook) / "runs"})


def origins(settings: LabSettings) -> list[Origin]:
    """Return every setting with its value and its origin: a variable, a line of a file, or the default."""
    file = _read_file(settings_file())
    return [Origin(name, getattr(settings, name), _origin(name, file)) for name in LabSettings.model_fields]


def inherited_environment() -> dict[str, str]:
    """Return the environment for programs that are started: all variables but the lab's own settings.

    No proxy is asked for an address of this machine.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return own | dict.fromkeys(("no_proxy", "NO_PROXY"), hosts_without_proxy()) if is_set(*PROXIES) else own


def hosts_without_proxy() -> str:
    """Return the hosts that no proxy is asked for, as `no_proxy` takes them: the user's own, and this machine."""
    own = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
    return ",".join(filter(None, (own, *LOOPBACK)))


def service_settings() -> dict[str, str]:
    """Return the settings of services that the user put into the environment."""
    return {name: value for name, value in os.environ.items() if name.startswith(SERVICE_PREFIXES)}


@contextmanager
def environment_with(**values: str) -> Iterator[None]:
    """Set these variables for as long as the context lasts; programs that are started meanwhile inherit them."""
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
    """Return the path of this kernel's notebook, given by a Jupyter server; empty elsewhere."""
    return os.environ.get("JPY_SESSION_NAME", "")


def matplotlib_backend() -> str:
    """Return the backend that the user's shell, or a notebook's kernel, names for matplotlib; empty without one."""
    return os.environ.get("MPLBACKEND", "")


def is_set(*names: str) -> bool:
    """Whether any of these variables has a value."""
    return any(os.environ.get(name) for name in names)


def has_kubeconfig(settings: LabSettings) -> bool:
    """Whether a kubeconfig is named, by the settings or by KUBECONFIG, or is where `kubectl` looks for one."""
    return settings.kubeconfig is not None or is_set("KUBECONFIG") or (Path.home() / ".kube" / "config").is_file()


def has_display() -> bool:
    """Whether a browser could be shown."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER"))


def text_of(file: Path, *, next_step: str = "lab config show      (shows which setting names the file)") -> str:
    """Return the text of a file, without white space around it.

    Args:
        file: The file.
        next_step: What to do where it cannot be read; by default, for a file that a setting names.

    Raises:
        BadConfig: The file cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = str(getattr(error, "strerror", "") or error)
        raise BadConfig(f"cannot read {file}", found=reason, next_step=next_step) from error


def find_program(name: str) -> Path | None:
    """Return a program on PATH; None where there is none."""
    path = shutil.which(name, path=os.environ.get("PATH", ""))
    return Path(path) if path else None


def find_server(settings: LabSettings, name: str) -> Path | None:
    """Return a server on PATH; None where there is none, or where the settings hide the servers on PATH."""
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
        match = re.search(r"line (\d+)", str(error))
        line = match.group(1) if match else "1"
        raise BadConfig(f"{path}:{line}: not TOML", found=str(error)) from error
    file = TomlFile(path, values, _lines(text))
    for name in values:
        if name not in LabSettings.model_fields:
            raise _unknown(name, file)
    return file


def _lines(text: str) -> dict[str, int]:
    key = re.compile(r"""\s*\[*\s*["']?([A-Za-z0-9_-]+)""")
    matches = [(key.match(line), number) for number, line in enumerate(text.splitlines(), 1)]
    return {match.group(1): number for match, number in reversed(matches) if match}


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
