"""Servers, ports, folders and variables are provided before a plan is made."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import BadConfig, Unavailable
from lab.settings import LabSettings, inherited_environment, load_settings
from lab.systems.services import SERVICES
from lab.targets.processes.config_hash import config_hash_here
from lab.targets.processes.folder import StackFolder
from lab.targets.processes.metrics.destination import telemetry_environment
from lab.targets.processes.provisions import Provisions, provide
from lab.targets.processes.store_server import Server, claim_data
from services.contracts.store_users import USERS

SETTINGS = {"LAB_WORKER_COST_US": "7"}


def prometheus(folder: Path) -> Path:
    """Return a program that tells the version of a Prometheus."""
    path = folder / "a-prometheus"
    path.write_text("#!/bin/sh\necho 'prometheus, version 3.1.0'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> StackFolder:
    """Return the folder of a stack that is to be started."""
    made = StackFolder(tmp_path / "stack")
    made.make()
    return made


@pytest.fixture
def listening() -> Iterator[str]:
    """Yield the URL of a server that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def provided(folder: StackFolder, settings: LabSettings) -> Provisions:
    """Return what is provided for a stack whose user is told nothing."""
    return provide(settings, SETTINGS, folder, pytest.fail)


def test_a_stack_gets_servers_on_ports_of_their_own(folder: StackFolder, tmp_path: Path) -> None:
    """The store's data belongs to its server, and the metrics server knows every service."""
    provisions = provided(folder, load_settings(prometheus=prometheus(tmp_path)))
    store, metrics = provisions.store, provisions.metrics
    assert store is not None
    assert metrics is not None
    assert (store.program.name, metrics.program) == ("valkey-server", tmp_path / "a-prometheus")
    assert store.port != metrics.port
    assert json.loads((folder.redis / "server.json").read_text())["kind"] == "valkey"
    config = (folder.prometheus / "prometheus.yml").read_text()
    assert all(f"lab/{service}" in config for service in SERVICES)


def test_secrets_are_new_at_every_start_and_for_their_owner_alone(folder: StackFolder, tmp_path: Path) -> None:
    """No two users share a password, and the file of users holds none."""
    settings = load_settings(prometheus=prometheus(tmp_path))

    def kept() -> dict[str, str]:
        provided(folder, settings)
        return {path.name: path.read_text() for path in folder.secrets.iterdir()}

    before, after = kept(), kept()

    assert before.keys() == {"token", "users.acl", *USERS}
    assert len({*before.values(), *after.values()}) == 2 * len(before)
    assert not any(after[user] in after["users.acl"] for user in USERS)
    assert {path.stat().st_mode & 0o777 for path in folder.secrets.iterdir()} == {0o600}
    assert folder.secrets.stat().st_mode & 0o777 == 0o700


def test_servers_that_run_already_need_no_program(folder: StackFolder, listening: str) -> None:
    """Their scrape targets are written all the same, so that the user's own Prometheus can read them."""
    running = load_settings(redis_url="redis://127.0.0.1:1/0", prometheus_url=listening)
    provisions = provided(folder, running)
    assert (provisions.store, provisions.metrics) == (None, None)
    assert (folder.prometheus / "targets").is_dir()
    assert not folder.redis.exists()


def test_what_services_run_with_is_read_from_outside_of_the_settings(folder: StackFolder, listening: str) -> None:
    """Where metrics go, and the hash of everything that makes two stacks differ."""
    running = load_settings(redis_url="redis://127.0.0.1:1/0", prometheus_url=listening)
    provisions = provided(folder, running)
    assert (provisions.telemetry, provisions.config_hash) == (
        telemetry_environment(inherited_environment()),
        config_hash_here(SETTINGS),
    )


def test_secrets_are_found_from_every_folder(
    folder: StackFolder, tmp_path: Path, listening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service does not start in the folder that the user's path counts from."""
    monkeypatch.chdir(tmp_path)
    running = load_settings(
        redis_url="redis://127.0.0.1:1/0", prometheus_url=listening, redis_password_file=Path("store.secret")
    )
    assert provided(folder, running).secrets == {"LAB_REDIS_PASSWORD_FILE": str(tmp_path / "store.secret")}


def test_a_metrics_server_that_is_not_there_is_told_before_anything_starts(folder: StackFolder) -> None:
    """Services that nobody scrapes would come up, and no run on them could be judged."""
    with pytest.raises(Unavailable, match=r"(?s)cannot use the Prometheus at http://127\.0\.0\.1:2.*refused"):
        provided(folder, load_settings(prometheus_url="http://127.0.0.1:2"))


def test_data_of_a_newer_server_is_refused_before_anything_starts(folder: StackFolder, tmp_path: Path) -> None:
    """The error names both servers."""
    claim_data(folder.redis, Server("valkey", "99.0.0"))
    with pytest.raises(BadConfig, match=r"(?s)cannot start valkey.*written by valkey 99\.0\.0"):
        provided(folder, load_settings(prometheus=prometheus(tmp_path)))
