"""A probe tells that a program is ready, and takes everything else for not ready."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.targets.processes.supervision.readiness import Announcement, http_answers, read_announcement, redis_answers


@contextmanager
def replying(reply: bytes) -> Iterator[str]:
    """Yield the address of a server that answers one request with these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4_096)
                connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


@pytest.mark.parametrize(
    ("reply", "ready"), [(b"+PONG\r\n", True), (b"-LOADING Redis is loading the dataset in memory\r\n", False)]
)
def test_a_store_is_ready_when_it_answers_ping_with_pong(reply: bytes, *, ready: bool) -> None:
    """A store that still loads its data answers with an error."""
    with replying(reply) as address:
        assert redis_answers(address) is ready


@pytest.mark.parametrize(
    ("reply", "ready"),
    [(b"HTTP/1.0 200 OK\r\n\r\nready", True), (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", False), (b"?", False)],
)
def test_a_server_is_ready_when_it_answers_with_200(reply: bytes, *, ready: bool) -> None:
    """Prometheus answers 503 while it reads its data."""
    with replying(reply) as address:
        assert http_answers(f"http://{address}/-/ready") is ready


def test_a_store_with_users_is_logged_in_to(tmp_path: Path) -> None:
    """A store that denies the login is not ready, and neither is a store whose password is not there yet."""
    (tmp_path / "password").write_text("a-word")
    with replying(b"+OK\r\n+PONG\r\n+OK\r\n") as address:
        assert redis_answers(address, "bootstrap", str(tmp_path / "password"))
    with replying(b"-WRONGPASS\r\n-NOAUTH\r\n") as address:
        assert not redis_answers(address, "bootstrap", str(tmp_path / "password"))
    assert not redis_answers(address, "bootstrap", str(tmp_path / "missing"))


def test_a_program_that_does_not_listen_is_not_ready() -> None:
    """It is asked again later."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    assert not redis_answers(address)
    assert not http_answers(f"http://{address}/")


def test_a_ready_file_names_the_instance_and_its_addresses(tmp_path: Path) -> None:
    """Kinds of addresses that the lab does not know are left out, and so are empty ones."""
    file = tmp_path / "ready.json"
    file.write_text(json.dumps({"pid": 7, "instance_id": "i", "grpc": "127.0.0.1:1", "metrics": "", "debug": "x:2"}))
    assert read_announcement(file, 7) == Announcement("i", {"grpc": "127.0.0.1:1"})


@pytest.mark.parametrize("text", ["", '{"pid": 7', '{"pid": 8, "grpc": "127.0.0.1:1"}', '{"grpc": "127.0.0.1:1"}'])
def test_a_ready_file_of_another_process_is_none(tmp_path: Path, text: str) -> None:
    """It was written by the program that ran before; nor is half a file."""
    file = tmp_path / "ready.json"
    file.write_text(text)
    assert read_announcement(file, 7) is None
    assert read_announcement(tmp_path / "absent.json", 7) is None
