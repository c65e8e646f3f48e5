"""What settings name and cannot be used, and servers whose certificate does not convince: told, never raised."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lab.diagnosis.diagnose import diagnose
from lab.errors import BadConfig
from lab.probes.check_servers import judge_store
from lab.probes.dependencies import ConfiguredOutside
from lab.probes.metrics_server import probe_prometheus
from lab.probes.store import StoreLook, look_at_store, probe_store
from lab.settings import LabSettings
from tests.unit.diagnosis.builders import healthy, with_probes

PLAIN = b"-ERR this is no TLS\r\n"


def outside(**given: object) -> ConfiguredOutside:
    """What some settings name."""
    return ConfiguredOutside(LabSettings.model_validate(given))


@contextmanager
def without_tls() -> Iterator[str]:
    """host:port of a server that greets nobody by TLS."""
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


def test_who_answers_and_cannot_be_trusted_is_there() -> None:
    """Nobody starts it again for that."""
    with without_tls() as address:
        store, prometheus = probe_store(f"rediss://{address}/0", None, None), probe_prometheus(f"https://{address}")
    assert (store.reachable, store.authenticated, store.tls) == (True, None, True)
    assert prometheus.reachable is True
    for probe in (store, prometheus):
        assert "SSL" in probe.error
    here = with_probes(healthy(), store=store, prometheus=prometheus)
    assert {one.cause for one in diagnose(here)} == {"redis-not-asked", "prometheus-not-asked"}


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_that_cannot_be_used_is_a_fault_of_the_configuration(content: str | None, tmp_path: Path) -> None:
    """It is found before anybody is asked: nobody listens there."""
    file = tmp_path / "ca.crt"
    if content is not None:
        file.write_text(content)
    said = "holds no certificate" if content else "No such file"
    with pytest.raises(BadConfig) as store:
        probe_store("rediss://127.0.0.1:1/0", None, file)
    with pytest.raises(BadConfig) as prometheus:
        probe_prometheus("https://127.0.0.1:1", ca_file=file)
    assert all(said in raised.value.found and str(file) in raised.value.attempted for raised in (store, prometheus))


def test_every_answer_is_a_probe_whatever_the_settings_name(tmp_path: Path) -> None:
    """Each is told by a finding of its own, and no server is called away."""
    gone = tmp_path / "nothing"
    around = outside(
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
    assert [one.reachable for one in (registry, store, prometheus)] == [None, None, None]
    assert "contradict" in registry.error
    assert all(str(gone) in one.error for one in (store, prometheus))
    here = with_probes(healthy(), registries=(registry,), store=store, prometheus=prometheus)
    causes = {one.cause for one in diagnose(here)}
    assert causes == {"registry-not-asked", "redis-not-asked", "prometheus-not-asked"}


def test_a_doctor_and_a_diagnosis_call_redis_cli_alike(tmp_path: Path) -> None:
    """As the settings say: TLS, CA, password, user."""
    file = tmp_path / "password"
    file.write_text("open sesame")
    seen = look_at_store("redis://lab@127.0.0.1:1/0", file, None)
    assert seen.probe.error == "Connection refused"
    step = judge_store(StoreLook(seen.probe)).next_step
    assert step.startswith(f'REDISCLI_AUTH="$(cat {file})" redis-cli -e -h 127.0.0.1 -p 1 --user lab ping')
