"""Settings that cannot be used and servers whose certificate is not trusted become probes, not errors."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lab import wiring
from lab.diagnosis.diagnose import diagnose
from lab.diagnosis.remedies import redis_cli
from lab.errors import BadConfig
from lab.metrics.client import PrometheusClient
from lab.model import StoreLogin
from lab.probes.ports import Dependencies
from lab.probes.prometheus import probe_prometheus, probe_with
from lab.probes.store import probe_store
from lab.settings import LabSettings
from tests.unit.diagnosis.builders import healthy, with_probes

PLAIN = b"-ERR this is no TLS\r\n"


def dependencies(**given: object) -> Dependencies:
    """Return what some settings name."""
    return wiring.dependencies(LabSettings.model_validate(given))


@contextmanager
def without_tls() -> Iterator[str]:
    """Yield host:port of a server that does not speak TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(1 << 16)
                        connection.sendall(PLAIN)

        threading.Thread(target=answer, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def test_a_server_that_answers_and_is_not_trusted_is_there() -> None:
    """It need not be started again."""
    with without_tls() as address:
        store, url = probe_store(f"rediss://{address}/0", None, None), f"https://{address}"
        prometheus = probe_with(PrometheusClient(url), url)
    assert (store.reachable, store.authenticated, store.tls) == (True, None, True)
    assert prometheus.reachable is True
    for probe in (store, prometheus):
        assert "SSL" in probe.error
    here = with_probes(healthy(), store=store, prometheus=prometheus)
    assert {finding.cause for finding in diagnose(here)} == {"redis-not-asked", "prometheus-not-asked"}


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_that_cannot_be_used_is_a_fault_of_the_configuration(content: str | None, tmp_path: Path) -> None:
    """It is found before anybody is asked: nobody listens there."""
    file = tmp_path / "ca.crt"
    if content is not None:
        file.write_text(content)
    words = "holds no certificate" if content else "No such file"
    store = probe_store("rediss://127.0.0.1:1/0", None, file)
    prometheus = probe_prometheus(
        "https://127.0.0.1:1", LabSettings(prometheus_url="https://127.0.0.1:1", prometheus_ca_file=file)
    )
    with pytest.raises(BadConfig) as raised:
        probe_with(PrometheusClient("https://127.0.0.1:1", ca_file=file), "https://127.0.0.1:1")
    assert words in raised.value.found
    assert str(file) in raised.value.attempted
    assert (store.reachable, store.address, store.tls) == (None, "127.0.0.1:1", True)
    assert prometheus.reachable is None
    assert all(words in probe.error and str(file) in probe.error for probe in (store, prometheus))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://h:port/0", "h:port"),
        ("redis://me@h:99999/0", "h:99999"),
        ("redis://[::1/0", "[::1"),
        ("redis:///0", "/0"),
        ("http://h:6379", "h:6379"),
        ("unix:///run/redis.sock", "/run/redis.sock"),
    ],
)
def test_a_store_whose_address_cannot_be_used_is_not_asked(url: str, address: str) -> None:
    """It is no store that does not answer, which somebody would be told to start again."""
    store = probe_store(url, None, None)
    assert (store.reachable, store.address) == (None, address)
    [finding] = diagnose(with_probes(healthy(), store=store))
    assert (finding.cause, finding.do) == ("redis-not-asked", "lab config show")
    assert store.error in finding.found


def test_every_answer_is_a_probe_whatever_the_settings_name(tmp_path: Path) -> None:
    """Each is told by a finding of its own, and no server is called away."""
    gone = tmp_path / "nothing"
    around = dependencies(
        registry="h:5000",
        registry_insecure=True,
        registry_ca_file=gone,
        redis_url="redis://h:6390/0",
        redis_password_file=gone,
        prometheus_url="http://h:9090",
        prometheus_authorization_file=gone,
    )
    registry, store, prometheus = around.registry(), around.store(), around.prometheus()
    assert registry is not None
    assert store is not None
    assert prometheus is not None
    assert (registry.host, store.address, prometheus.url) == ("h:5000", "h:6390", "http://h:9090")
    assert [probe.reachable for probe in (registry, store, prometheus)] == [None, None, None]
    assert "contradict" in registry.error
    assert all(str(gone) in probe.error for probe in (store, prometheus))
    here = with_probes(healthy(), registries=(registry,), store=store, prometheus=prometheus)
    causes = {finding.cause for finding in diagnose(here)}
    assert causes == {"registry-not-asked", "redis-not-asked", "prometheus-not-asked"}


def test_a_step_calls_redis_cli_as_the_settings_say(tmp_path: Path) -> None:
    """TLS, CA, password, user."""
    file = tmp_path / "password"
    file.write_text("open sesame")
    probe = probe_store("redis://lab@127.0.0.1:1/0", StoreLogin(file), None)
    assert probe.error == "Connection refused"
    assert redis_cli(probe) == f'REDISCLI_AUTH="$(cat {file})" redis-cli -e -h 127.0.0.1 -p 1 --user lab'


def test_an_image_that_no_registry_tells_of_keeps_why() -> None:
    """So that the finding names more than silence."""
    [probe] = dependencies().images(["127.0.0.1:1/app:1"])
    assert (probe.found, "refused" in probe.error) == (None, True)
