"""The store's server is found, and refuses data that it cannot read."""

import json
import os
from pathlib import Path

import pytest

from lab.errors import BadConfig, Unavailable
from lab.settings import load_settings
from lab.targets.processes.store_server import Server, claim_data, command, find_store, version_of

REDIS_7 = Server("redis", "7.0.15")
REDIS_8 = Server("redis", "8.0.2")
VALKEY_8 = Server("valkey", "8.1.0")
VALKEY_9 = Server("valkey", "9.1.2")


def program(folder: Path, *, prints: str, mode: int = 0o755) -> Path:
    """Return a server program that prints a line."""
    path = folder / "a-server"
    path.write_text(f"#!/bin/sh\nprintf '%s\\n' '{prints}'\n")
    path.chmod(mode)
    return path


# ------------------------------------------------------------------------------------------------------------ data


def test_new_data_belongs_to_the_server_that_starts_on_it(tmp_path: Path) -> None:
    """The folder is created, and records its server."""
    claim_data(tmp_path / "redis", VALKEY_9)
    assert json.loads((tmp_path / "redis" / "server.json").read_text()) == {"kind": "valkey", "version": "9.1.2"}


@pytest.mark.parametrize(
    ("owner", "server"),
    [
        (VALKEY_9, VALKEY_9),
        (VALKEY_9, Server("valkey", "9.0.0")),
        (VALKEY_8, VALKEY_9),
        (REDIS_7, REDIS_8),
        (REDIS_7, VALKEY_9),
    ],
)
def test_a_server_takes_over_data_that_it_can_read(tmp_path: Path, owner: Server, server: Server) -> None:
    """Its own data, that of an older server, and for a Valkey that of a Redis; the data is then its own."""
    claim_data(tmp_path, owner)
    claim_data(tmp_path, server)
    assert json.loads((tmp_path / "server.json").read_text())["version"] == server.version


@pytest.mark.parametrize(
    ("owner", "server"), [(VALKEY_9, VALKEY_8), (REDIS_8, REDIS_7), (VALKEY_9, REDIS_7), (VALKEY_8, REDIS_8)]
)
def test_a_server_refuses_data_that_it_cannot_read(tmp_path: Path, owner: Server, server: Server) -> None:
    """Data of a newer server, and for a Redis data of any Valkey; the recorded server stays."""
    claim_data(tmp_path, owner)
    with pytest.raises(BadConfig) as raised:
        claim_data(tmp_path, server)
    assert f"cannot start {server.kind} {server.version}" in str(raised.value)
    assert f"written by {owner.kind} {owner.version}" in str(raised.value)
    assert len(str(raised.value).splitlines()) <= 5
    assert json.loads((tmp_path / "server.json").read_text())["version"] == owner.version


def test_once_taken_over_the_old_server_is_refused(tmp_path: Path) -> None:
    """A Redis cannot read what a Valkey has added to its data."""
    claim_data(tmp_path, REDIS_7)
    claim_data(tmp_path, VALKEY_9)
    with pytest.raises(BadConfig):
        claim_data(tmp_path, REDIS_7)


def test_the_error_names_the_folder_when_data_cannot_be_kept(tmp_path: Path) -> None:
    """Here a file is in the way."""
    (tmp_path / "redis").write_text("")
    with pytest.raises(Unavailable, match=r"cannot keep the store's data in .*redis"):
        claim_data(tmp_path / "redis", VALKEY_9)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_the_error_names_the_folder_when_data_belongs_to_another_user(tmp_path: Path) -> None:
    """For example to the user who brought the stack up before."""
    tmp_path.chmod(0o500)
    with pytest.raises(Unavailable, match="cannot keep the store's data in"):
        claim_data(tmp_path, VALKEY_9)


# ---------------------------------------------------------------------------------------------------------- server


@pytest.mark.parametrize(
    ("prints", "server"),
    [
        ("Valkey server v=9.1.2 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", VALKEY_9),
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64", REDIS_7),
    ],
)
def test_kind_and_version_of_a_server_are_read(tmp_path: Path, prints: str, server: Server) -> None:
    """Both kinds print them in the same form."""
    assert version_of(program(tmp_path, prints=prints)) == server
    assert server.major == int(server.version[0])


def test_the_error_shows_what_another_program_prints(tmp_path: Path) -> None:
    """So that a user recognises the program."""
    with pytest.raises(Unavailable, match=r"(?s)cannot use .*a-server as the store.*it says 'hello'"):
        version_of(program(tmp_path, prints="hello"))


def test_a_program_that_may_not_be_run_is_named(tmp_path: Path) -> None:
    """For example a file that lost its mode, or a folder that is mounted `noexec`."""
    with pytest.raises(Unavailable, match=r"(?s)cannot run .*a-server.*Permission denied"):
        version_of(program(tmp_path, prints="", mode=0o644))


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    """It may have been removed after it was found."""
    with pytest.raises(Unavailable, match=r"(?s)cannot run .*absent.*No such file"):
        version_of(tmp_path / "absent")


def test_the_server_that_came_with_the_lab_is_the_default(tmp_path: Path) -> None:
    """So every machine has the same server."""
    assert find_store(load_settings(state_dir=tmp_path, redis_server="embedded")).name == "valkey-server"


def test_a_hidden_server_on_the_path_is_not_found(tmp_path: Path) -> None:
    """The message names what to install, or to unset."""
    settings = load_settings(state_dir=tmp_path, redis_server="path", hide_path_servers=True)
    with pytest.raises(Unavailable, match="no redis-server on PATH"):
        find_store(settings)


def test_the_store_is_durable_and_never_evicts(tmp_path: Path) -> None:
    """Every write is on disk before it is answered, on loopback alone."""
    arguments = command(Path("/a-server"), 7, tmp_path, tmp_path / "users.acl")
    flags = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    assert arguments[0] == "/a-server"
    assert (flags["--appendonly"], flags["--appendfsync"], flags["--maxmemory-policy"]) == (
        "yes",
        "always",
        "noeviction",
    )
    assert (flags["--bind"], flags["--port"], flags["--dir"]) == ("127.0.0.1", "7", str(tmp_path))
    assert (flags["--aclfile"], flags["--maxmemory"]) == (str(tmp_path / "users.acl"), "1gb")
