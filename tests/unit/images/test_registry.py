"""Answers of a registry that cannot be used become errors with a cause."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from lab.errors import BadConfig, Forbidden, LabError, Unavailable
from lab.images.access import RegistryAccess
from lab.images.registry import LARGEST, Registry

CHUNK = bytes(1 << 16)
FOREVER = 64 * LARGEST
"""Bytes of an answer that must not be read to its end."""


@contextmanager
def answering(status: int, size: int, **headers: str) -> Iterator[tuple[Registry, list[int]]]:
    """Yield a client of a registry that gives one answer, and how many bytes each answer had when it was ended."""
    sent: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            sent.append(0)
            with suppress(OSError):
                while sent[-1] < size:
                    self.wfile.write(CHUNK[: size - sent[-1]])
                    sent[-1] += len(CHUNK)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        with Registry(RegistryAccess(f"127.0.0.1:{server.server_port}", plain_http=True)) as registry:
            yield registry, sent
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("realm", "words"),
    [
        ('realm="https://[::x]/token"', "https://[::x]/token"),
        ('realm="https://host:port/token",service="x"', "https://host:port/token"),
        ("realm=,service", "neither HTTPS nor the registry itself"),
    ],
)
def test_a_token_server_whose_address_is_none_is_named(realm: str, words: str) -> None:
    """The registry's own configuration is at fault, and not the lab."""
    with (
        answering(401, 0, WWW_Authenticate=f"Bearer {realm}") as (registry, _),
        pytest.raises(BadConfig, match="cannot sign in") as failure,
    ):
        registry.ping()
    assert words in failure.value.found


@pytest.mark.parametrize("status", [401, 404, 500])
def test_an_error_is_not_read_to_its_end(status: int) -> None:
    """One line of it is shown."""
    with answering(status, FOREVER) as (registry, sent), pytest.raises(LabError) as failure:
        registry.manifest("app", "dev")
    assert isinstance(failure.value, Forbidden if status == 401 else Unavailable)
    assert sent[0] < FOREVER


def test_a_greeting_is_not_read_to_its_end() -> None:
    """A server that is no registry may answer with anything."""
    with answering(200, FOREVER) as (registry, sent), pytest.raises(LabError, match="larger than 4 MiB"):
        registry.ping()
    assert sent[0] < FOREVER
